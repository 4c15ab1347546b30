"""LOAD on model and RTL: every memory type, padding side, stride, size and base (vta_isa.md 4.1;
rules D5 to D13 of docs/device.md)."""

import numpy as np
import pytest
from device_programs import ACC, ACC_8BIT, BASE, INP, UOP, WGT, Program, load, random_tiles, unpack
from device_run import EVERYWHERE, SLOW_ICARUS, WIDER

from myvta.isa.instructions import Alu, Gemm, Load, Uop
from myvta.isa.opcodes import AluOpcode

TYPES = pytest.mark.parametrize("kind", [INP, WGT, ACC, ACC_8BIT], ids=lambda kind: kind.name)
SEEN = 16  # tiles that are looked at; the LOADs below write fewer
CASES = {
    "plain": dict(x_size=5, x_stride=5),
    "one tile": dict(x_size=1),
    "sram base": dict(x_size=3, sram_base=9),
    "dram base": dict(x_size=3, dram=4),
    "top": dict(x_size=3, x_stride=3, y_pad_0=2),
    "bottom": dict(x_size=3, x_stride=3, y_pad_1=2),
    "left": dict(x_size=2, y_size=2, x_stride=3, x_pad_0=2),
    "right": dict(x_size=2, y_size=2, x_stride=3, x_pad_1=3),
    "all sides": dict(
        x_size=1, y_size=2, x_stride=4, x_pad_0=1, x_pad_1=2, y_pad_0=1, y_pad_1=1, sram_base=0
    ),
    "corners": dict(
        x_size=2, y_size=1, x_pad_0=1, x_pad_1=1, y_pad_0=1, y_pad_1=1, sram_base=3, dram=2
    ),
    "stride": dict(x_size=2, y_size=3, x_stride=4, sram_base=2),
    "stride 0": dict(x_size=2, y_size=3, x_stride=0, dram=3),
    "overlapping rows": dict(x_size=3, y_size=3, x_stride=1, dram=1),
    "x_size 0": dict(x_size=0, y_size=2, x_pad_0=3, y_pad_0=2, sram_base=1),
    "y_size 0": dict(x_size=3, y_size=0, x_stride=3),
    "y_size 0 with padding": dict(
        x_size=2, y_size=0, y_pad_0=1, y_pad_1=2, x_pad_0=1, x_pad_1=1, sram_base=2
    ),
    "all sizes 0": dict(x_size=0, y_size=0),
}


def walk(before, source, x_size, y_size=1, x_stride=0, sram_base=0, dram=0, **pads):
    """Section 4.1 in the words of its own loop."""
    after = before.copy()
    if not x_size:
        return after, 0
    left, right = pads.get("x_pad_0", 0), pads.get("x_pad_1", 0)
    top, bottom = pads.get("y_pad_0", 0), pads.get("y_pad_1", 0)
    width = left + x_size + right
    rows = [[0] * width] * top
    for y in range(y_size):
        at = dram + y * x_stride
        rows.append([0] * left + [source[at + x] for x in range(x_size)] + [0] * right)
    rows += [[0] * width] * bottom
    at = sram_base
    for row in rows:
        for tile in row:
            after[at] = tile
            at += 1
    return after, x_size * y_size


def program_of(config, kind, cases, rng):
    """Build a program: for each case fill, load and show; return it with the expected tiles."""
    program, checks, moved = Program(config), [], 0
    filled = ACC if kind == ACC_8BIT else kind
    source = random_tiles(rng, config, kind, SEEN)
    region = program.data(kind, source)
    fill = random_tiles(rng, config, filled, SEEN)
    background = program.data(filled, fill)
    for case in cases:
        fields = {name: value for name, value in case.items() if name != "dram"}
        program.add(load(background), load(
            region, fields.pop("sram_base", 0), dram_base=region.tile + case.get("dram", 0),
            x_stride=fields.pop("x_stride", 0), **fields,
        ))
        expected, tiles = walk(fill, source, **case)
        moved += tiles
        checks.append((program.show(filled, 0, SEEN), expected))
    return program, checks, moved


