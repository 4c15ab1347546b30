"""STORE to INP and WGT on model and RTL: every field, order with loads and stores, bad inputs."""

import numpy as np
import pytest
from device_programs import ACC, INP, WGT, Program, random_tiles
from device_run import EXTENDED, MODEL, check_out, devices
from faulty_launch import DEPTH, fails

from myvta.isa.instructions import Finish, Gemm, Load, Store, Uop
from myvta.isa.legality import forwards_to_weights
from myvta.isa.opcodes import ErrorCode, MemoryType

WIDER = [
    *devices(MODEL, "1x4x4_int4+forward", "2x8x8+all", "default"),
    *devices("verilator", "1x4x4_int4+forward", "2x8x8+all", slow=True),
]
FIRST = {INP: 2, WGT: 3}  # of the places that are written, tile or row
ROOM = 24
SHAPES = {
    "one tile": dict(x_size=1),
    "row": dict(x_size=9, x_stride=7),
    "packed rows": dict(x_size=3, y_size=3, x_stride=3),
    "stride": dict(x_size=2, y_size=4, x_stride=5),
    "column": dict(x_size=1, y_size=4, x_stride=3),
    "stride 0": dict(x_size=2, y_size=3, x_stride=0),
    "overlapping rows": dict(x_size=3, y_size=3, x_stride=1),
    "x_size 0": dict(x_size=0, y_size=3, x_stride=2, x_pad_0=3),
    "y_size 0": dict(x_size=3, y_size=0, x_stride=3),
    "sram base": dict(x_size=4, sram_base=11, x_stride=4),
    "dram base": dict(x_size=2, y_size=2, x_stride=3, dram=7),
}


