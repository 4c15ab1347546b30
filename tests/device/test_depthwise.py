"""DWC on model and RTL: windows, pitches, factors, and each bad input (docs/device.md)."""

import numpy as np
import pytest
from device_programs import ACC, INP, UOP, WGT, Program, random_tiles
from device_run import EXTENDED, MODEL, devices

from myvta.isa.instructions import Dwc, Gemm, Uop
from myvta.isa.opcodes import ErrorCode

WIDER = [  # windows of 2 x 4, 2 x 2 with shared multipliers, batch 2, two shared lanes, 4 x 4
    *devices(MODEL, "1x8x8_all", "2x8x8+all", "default", "2x16x16", "1x32x32"),
] + [
    pytest.param(
        *parameter.values, id=parameter.id,
        marks=[*parameter.marks, tier, pytest.mark.timeout(900)],
    )
    for name, tier in (
        ("1x8x8_all", pytest.mark.slow), ("default", pytest.mark.slow),
        ("1x32x32", pytest.mark.soak),
    )
    for parameter in devices("verilator", name)
]
TILES = 24


class Bench:
    """Random INP, WGT and ACC on the device and in integers of any size."""

    def __init__(self, config, seed, *uops):
        self.config, self.program = config, Program(config)
        rng = np.random.default_rng(seed)
        self.inp, self.wgt, self.acc = (
            random_tiles(rng, config, kind, TILES) for kind in (INP, WGT, ACC))
        for kind, tiles in ((INP, self.inp), (WGT, self.wgt), (ACC, self.acc)):
            self.program.load(kind, tiles)
        self.uops, self.steps = list(uops or [Uop()]), 0
        self.program.uops(*self.uops)

    def dwc(self, rows, columns, pitch, **fields):
        """Append the instruction and execute it."""
        item = Dwc(window=self.config.window_code(rows, columns), row_pitch=pitch, **fields)
        self.program.add(item)
        for i in range(item.iter_out):
            for j in range(item.iter_in):
                for uop in self.uops[item.uop_bgn : item.uop_end]:
                    self._step(
                        item, (rows, columns, pitch),
                        uop.dst + i * item.dst_factor_out + j * item.dst_factor_in,
                        uop.src + i * item.src_factor_out + j * item.src_factor_in, uop.wgt)

    def _step(self, item, window, a, x, w):
        if item.reset:
            self.acc[a] = 0
            return
        self.steps += 1
        config, (rows, columns, pitch) = self.config, window
        lanes, sharing = config.block_out, config.block_in // config.taps
        weights = self.wgt[w].reshape(lanes, sharing, *config.window)
        sums = np.zeros((config.batch, lanes), np.int64)
        for r in range(rows):
            for c in range(columns):
                tile = self.inp[x + r * pitch + c].reshape(config.batch, lanes)
                for lane in range(lanes):
                    for h in range(sharing):
                        sums[:, lane] += (
                            tile[:, lane - lane % sharing + h] * weights[lane, h, r, c])
        before = 0 if item.overwrite else self.acc[a]
        self.acc[a] = (before + sums.reshape(-1) + 2**31) % 2**32 - 2**31

    def load(self, at, tiles):
        """Load other INP tiles after what the program has done so far."""
        self.program.load(INP, tiles, at)
        self.inp[at : at + len(tiles)] = tiles

    def check(self, device):
        shown = self.program.show_acc(0, TILES)
        outcome = device.passes(self.program)
        np.testing.assert_array_equal(outcome.view(shown), self.acc)
        assert outcome.counters["DWC_STEPS"] == self.steps