@TYPES
@pytest.mark.parametrize("device", [*SLOW_ICARUS, *WIDER], indirect=True)
def test_loads_of_any_padding_stride_and_size_equal_the_reference(device, kind):
    config = device.config
    program, checks, moved = program_of(config, kind, CASES.values(), np.random.default_rng(kind))
    outcome = device.passes(program)
    for name, (shown, expected) in zip(CASES, checks, strict=True):
        np.testing.assert_array_equal(outcome.view(shown), expected, err_msg=name)
    if kind == ACC_8BIT:
        assert outcome.counters["ACC_8BIT_BYTES"] == moved * config.tile_bytes(kind)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_padded_load_equals_hand_computed_values(device):
    """Two rows of one tile, padded left by 1 and right by 2, top and bottom by 1: INP of 1x4x4."""
    program = Program(device.config)
    region = program.data(INP, [[1, 2, 3, 4], [9, 9, 9, 9], [-5, 6, -7, 8]])
    program.load(INP, [[7, 7, 7, 7]] * 18)
    program.add(Load(
        memory_type=INP, sram_base=1, dram_base=region.tile, x_size=1, y_size=2, x_stride=2,
        x_pad_0=1, x_pad_1=2, y_pad_0=1, y_pad_1=1,
    ))
    shown = program.show(INP, 0, 18)
    outcome = device.passes(program)
    zero, seven = [0, 0, 0, 0], [7, 7, 7, 7]
    assert outcome.view(shown).tolist() == [
        seven,
        zero, zero, zero, zero,
        zero, [1, 2, 3, 4], zero, zero,
        zero, [-5, 6, -7, 8], zero, zero,
        zero, zero, zero, zero,
        seven,
    ]
    assert outcome.counters == {
        "ACC_WRITES": 36, "INSTRUCTIONS": 8, "GEMM_STEPS": 18, "ALU_STEPS": 0, "UOP_BYTES": 4,
        "WGT_BYTES": 16, "INP_BYTES": 80, "ACC_BYTES": 0, "ACC_8BIT_BYTES": 0, "OUT_BYTES": 72,
        "LUT_BYTES": 0, "WGT_4BIT_BYTES": 0, "DWC_STEPS": 0,
    }


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_acc_8bit_sign_extends_by_hand(device):
    program = Program(device.config)
    program.load(ACC, [[0x12345678] * 4] * 4)
    region = program.data(ACC_8BIT, [[-128, -1, 0, 127], [1, -2, 3, -4]])
    program.add(Load(
        memory_type=ACC_8BIT, sram_base=1, dram_base=region.tile, x_size=2, x_pad_1=1,
    ))
    shown = program.show_acc(0, 4)
    assert device.passes(program).view(shown).tolist() == [
        [0x12345678] * 4, [-128, -1, 0, 127], [1, -2, 3, -4], [0, 0, 0, 0]
    ]


@TYPES
@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_load_reaches_the_last_tile(device, kind):
    """Data into the very last tile, and padding into it; the tile before stays."""
    config = device.config
    filled = ACC if kind == ACC_8BIT else kind
    depth = config.depth(kind)
    # show needs the last tiles of INP and WGT itself, but of the other memory
    program, rng = Program(config), np.random.default_rng(kind)
    fill, data = random_tiles(rng, config, filled, 4), random_tiles(rng, config, kind, 2)
    background, region = program.data(filled, fill), program.data(kind, data)
    program.add(load(background, depth - 4), load(region, depth - 2))
    first = program.show(filled, depth - 4, 4)
    program.add(
        load(background, depth - 4),
        load(region, depth - 3, x_size=1, x_pad_1=1, y_size=1, x_pad_0=1),
    )
    second = program.show(filled, depth - 4, 4)
    outcome = device.passes(program)
    np.testing.assert_array_equal(outcome.view(first), [*fill[:2], *data])
    zero = np.zeros_like(fill[0])
    np.testing.assert_array_equal(outcome.view(second), [fill[0], zero, data[0], zero])


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_many_rows_and_a_long_row_are_loaded(device):
    """More rows than any queue of the port, and a row longer than any burst."""
    config = device.config
    program, rng = Program(config), np.random.default_rng(5)
    data = random_tiles(rng, config, ACC, 160)
    region = program.data(ACC, data)
    program.add(
        load(region),
        load(region, 160, x_size=1, y_size=40, x_stride=3, y_pad_1=1),
    )
    shown = program.show_acc(0, 201)
    outcome = device.passes(program)
    np.testing.assert_array_equal(
        outcome.view(shown), [*data, *data[:120:3], np.zeros_like(data[0])]
    )


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("field", ["x_stride", "dram_base"])
def test_every_bit_of_stride_and_base_is_used(device, field):
    """Rows 2^n tiles apart, and a row 2^n tiles on: the bytes read are those of the memory."""
    config, program, size = device.config, Program(device.config), 4
    start = program.pointers[INP] - BASE
    program.uops(Uop())
    read = []
    for bit in range(16):
        offset = 1 << bit
        program.add(Load(
            memory_type=INP, sram_base=2 * bit, x_size=1, y_size=2,
            **({"x_stride": offset} if field == "x_stride" else {"dram_base": offset}),
        ))
        read += [0, offset] if field == "x_stride" else [offset, offset]
    shown = program.show(INP, 0, 32)
    outcome = device.passes(program)
    memory = program.launchable()[0]
    places = [start + tile * size for tile in read]
    expected = [unpack(config, INP, memory[at : at + size])[0].tolist() for at in places]
    assert outcome.view(shown).tolist() == expected