def operands(config, tiles):
    """OUT's lanes: the low bits of those of ACC."""
    half = 1 << config.out_width - 1
    return (np.asarray(tiles) + half) % (2 * half) - half


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
@pytest.mark.parametrize("kind", [INP, WGT], ids=lambda kind: kind.name)
def test_forwards_of_any_shape_equal_the_walk(device, kind):
    """Each shape over fresh contents; other tiles and rows keep their values."""
    config = device.config
    if kind == WGT and not forwards_to_weights(config):
        pytest.skip("a result is no row of WGT")
    program, rng = Program(config), np.random.default_rng(kind)
    tiles, unit = random_tiles(rng, config, ACC, ROOM), config.block_out if kind == WGT else 1
    count = -(-(FIRST[kind] + ROOM) // unit)
    checks = []
    for shape in SHAPES.values():
        fields = dict(shape)
        dram, sram = FIRST[kind] + fields.pop("dram", 0), fields.get("sram_base", 0)
        old = random_tiles(rng, config, kind, count)
        program.load(kind, old)
        program.load(ACC, tiles)
        program.add(Store(memory_type=kind, dram_base=dram, **fields))
        rows = old.reshape(count * unit, -1)
        for y in range(fields.get("y_size", 1)):
            for x in range(fields["x_size"]):
                source = tiles[sram + y * fields["x_size"] + x]
                rows[dram + y * fields.get("x_stride", 0) + x] = operands(config, source)
        checks.append((program.show(kind, 0, count), old))
    outcome = device.passes(program)
    for name, (shown, expected) in zip(SHAPES, checks, strict=True):
        np.testing.assert_array_equal(outcome.view(shown), expected, err_msg=name)
    assert outcome.counters["OUT_BYTES"] == sum(
        region.count * config.tile_bytes(MemoryType.OUT)
        for shown, _ in checks for region in shown.planes)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_a_stored_result_is_multiplied_without_memory(device):
    """ACC := X . W, truncated and forwarded to both operands, then multiplied with each other."""
    config, block = device.config, device.config.block_in
    program, rng = Program(config), np.random.default_rng(7)
    left, right = (rng.integers(-9, 9, (block, block)) for _ in range(2))
    program.load(INP, left)
    program.load(WGT, right.reshape(1, -1))
    program.load(ACC, np.zeros((2 * block, block), int))
    program.uops(Uop(), Uop(dst=block, src=20, wgt=5))
    walk = dict(iter_in=block, dst_factor_in=1, src_factor_in=1)
    program.add(
        Gemm(uop_end=1, **walk),
        Store(memory_type=INP, x_size=block, dram_base=20),
        Store(memory_type=WGT, x_size=block, dram_base=5 * block),
        Gemm(uop_bgn=1, uop_end=2, **walk),
    )
    place = program.store(block, block)
    product = operands(config, left @ right.T)
    check_out(device.passes(program), place, product @ product.T)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_loads_and_stores_around_forwards_keep_their_order(device):
    """A load over a forwarded tile, a forward over a loaded one, and stores between forwards."""
    config = device.config
    program, rng = Program(config), np.random.default_rng(8)
    tiles = random_tiles(rng, config, ACC, 60)
    loaded = random_tiles(rng, config, INP, 60)
    program.load(ACC, tiles)
    region = program.load(INP, loaded)
    program.add(Store(memory_type=INP, x_size=60))
    first = program.store(0, 60)
    program.add(Load(memory_type=INP, sram_base=10, dram_base=region.tile, x_size=20, x_pad_1=1))
    second = program.store(30, 30)
    program.add(Store(memory_type=INP, sram_base=40, dram_base=15, x_size=4))
    shown = program.show(INP, 0, 60)
    outcome = device.passes(program)
    expected = operands(config, tiles)
    expected[10:30], expected[30] = loaded[:20], 0
    expected[15:19] = operands(config, tiles[40:44])
    np.testing.assert_array_equal(outcome.view(shown), expected)
    check_out(outcome, first, tiles)
    check_out(outcome, second, tiles[30:60])


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_forwards_and_loads_of_one_scratchpad_at_once(device):
    """Neither waits for the other; without tokens between them they write different tiles."""
    config = device.config
    program, rng = Program(config, raw=True), np.random.default_rng(9)
    region = program.data(INP, random_tiles(rng, config, INP, 120))
    loads = [
        Load(memory_type=INP, sram_base=128, dram_base=region.tile, x_size=60, y_size=2,
             x_stride=60, x_pad_1=2)
        for _ in range(4)
    ]
    forwards = [Store(memory_type=INP, sram_base=at, x_size=100) for at in range(4)]
    weights = [Store(memory_type=WGT, sram_base=at, x_size=90, dram_base=at) for at in range(2)]
    pairs = zip(loads, forwards, strict=True)
    program.add(*(item for pair in pairs for item in pair), *weights, Finish())
    outcome = device.run(program, strict="ignore")
    assert outcome.error == (ErrorCode.NONE, 0)
    assert outcome.counters["INP_BYTES"] == 4 * 120 * 4 and outcome.counters["OUT_BYTES"] == 0


HALF = 0x8000
BAD = {
    "padding": (ErrorCode.OPERAND, Store(memory_type=INP, x_size=1, y_pad_0=1)),
    "padding of WGT": (ErrorCode.OPERAND, Store(memory_type=WGT, x_size=1, x_pad_1=15)),
    "padding before range": (
        ErrorCode.OPERAND, Store(memory_type=INP, x_size=1, x_pad_0=1, dram_base=DEPTH)),
    "source": (ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=2, sram_base=DEPTH - 1)),
    "tile": (ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=1, dram_base=DEPTH)),
    "last of a row": (
        ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=2, dram_base=DEPTH - 1)),
    "far tile": (ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=1, dram_base=1 << 31)),
    "last row": (
        ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=1, y_size=3, x_stride=DEPTH // 2)),
    "far row": (
        ErrorCode.SRAM_RANGE, Store(memory_type=INP, x_size=1, y_size=3, x_stride=HALF)),
    "row of WGT": (ErrorCode.SRAM_RANGE, Store(memory_type=WGT, x_size=1, dram_base=128 * 4)),
    "flag": (ErrorCode.DEPENDENCY, Store(memory_type=WGT, x_size=1, pop_next=1)),
    "ACC": (ErrorCode.MEMORY_TYPE, Store(memory_type=ACC, x_size=1)),
    "LUT": (ErrorCode.MEMORY_TYPE, Store(memory_type=MemoryType.LUT, x_size=1)),
    "WGT_4BIT": (ErrorCode.MEMORY_TYPE, Store(memory_type=MemoryType.WGT_4BIT, x_size=1)),
}


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("case", BAD)
def test_bad_forwards_are_refused_and_the_next_launch_is_exact(device, case):
    fails(device, *BAD[case])


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_forwards_reach_the_last_tile_and_row(device):
    config = device.config
    program, rng = Program(config), np.random.default_rng(10)
    tiles = random_tiles(rng, config, ACC, 4)
    program.load(ACC, tiles, DEPTH - 4)
    program.load(INP, random_tiles(rng, config, INP, 4), DEPTH - 4)
    program.add(
        Store(memory_type=INP, sram_base=DEPTH - 2, x_size=1, y_size=2, dram_base=DEPTH - 3,
              x_stride=2),
        Store(memory_type=WGT, sram_base=DEPTH - 4, x_size=4, dram_base=127 * 4),
    )
    inputs = program.show(INP, DEPTH - 3, 3)
    program.load(ACC, tiles, DEPTH - 4)
    program.add(Store(memory_type=WGT, sram_base=DEPTH - 4, x_size=4, dram_base=127 * 4))
    weights = program.show(WGT, 127, 1)
    outcome = device.passes(program)
    np.testing.assert_array_equal(outcome.view(inputs)[[0, 2]], operands(config, tiles[2:]))
    np.testing.assert_array_equal(
        outcome.view(weights), operands(config, tiles).reshape(1, -1))