def windows(config):
    """Return all windows of small configurations, the corners of larger ones."""
    rows, columns = config.window
    if rows * columns <= 4:
        return [(r + 1, c + 1) for r in range(rows) for c in range(columns)]
    return [(1, 1), (1, columns), (rows, 1), (rows, columns), (rows, columns - 1), (rows - 1, 3)]


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_every_window_sums_its_taps(device):
    bench = Bench(device.config, 1, Uop(dst=1, src=1, wgt=2))
    for number, (rows, columns) in enumerate(windows(device.config)):
        bench.dwc(rows, columns, 5, dst_factor_in=1, src_factor_in=1, iter_in=3,
                  overwrite=number % 2)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
@pytest.mark.parametrize("pitch", [0, 1, 2, 3, 4, 6])
def test_rows_are_a_pitch_apart_in_whatever_bank(device, pitch):
    bench = Bench(device.config, 2, Uop(src=1, wgt=1))
    rows, columns = device.config.window
    rows = min(rows, 3)
    for first in range(3):
        bench.dwc(rows, 2, pitch, dst_factor_in=1, src_factor_in=1, iter_in=4 + first)
    bench.dwc(rows, min(columns, 3), pitch, iter_out=2, iter_in=3, dst_factor_out=7,
              dst_factor_in=2, src_factor_out=4, src_factor_in=1)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
@pytest.mark.parametrize("stride", [0, 1, 2, 3, 5])
def test_windows_move_by_any_stride(device, stride):
    bench = Bench(device.config, 3, Uop(dst=2, src=0, wgt=3))
    rows, columns = device.config.window
    for width in range(1, min(columns, 3) + 1):
        bench.dwc(min(rows, 2), width, 3, iter_in=4, dst_factor_in=1, src_factor_in=stride)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_micro_ops_visit_tiles_in_any_order(device):
    """Windows that move ahead by a column, stay, jump back and ahead again."""
    sources = (4, 5, 5, 3, 9, 10, 8, 12, 0)
    bench = Bench(device.config, 4, *(
        Uop(dst=n, src=src, wgt=n % 4) for n, src in enumerate(sources)))
    rows, _ = device.config.window
    for overwrite in (0, 1):
        bench.dwc(min(rows, 2), 2, 3, uop_end=9, iter_out=2, dst_factor_out=9, src_factor_out=2,
                  overwrite=overwrite)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_reset_clears_and_reads_nothing(device):
    config = device.config
    bench = Bench(config, 5, Uop(dst=1, src=config.depth(INP) - 1, wgt=config.depth(WGT) - 1),
                  Uop(dst=2, src=2, wgt=2))
    bench.dwc(2, 2, 9, reset=1, iter_in=3, dst_factor_in=4, src_factor_in=3)
    bench.dwc(2, 2, 3, uop_bgn=1, uop_end=2, iter_in=3, dst_factor_in=4, src_factor_in=1)
    bench.check(device)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_a_window_of_one_tile_multiplies_a_diagonal(device):
    """GEMM between windows: the operand registers serve both, one step after the other."""
    bench = Bench(device.config, 6, *(Uop(dst=n, src=n, wgt=n) for n in range(4)))
    for at in range(4):
        bench.dwc(2, 2, 3, uop_bgn=at, uop_end=at + 1, iter_in=2, src_factor_in=1, dst_factor_in=8)
        bench.program.add(Gemm(uop_bgn=at, uop_end=at + 1, overwrite=1, dst_factor_in=4, iter_in=2))
        product = bench.wgt[at].reshape(4, 4) @ bench.inp[at]
        bench.acc[at] = bench.acc[at + 4] = product
        bench.dwc(1, 2, 0, uop_bgn=at, uop_end=at + 1)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_the_next_instruction_sees_inp_as_it_is_then(device):
    """The same windows again after a LOAD into them: no column is kept across instructions."""
    bench = Bench(device.config, 7)
    rng = np.random.default_rng(8)
    for _ in range(3):
        bench.dwc(2, 2, 3, iter_in=2, dst_factor_in=1)
        bench.load(0, random_tiles(rng, device.config, INP, 5))
    bench.dwc(2, 2, 3, iter_in=2, dst_factor_in=1)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
