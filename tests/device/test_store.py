"""STORE on model and RTL: truncation, packing, strides, sizes, and nothing else touched (4.2)."""

import numpy as np
import pytest
from device_programs import ACC, ACC_8BIT, BASE, INP, OUT, UOP, Program, pack, random_tiles
from device_run import EVERYWHERE, WIDER, check_out

from myvta.isa.instructions import Alu, Gemm, Store, Uop
from myvta.isa.opcodes import AluOpcode, MemoryType

SHAPES = {
    "one tile": dict(x_size=1),
    "row": dict(x_size=7, x_stride=7),
    "packed rows": dict(x_size=3, y_size=2, x_stride=3),
    "stride": dict(x_size=2, y_size=3, x_stride=5),
    "column": dict(x_size=1, y_size=4, x_stride=3),
    "stride 0": dict(x_size=2, y_size=3, x_stride=0),
    "overlapping rows": dict(x_size=3, y_size=3, x_stride=1),
    "x_size 0": dict(x_size=0, y_size=3, x_stride=2),
    "y_size 0": dict(x_size=3, y_size=0, x_stride=3),
    "sram base": dict(x_size=4, sram_base=5, x_stride=4),
    "dram base": dict(x_size=2, y_size=2, x_stride=3, dram=3),
}
ROOM = 16


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_stores_of_any_shape_equal_the_reference(device):
    """Rows are packed in OUT and spread in memory; the bytes between keep their values."""
    config = device.config
    program, rng = Program(config), np.random.default_rng(1)
    tiles = random_tiles(rng, config, ACC, ROOM)
    program.load(ACC, tiles)
    checks = []
    for shape in SHAPES.values():
        fields = dict(shape)
        old = random_tiles(rng, config, OUT, ROOM)
        place = program.data(OUT, old)
        dram, sram = fields.pop("dram", 0), fields.get("sram_base", 0)
        program.add(Store(dram_base=place.tile + dram, **fields))
        new, columns = [list(tile) for tile in old], fields["x_size"]
        for y in range(fields.get("y_size", 1)):
            for x in range(columns):
                new[dram + y * fields.get("x_stride", 0) + x] = tiles[sram + y * columns + x]
        checks.append((place, new))
    outcome = device.passes(program)
    for place, new in checks:
        check_out(outcome, place, new)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_truncation_equals_hand_computed_values(device):
    """OUT is the low byte of each lane, without saturation (4.5); neighbours keep theirs."""
    program = Program(device.config)
    program.load(ACC, [[127, 128, 255, 256], [-1, -128, -129, -257], [0x12345678, 5, 6, 7]])
    place = program.store(0, 3)
    before = program.image[place.address - BASE - 4 : place.address - BASE]
    outcome = device.passes(program)
    at = place.address - BASE
    assert outcome.memory[at - 4 : at] == before
    assert outcome.memory[at : at + 12].hex(" ") == "7f 80 ff 00 ff 80 7f ff 78 05 06 07"
    assert outcome.memory[at + 12 : at + 16] == bytes(program.image[at + 12 : at + 16])
    assert outcome.counters["OUT_BYTES"] == 12


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_out_follows_whoever_wrote_acc_last(device):
    """LOAD ACC, LOAD ACC_8BIT, ALU, GEMM reset and GEMM show in OUT (rules D6, D7 of device.md)."""
    program = Program(device.config)
    program.uops(Uop(), Uop(dst=1, src=1))
    program.load(INP, [[1, 2, 3, 4]])
    program.load(MemoryType.WGT, [[1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]])
    program.load(ACC, [[10, 20, 30, 40], [50, 60, 70, 80]])
    places = [program.store(0, 2)]
    program.load(ACC_8BIT, [[-3, -2, -1, 0]])
    places.append(program.store(0, 2))
    program.add(Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=1, uop_end=2))
    places.append(program.store(0, 2))
    program.add(Gemm())
    places.append(program.store(0, 2))
    program.add(Gemm(reset=1, uop_bgn=1, uop_end=2))
    places.append(program.store(0, 2))
    outcome = device.passes(program)
    assert [outcome.tiles(place).tolist() for place in places] == [
        [[10, 20, 30, 40], [50, 60, 70, 80]],
        [[-3, -2, -1, 0], [50, 60, 70, 80]],
        [[-2, -1, 0, 1], [51, 61, 71, 81]],
        [[-1, 1, 3, 5], [51, 61, 71, 81]],
        [[-1, 1, 3, 5], [0, 0, 0, 0]],
    ]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_store_reaches_the_last_tile(device):
    config = device.config
    program, depth = Program(config), config.depth(OUT)
    tiles = random_tiles(np.random.default_rng(2), config, ACC, 5)
    program.load(ACC, tiles, depth - 5)
    place = program.store(depth - 5, 5)
    single = program.store(depth - 1, 1)
    outcome = device.passes(program)
    check_out(outcome, place, tiles)
    check_out(outcome, single, tiles[-1:])


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_many_rows_and_a_long_row_are_stored(device):
    config = device.config
    program = Program(config)
    tiles = random_tiles(np.random.default_rng(3), config, ACC, 200)
    program.load(ACC, tiles)
    long = program.store(0, 200)
    spread = program.data(OUT, np.full((150, config.lanes), 0x55))
    program.add(Store(sram_base=3, dram_base=spread.tile, x_size=1, y_size=50, x_stride=3))
    outcome = device.passes(program)
    check_out(outcome, long, tiles)
    expected = np.full((150, config.lanes), 0x55)
    expected[::3] = tiles[3:53]
    check_out(outcome, spread, expected)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_every_bit_of_stride_and_base_is_used(device):
    """Rows 2^n tiles apart, from tile 2^n on; each pair has two tiles of its own to store."""
    program = Program(device.config)
    tiles = [[n, n + 50, n + 100, n - 128] for n in range(24)]
    program.load(ACC, tiles)
    start, expected = program.pointers[OUT] - BASE, {}
    for n, bit in enumerate(range(4, 16)):  # the first 4 KiB hold nothing else
        dram = 3 * n if bit > 11 else 1 << bit
        program.add(Store(sram_base=2 * n, dram_base=dram, x_size=1, y_size=2, x_stride=1 << bit))
        for row in range(2):
            expected[dram + (row << bit)] = tiles[2 * n + row]
    outcome = device.passes(program)
    for tile, lanes in expected.items():
        at = start + 4 * tile
        assert outcome.memory[at : at + 4] == pack(device.config, OUT, lanes), hex(tile)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_stores_at_any_byte_alignment_write_only_their_bytes(device):
    """A row of every length 1 .. 9 from nine neighbouring tiles on: first and last beats."""
    config = device.config
    program = Program(config)
    tiles = random_tiles(np.random.default_rng(4), config, ACC, 32)
    program.load(ACC, tiles)
    places = [(program.store(length, length), length) for length in range(1, 10)]
    outcome = device.passes(program)
    for place, length in places:
        check_out(outcome, place, tiles[length : 2 * length])


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("memory_type", [UOP, OUT, 7])
def test_empty_store_of_any_memory_type_is_legal(device, memory_type):
    """x_size = 0 moves nothing whatever the type and padding say (RT's no-op has type 0)."""
    program = Program(device.config)
    program.add(Store(
        memory_type=memory_type, x_size=0, y_size=9, y_pad_0=1, x_pad_1=2, sram_base=0xFFFF,
        dram_base=0xFFFF_FFFF,
    ))
    outcome = device.passes(program)
    assert outcome.counters["OUT_BYTES"] == 0
    assert outcome.counters["INSTRUCTIONS"] == 2