UOP_CASES = {
    # slots 0 .. 11 after the LOAD: numbers of the source's micro-ops, 0 for padding
    "row": (dict(x_size=4), [1, 2, 3, 4]),
    "dram base": (dict(x_size=2, dram=3), [4, 5]),
    "padding": (
        dict(x_size=1, y_size=2, x_stride=2, x_pad_0=1, x_pad_1=1, y_pad_0=1, y_pad_1=1),
        [0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 0, 0],
    ),
    "left, top": (dict(x_size=2, x_pad_0=1, y_pad_0=1), [0, 0, 0, 0, 1, 2]),
    "right, bottom": (dict(x_size=2, x_pad_1=1, y_pad_1=1), [1, 2, 0, 0, 0, 0]),
    "stride": (dict(x_size=2, y_size=3, x_stride=3), [1, 2, 4, 5, 7, 8]),
    "overlapping": (dict(x_size=2, y_size=3, x_stride=1), [1, 2, 2, 3, 3, 4]),
    "sram base": (dict(x_size=2, sram_base=5), [None] * 5 + [1, 2]),
    "y_size 0": (dict(x_size=2, y_size=0, y_pad_0=1, y_pad_1=1), [0, 0, 0, 0]),
    "x_size 0": (dict(x_size=0, y_size=3, y_pad_0=2, x_pad_0=2), []),
}
SLOTS = 12


@pytest.mark.parametrize("case", UOP_CASES)
@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_micro_ops_are_loaded_in_two_dimensions(device, case):
    """Slot n adds 2^n to ACC[dst]; then all slots add (src + 1, wgt + 1) to it."""
    config = device.config
    fields, slots = UOP_CASES[case]
    fields = dict(fields)
    program = Program(config)
    source = [Uop(dst=n + 1, src=n % 4, wgt=n % 3) for n in range(SLOTS)]
    old = [Uop(dst=20 + n, src=1, wgt=1) for n in range(SLOTS)]
    program.load(UOP, old)
    region = program.data(UOP, source)
    program.add(load(
        region, fields.pop("sram_base", 0), dram_base=region.tile + fields.pop("dram", 0),
        x_stride=fields.pop("x_stride", 0), **fields,
    ))
    block, lanes = config.block_in, config.lanes
    inp = np.zeros((4, config.batch, block), int)
    inp[:, :, 0], inp[:, :, 1] = np.arange(1, 5).reshape(4, 1), 1
    wgt = np.zeros((3, block, block), int)
    wgt[:, 0, 0], wgt[:, 1, 1] = 1, np.arange(1, 4)
    program.load(INP, inp)
    program.load(WGT, wgt)
    program.load(ACC, np.zeros((32, lanes), int))
    for slot in range(SLOTS):
        program.add(Alu(
            alu_opcode=AluOpcode.ADD, use_imm=1, imm=1 << slot, uop_bgn=slot, uop_end=slot + 1
        ))
    program.add(Gemm(uop_bgn=0, uop_end=SLOTS))
    shown = program.show_acc(0, 32)
    expected = np.zeros((32, config.batch, block), int)
    for slot in range(SLOTS):
        number = slots[slot] if slot < len(slots) else None
        uop = old[slot] if number is None else Uop() if number == 0 else source[number - 1]
        expected[uop.dst] += 1 << slot
        expected[uop.dst, :, 0] += uop.src + 1
        expected[uop.dst, :, 1] += uop.wgt + 1
    outcome = device.passes(program)
    np.testing.assert_array_equal(outcome.view(shown), expected.reshape(32, lanes))


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_last_micro_op_is_loaded(device):
    config = device.config
    depth = config.depth(UOP)
    program = Program(config)
    program.load(ACC, np.zeros((4, config.lanes), int))
    program.load(UOP, [Uop(dst=1), Uop(dst=2), Uop(dst=3)], depth - 3)
    program.add(Alu(use_imm=1, imm=5, uop_bgn=depth - 2, uop_end=depth))
    shown = program.show_acc(0, 4)
    outcome = device.passes(program)
    assert outcome.view(shown)[:, 0].tolist() == [0, 0, 5, 5]
