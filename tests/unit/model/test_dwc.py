"""DWC against the scalar reference, which was written without a look at it, and hand-made cases."""

import numpy as np
import pytest
from scalar_reference import ScalarDevice, Stopped

from myvta.isa.config import named
from myvta.isa.fields import uop_layout
from myvta.isa.instructions import Dwc, Uop, encode_uop
from myvta.isa.opcodes import MemoryType
from myvta.model.dwc import DwcUnit
from myvta.model.model_errors import DeviceFault
from myvta.model.scratchpads import Scratchpads


def configuration(name):
    return named(name).replace(depthwise=True, overwrite=True)


def filled(config, seed):
    """Return scratchpads of random lanes, and the scalar device that holds the same."""
    rng = np.random.default_rng(seed)
    pads, scalar = Scratchpads(config), ScalarDevice(config, bytearray())
    for kind, width in ((MemoryType.INP, config.inp_width), (MemoryType.WGT, config.wgt_width),
                        (MemoryType.ACC, 32)):
        tiles = pads.tiles(kind)
        half = 1 << (width - 1)
        tiles[...] = rng.integers(-half, half, tiles.shape)
        getattr(scalar, kind.name.lower())[:] = tiles.astype(int).tolist()
    return pads, scalar


def place_uops(pads, scalar, uops):
    words = [encode_uop(uop, pads.config) for uop in uops]
    pads.uop[: len(words)] = words
    scalar.uop[: len(words)] = words


def random_dwc(config, rng):
    """Return micro-ops and an instruction, most of them inside the scratchpads."""
    depth = {name: config.depth(MemoryType[name.upper()]) for name in ("acc", "inp", "wgt")}
    fields = uop_layout(config)
    uops = [
        Uop(*(int(rng.integers(0, min(size // 2, fields[name].maximum + 1)))
              for name, size in zip(("dst", "src", "wgt"), depth.values(), strict=True)))
        for _ in range(rng.integers(1, 4))
    ]
    return uops, Dwc(
        uop_end=len(uops), iter_out=int(rng.integers(1, 4)), iter_in=int(rng.integers(1, 5)),
        dst_factor_out=int(rng.integers(0, 9)), dst_factor_in=int(rng.integers(0, 3)),
        src_factor_out=int(rng.integers(0, 9)), src_factor_in=int(rng.integers(0, 3)),
        row_pitch=int(rng.integers(0, 12)), window=int(rng.integers(0, config.taps)),
        reset=int(rng.random() < 0.1), overwrite=int(rng.random() < 0.4),
    )


@pytest.mark.parametrize("name", ["1x4x4", "2x8x8", "1x4x4_int4", "default", "2x16x16", "1x32x32"])
def test_random_windows_equal_the_scalar_reference(name):
    config = configuration(name)
    pads, scalar = filled(config, 1)
    unit, rng = DwcUnit(pads), np.random.default_rng(2)
    for _ in range(12):
        uops, item = random_dwc(config, rng)
        place_uops(pads, scalar, uops)
        assert unit.execute(item) == item.iter_out * item.iter_in * len(uops)
        scalar.dwc(item)
        assert pads.tiles(MemoryType.ACC).tolist() == scalar.acc


def test_a_depthwise_convolution_3x3_is_two_instructions_on_eight_taps():
    config = configuration("default")
    assert (config.taps, config.window) == (8, (2, 4))
    rng = np.random.default_rng(3)
    image = rng.integers(-128, 128, (6, 7, 16))  # rows, columns, channels
    kernel = rng.integers(-128, 128, (16, 3, 3))
    pads = Scratchpads(config)
    pads.inp_rows[: 6 * 7] = image.reshape(-1, 16)
    weights = np.zeros((2, 16, 16))  # rows 0 and 1, row 2; [lane][half, row, column of the window]
    for lane in range(16):
        for row in range(3):
            tap = lane % 2 * 8 + row % 2 * 4
            weights[row // 2, lane, tap : tap + 3] = kernel[lane, row]
    pads.wgt_rows[:32] = weights.reshape(-1, 16)
    pads.uop[:2] = [encode_uop(Uop(0, 0, 0), config), encode_uop(Uop(0, 14, 1), config)]
    walk = {"iter_out": 4, "iter_in": 5, "dst_factor_out": 5, "dst_factor_in": 1,
            "src_factor_out": 7, "src_factor_in": 1, "row_pitch": 7}
    unit = DwcUnit(pads)
    unit.execute(Dwc(uop_end=1, window=config.window_code(2, 3), overwrite=1, **walk))
    unit.execute(Dwc(uop_bgn=1, uop_end=2, window=config.window_code(1, 3), **walk))
    expected = sum(
        image[row : row + 4, column : column + 5] * kernel[:, row, column]
        for row in range(3) for column in range(3)
    )
    assert (pads.acc[:20, 0].reshape(4, 5, 16) == expected).all()


def test_a_window_past_the_input_is_a_fault_and_changes_nothing():
    config = configuration("1x4x4")
    pads, scalar = filled(config, 4)
    place_uops(pads, scalar, [Uop(0, 250, 0)])
    before = pads.acc.copy()
    with pytest.raises(DeviceFault, match=r"step \(out 0, in 3, micro-op 0\) indexes INP\[256\]"):
        DwcUnit(pads).execute(Dwc(
            iter_in=9, src_factor_in=1, row_pitch=3, window=config.window_code(2, 1)))
    assert (pads.acc == before).all()
    with pytest.raises(Stopped):
        scalar.dwc(Dwc(iter_in=9, src_factor_in=1, row_pitch=3, window=2))