@pytest.mark.parametrize("distance", [1, 2, 3])
def test_repeated_destination_accumulates(device, distance):
    bench = Bench(device.config, 9, *(Uop(dst=n, src=n, wgt=n) for n in range(distance)))
    bench.dwc(2, 2, 3, uop_end=distance, iter_out=3, iter_in=3, src_factor_in=1, src_factor_out=2)
    bench.check(device)


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_the_last_tile_of_inp_may_end_a_window(device):
    config = device.config
    depth = config.depth(INP)
    rows, columns = config.window
    reach = (rows - 1) * 3 + columns - 1
    program = Program(config)
    rng = np.random.default_rng(10)
    inp, wgt, acc = (random_tiles(rng, config, kind, count) for kind, count in (
        (INP, reach + 1), (WGT, 1), (ACC, 1)))
    for kind, tiles, at in ((INP, inp, depth - reach - 1), (WGT, wgt, 0), (ACC, acc, 0)):
        program.load(kind, tiles, at)
    program.uops(Uop(src=depth - reach - 1))
    program.add(Dwc(window=config.taps - 1, row_pitch=3))
    program.show_acc(0, 1)
    device.passes(program)


def program_of(config, *uops):
    """Return a program of two LOADs: tiles of ACC, and the micro-ops of what is added."""
    program = Program(config)
    program.load(ACC, np.zeros((2, config.lanes), int))
    program.uops(*uops)
    return program


PAST = {
    # first tile before the end of INP, window, pitch, loops: the last step alone is past it
    "a row": (3, (2, 1), 3, {}),
    "a column": (1, (1, 2), 0, {}),
    "the corner": (4, (2, 2), 3, {}),
    "a walk along the row": (4, (1, 2), 3, {"iter_in": 4, "src_factor_in": 1}),
    "a walk down": (9, (2, 1), 3, {"iter_out": 3, "src_factor_out": 3}),
    "the first tile": (1, (1, 1), 3, {"iter_in": 2, "src_factor_in": 1}),
}


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
@pytest.mark.parametrize("past", PAST)
def test_a_window_past_inp_is_refused_with_its_index(device, past):
    before_end, window, pitch, loops = PAST[past]
    config = device.config
    for closer, code in ((1, ErrorCode.NONE), (0, ErrorCode.STEP_INDEX)):
        program = Program(config)
        program.load(ACC, np.zeros((2, config.lanes), int))
        program.uops(Uop(src=config.depth(INP) - before_end - closer))
        item = Dwc(window=config.window_code(*window), row_pitch=pitch, **loops)
        program.add(item)
        outcome = device.run(program, strict="ignore")
        assert outcome.error == (code, 2 if code else 0)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_the_largest_pitch_is_refused_where_it_leaves_inp(device):
    config = device.config
    pitch = config.depth(WGT) - 1
    program = program_of(config, Uop(src=config.depth(INP) - pitch))
    program.add(Dwc(window=config.window_code(2, 1), row_pitch=pitch))
    device.fails(program, ErrorCode.STEP_INDEX, 2)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("reset", [0, 1])
def test_a_destination_past_the_end_is_refused(device, reset):
    program = program_of(device.config, Uop(dst=1))
    program.add(Dwc(iter_in=2, dst_factor_in=255, reset=reset))
    device.fails(program, ErrorCode.STEP_INDEX, 2)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("window", [4, 7, 64, 127])
def test_a_window_larger_than_the_array_allows_is_refused(device, window):
    program = program_of(device.config, Uop())
    program.add(Dwc(window=window))
    device.fails(program, ErrorCode.OPERAND, 2)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_micro_ops_past_the_buffer_are_refused(device):
    config = device.config
    program = program_of(config, Uop())
    program.add(Dwc(uop_end=config.depth(UOP) + 1))
    device.fails(program, ErrorCode.UOP_RANGE, 2)
