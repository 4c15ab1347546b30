"""LOAD WGT_4BIT on model and RTL: order and sign of nibbles, every field, padding, bad inputs."""

import numpy as np
import pytest
from device_programs import WGT, WGT_4BIT, Program, load, random_tiles
from device_run import EXTENDED, MODEL, devices
from faulty_launch import fails

from myvta.isa.instructions import Load
from myvta.isa.opcodes import ErrorCode

WIDER = [
    *devices(MODEL, "2x8x8+all", "default"),
    *devices("verilator", "2x8x8+all", slow=True),
]
SHAPES = {
    "one tile": dict(x_size=1),
    "odd tile": dict(x_size=1, dram=3),
    "row": dict(x_size=5, x_stride=5, dram=1),
    "stride": dict(x_size=2, y_size=3, x_stride=3, sram_base=1),
    "stride 0": dict(x_size=2, y_size=2, x_stride=0, dram=5),
    "padding": dict(
        x_size=1, y_size=2, x_stride=4, x_pad_0=1, x_pad_1=1, y_pad_0=1, y_pad_1=1, sram_base=1),
    "x_size 0": dict(x_size=0, y_size=2, y_pad_0=2),
    "y_size 0 with padding": dict(x_size=2, y_size=0, y_pad_0=1, x_pad_1=1, sram_base=2),
}
SEEN, SOURCE = 16, 12


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_nibbles_are_sign_extended_even_ones_from_the_low_bits(device):
    program = Program(device.config)
    region = program.data(WGT_4BIT, [[0, 1, -1, 7, -8, 2, 3, -3, 4, -4, 5, -5, 6, -6, -7, 0]])
    program.add(load(region))
    shown = program.show(WGT, 0, 1)
    at = region.address - 0x10000
    assert bytes(program.image[at : at + 8]).hex(" ") == "10 7f 28 d3 c4 b5 a6 09"
    outcome = device.passes(program)
    assert outcome.view(shown).tolist() == [
        [0, 1, -1, 7, -8, 2, 3, -3, 4, -4, 5, -5, 6, -6, -7, 0]]
    assert outcome.counters["WGT_4BIT_BYTES"] == 8


@pytest.mark.parametrize("device", [*EXTENDED, *WIDER], indirect=True)
def test_loads_of_any_shape_equal_the_walk(device):
    config = device.config
    program, rng, checks, moved = Program(config), np.random.default_rng(4), [], 0
    source = random_tiles(rng, config, WGT_4BIT, SOURCE)
    region = program.data(WGT_4BIT, source)
    for shape in SHAPES.values():
        fields = dict(shape)
        old = random_tiles(rng, config, WGT, SEEN)
        program.load(WGT, old)
        dram, first = fields.pop("dram", 0), fields.pop("sram_base", 0)
        program.add(load(region, first, dram_base=region.tile + dram,
                         x_stride=fields.pop("x_stride", 0), **fields))
        rows, columns = fields.get("y_size", 1), fields["x_size"]
        moved += rows * columns
        left, right = fields.get("x_pad_0", 0), fields.get("x_pad_1", 0)
        grid = np.zeros((fields.get("y_pad_0", 0) + rows + fields.get("y_pad_1", 0),
                         left + columns + right, old.shape[1]), int)
        for y in range(rows):
            at = dram + y * shape.get("x_stride", 0)
            grid[fields.get("y_pad_0", 0) + y, left : left + columns] = source[at : at + columns]
        if columns:
            written = grid.reshape(-1, old.shape[1])
            old[first : first + len(written)] = written
        checks.append((program.show(WGT, 0, SEEN), old))
    outcome = device.passes(program)
    for name, (shown, expected) in zip(SHAPES, checks, strict=True):
        np.testing.assert_array_equal(outcome.view(shown), expected, err_msg=name)
    assert outcome.counters["WGT_4BIT_BYTES"] == moved * config.tile_bytes(WGT_4BIT)


BAD = {
    "range": (ErrorCode.SRAM_RANGE, Load(memory_type=WGT_4BIT, x_size=2, sram_base=127)),
    "padding past the end": (
        ErrorCode.SRAM_RANGE, Load(memory_type=WGT_4BIT, x_size=1, x_pad_1=1, sram_base=127)),
    "flag": (ErrorCode.DEPENDENCY, Load(memory_type=WGT_4BIT, x_size=1, pop_prev=1)),
    "window": (ErrorCode.WINDOW, Load(memory_type=WGT_4BIT, x_size=1, dram_base=0xFFFF_FFF0)),
}


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("case", BAD)
def test_bad_loads_are_refused_and_the_next_launch_is_exact(device, case):
    fails(device, *BAD[case])
