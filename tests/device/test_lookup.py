"""Lookup tables on model and RTL: LOAD LUT in every shape, RQT through each table, bad options."""

import numpy as np
import pytest
from device_programs import ACC, LUT, POINTERS, Program
from device_run import EXTENDED, LOOKUP_REDUCE
from scalar_reference import requantize, wrap

from myvta.isa.instructions import Alu, Gemm, Load, Uop
from myvta.isa.opcodes import LUT_ENTRIES, LUT_TABLES, AluOpcode, ErrorCode, RqtFlag

LOOKUP, BYPASS, RELU = (1 << flag for flag in (RqtFlag.LOOKUP, RqtFlag.BYPASS, RqtFlag.RELU))


def rqt(imm, table=None, **fields):
    """Return an RQT with options, through a table."""
    if table is not None:
        imm |= LOOKUP | table << RqtFlag.LOOKUP + 1
    return Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, **fields)


def random_tables(seed, count):
    return np.random.default_rng(seed).integers(-(2**15), 2**15, (count, LUT_ENTRIES))


class Bench:
    """Values in ACC[0 ..] with neutral parameters behind them; RQT without scaling."""

    def __init__(self, device, values):
        self.device, self.program = device, Program(device.config)
        lanes = device.config.lanes
        values = [*values, *values[: -len(values) % lanes]]
        self.values = np.array(values).reshape(-1, lanes)
        self.count = len(self.values)
        self.program.load(ACC, self.values)
        self.program.load(ACC, np.zeros((3, lanes), int), self.count)
        self.program.uops(Uop(dst=0, src=self.count))

    def rqt(self, imm=0, table=None, **fields):
        """Requantize all values in place, or with other loop fields."""
        loops = {"iter_in": self.count, "dst_factor_in": 1, **fields}
        self.program.add(rqt(imm | BYPASS, table, **loops))

    def seen(self):
        shown = self.program.show_acc(0, self.count)
        return self.device.passes(self.program).view(shown)

    def expected(self, tables, imm=0):
        """Return the entries for the values: a list of tables, one for each tile."""
        width = self.device.config.out_width
        return [
            [table[requantize(int(value), 0, 0, 0, imm | BYPASS, width) & 0xFF] for value in tile]
            for tile, table in zip(self.values, tables, strict=True)
        ]


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
@pytest.mark.parametrize("number", range(LUT_TABLES))
def test_every_value_selects_its_entry_of_the_table(device, number):
    tables = random_tables(number, LUT_TABLES)
    bench = Bench(device, range(-130, 130))
    bench.program.load(LUT, tables)
    bench.rqt(table=number)
    np.testing.assert_array_equal(bench.seen(), bench.expected([tables[number]] * bench.count))


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
@pytest.mark.parametrize("imm", [0, 10, 0xF0, RELU, RELU | 0xC0, RELU | 20, 1 << RqtFlag.AWAY])
def test_the_entry_is_selected_after_zero_point_and_clamp(device, imm):
    tables = random_tables(imm, 1)
    bench = Bench(device, [-(2**31), -300, -128, -65, -9, -8, -1, 0, 1, 7, 8, 100, 127, 2**31 - 1])
    bench.program.load(LUT, tables, 2)
    bench.rqt(imm, table=2)
    np.testing.assert_array_equal(bench.seen(), bench.expected([tables[0]] * bench.count, imm))


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_steps_with_and_without_tables_in_any_order_are_exact(device):
    """Each step reads the result of one of the steps before it, at every distance."""
    config, program, rng = device.config, Program(device.config), np.random.default_rng(5)
    tables = rng.integers(-100, 100, (LUT_TABLES, LUT_ENTRIES))
    acc = rng.integers(-120, 120, (16, config.lanes))
    program.load(LUT, tables)
    program.load(ACC, acc)
    program.load(ACC, np.zeros((3, config.lanes), int), 16)
    expected = acc.tolist()
    half = 1 << config.out_width - 1
    uops = program.uops(*(Uop(dst=n, src=16) for n in range(16)),
                        *(Uop(dst=n, src=m) for n in range(4) for m in range(4)))
    for number in range(60):
        dst = int(rng.integers(0, 3))
        if number % 4 == 3:
            src = int(rng.integers(0, 3))
            at = uops + 16 + 4 * dst + src
            program.add(Alu(alu_opcode=AluOpcode.ADD, uop_bgn=at, uop_end=at + 1))
            expected[dst] = [wrap(p + q) for p, q in zip(expected[dst], expected[src],
                                                         strict=True)]
            continue
        table = None if number % 3 == 0 else int(rng.integers(0, LUT_TABLES))
        program.add(rqt(BYPASS, table, uop_bgn=uops + dst, uop_end=uops + dst + 1))
        clamped = [min(max(p, -half), half - 1) for p in expected[dst]]
        expected[dst] = clamped if table is None else [int(tables[table][v]) for v in clamped]
    shown = program.show_acc(0, 16)
    assert device.passes(program).view(shown).tolist() == expected


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_rows_of_tables_with_stride_and_padding(device):
    """Two rows of one table, two strides apart, in the middle of a padded column."""
    tables = random_tables(9, 5)
    bench = Bench(device, range(device.config.lanes * LUT_TABLES))
    region = bench.program.data(LUT, tables)
    bench.program.load(LUT, random_tables(10, LUT_TABLES))
    bench.program.add(Load(
        memory_type=LUT, sram_base=0, dram_base=region.tile + 1, x_size=1, y_size=2, x_stride=3,
        y_pad_0=1, y_pad_1=1,
    ))
    for number in range(LUT_TABLES):
        bench.program.uops(Uop(dst=number, src=bench.count))
        bench.program.add(rqt(BYPASS, number, uop_bgn=1 + number, uop_end=2 + number))
    zeros = np.zeros(LUT_ENTRIES, int)
    loaded = [zeros, tables[1], tables[4], zeros]
    np.testing.assert_array_equal(bench.seen(), bench.expected(loaded))


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_padding_left_and_right_zeroes_tables(device):
    tables = random_tables(11, 2)
    bench = Bench(device, range(-4, device.config.lanes * LUT_TABLES - 4))
    bench.program.load(LUT, random_tables(12, LUT_TABLES))
    bench.program.load(LUT, tables, x_size=2, x_pad_0=1, x_pad_1=1)
    for number in range(LUT_TABLES):
        bench.program.uops(Uop(dst=number, src=bench.count))
        bench.program.add(rqt(BYPASS, number, uop_bgn=1 + number, uop_end=2 + number))
    zeros = np.zeros(LUT_ENTRIES, int)
    np.testing.assert_array_equal(bench.seen(), bench.expected([zeros, *tables, zeros]))


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_a_table_loaded_behind_steps_replaces_it_for_later_ones_only(device):
    old, new = random_tables(1, 1), random_tables(2, 1)
    bench = Bench(device, range(2 * device.config.lanes))
    bench.program.load(LUT, old)
    bench.program.add(Gemm(reset=1, iter_in=0))
    bench.rqt(table=0, iter_in=1)
    bench.program.load(LUT, new)
    bench.program.uops(Uop(dst=1, src=bench.count))
    bench.program.add(rqt(BYPASS, 0, uop_bgn=1, uop_end=2))
    np.testing.assert_array_equal(bench.seen(), bench.expected([old[0], new[0]]))


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("imm", [
    -1 << 15, 1 << 14, LOOKUP | 1 << 14, LOOKUP | -1 << 15, 1 << 12, 1 << 13, 3 << 12,
])
def test_reserved_options_are_refused(device, imm):
    program = Program(device.config, raw=True)
    program.add(Gemm(iter_in=0), rqt(imm))
    device.fails(program, ErrorCode.OPERAND, 1)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("fields", [
    {"sram_base": LUT_TABLES, "x_size": 1}, {"sram_base": LUT_TABLES - 1, "x_size": 2},
    {"x_size": 1, "y_size": LUT_TABLES + 1}, {"x_size": LUT_TABLES, "x_pad_1": 1},
    {"x_size": 1, "y_pad_0": LUT_TABLES}, {"sram_base": 0xFFFF, "x_size": 1},
])
def test_tables_past_the_last_are_refused(device, fields):
    program = Program(device.config, raw=True)
    program.add(Gemm(iter_in=0), Load(memory_type=LUT, **fields))
    device.fails(program, ErrorCode.SRAM_RANGE, 1)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_a_table_outside_the_window_is_refused(device):
    program = Program(device.config, raw=True)
    program.add(Load(memory_type=LUT, dram_base=0xFFFF_FFF0, x_size=1))
    device.fails(program, ErrorCode.WINDOW, 0)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("moved", [16, 256])
def test_the_accumulator_pointer_is_a_multiple_of_a_table(device, moved):
    program = Program(device.config)
    program.pointers[POINTERS[LUT]] += moved
    device.fails(program, ErrorCode.ALIGNMENT, 0)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_a_load_of_no_tables_leaves_them(device):
    tables = random_tables(3, LUT_TABLES)
    bench = Bench(device, range(device.config.lanes))
    bench.program.load(LUT, tables)
    bench.program.add(Load(memory_type=LUT, x_size=0, y_size=9, sram_base=9))
    bench.program.add(Load(memory_type=LUT, x_size=3, y_size=0, sram_base=3))
    bench.rqt(table=3)
    np.testing.assert_array_equal(bench.seen(), bench.expected([tables[3]]))
