"""ALU instructions: values worked out by hand, plans, hazards and index faults (4.4)."""

from dataclasses import replace

import numpy as np
import pytest
import scalar_reference as reference
from alu_device import HIGH, LOW, alu_device

from myvta.isa.instructions import Alu, Finish, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode
from myvta.isa.register_map import Reg
from myvta.model.alu import operate, waves
from myvta.model.model_errors import DeviceFault

MIN, MAX, ADD, SHR, MUL, RQT = (
    AluOpcode.MIN, AluOpcode.MAX, AluOpcode.ADD, AluOpcode.SHR, AluOpcode.MUL, AluOpcode.RQT,
)


@pytest.mark.parametrize(
    ("opcode", "p", "q", "expected"),
    [
        (MIN, [1, -5, LOW, HIGH], [2, -6, HIGH, LOW], [1, -6, LOW, LOW]),
        (MAX, [1, -5, LOW, HIGH], [2, -6, HIGH, LOW], [2, -5, HIGH, HIGH]),
        (ADD, [1, HIGH, LOW, -1], [2, 1, -1, 1], [3, LOW, HIGH, 0]),
        (MUL, [3, 65536, -1, HIGH], [-4, 65536, LOW, HIGH], [-12, 0, LOW, 1]),
        (SHR, [256, -256, -1, HIGH], [4, 4, 31, 31], [16, -16, -1, 0]),
        (SHR, [5, -5, 5, -5], [32, 32, HIGH, HIGH], [0, -1, 0, -1]),
        (SHR, [1, 1, -1, 3], [-4, -31, -31, -31], [16, LOW, LOW, LOW]),
        (SHR, [1, -1, 1, -1], [-32, -33, LOW, LOW], [0, 0, 0, 0]),
        (SHR, [7, -7, LOW, HIGH], [0, 0, 0, 0], [7, -7, LOW, HIGH]),
    ],
)
def test_tensor_operands_equal_numpy(opcode, p, q, expected):
    it = alu_device([p, q])
    it.run_stream([Alu(alu_opcode=opcode), Finish()])
    assert it.pads.acc[:2, 0].tolist() == [expected, q]


@pytest.mark.parametrize(
    ("opcode", "imm", "expected"),
    [
        (MIN, -3, [-3, -7, LOW, -3]),
        (MAX, 5, [5, 5, 5, HIGH]),
        (ADD, -32768, [-32768, -32775, HIGH - 32767, HIGH - 32768]),
        (MUL, -2, [0, 14, 0, 2]),
        (SHR, 1, [0, -4, LOW // 2, HIGH // 2]),
        (SHR, 31, [0, -1, -1, 0]),
        (SHR, 32767, [0, -1, -1, 0]),
        (SHR, -1, [0, -14, 0, -2]),
        (SHR, -31, [0, LOW, 0, LOW]),
        (SHR, -32, [0, 0, 0, 0]),
        (SHR, -32768, [0, 0, 0, 0]),
    ],
)
def test_immediate_operates_on_dst(opcode, imm, expected):
    """Rule D1 of docs/device.md: the first operand is ACC[dst], also when src is another tile."""
    it = alu_device([[0, -7, LOW, HIGH], [1, 2, 3, 4]])
    it.run_stream([Alu(alu_opcode=opcode, use_imm=1, imm=imm), Finish()])
    assert it.pads.acc[:2, 0].tolist() == [expected, [1, 2, 3, 4]]


def test_loops_and_factors_address_every_tile():
    it = alu_device([[n] * 4 for n in range(60)], [Uop(dst=1, src=2)])
    it.run_stream([
        Alu(
            iter_out=2, iter_in=3, dst_factor_out=30, dst_factor_in=2, src_factor_out=5,
            src_factor_in=11,
        ),
        Finish(),
    ])
    changed = {n: int(it.pads.acc[n, 0, 0]) for n in range(60) if it.pads.acc[n, 0, 0] != n}
    assert changed == {1: 1 + 2, 3: 3 + 13, 5: 5 + 24, 31: 31 + 7, 33: 33 + 18, 35: 35 + 29}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uop_bgn", 1), ("uop_end", 3), ("iter_out", 3), ("iter_in", 3), ("dst_factor_out", 10),
        ("dst_factor_in", 4), ("src_factor_out", 3), ("src_factor_in", 6), ("alu_opcode", MUL),
        ("use_imm", 1), ("alu_opcode", RQT),
    ],
)
def test_instruction_differing_in_one_field_gets_its_own_plan(field, value):
    """Plans are remembered: B after A has the result of B alone."""
    first = Alu(
        uop_end=2, iter_out=2, iter_in=2, dst_factor_out=9, dst_factor_in=3, src_factor_out=2,
        src_factor_in=5,
    )
    second = replace(first, **{field: value})
    if second.alu_opcode == RQT:  # and its sources, three tiles each, overlap the tiles it writes
        first, second = replace(first, use_imm=1), replace(second, use_imm=1, imm=0x400)

    def run(*stream):
        it = alu_device([[0] * 4], [Uop(dst=4, src=1), Uop(dst=5, src=0), Uop(src=7)])
        for instruction in stream:
            it.pads.acc[:] = np.random.default_rng(3).integers(0, 32, it.pads.acc.shape)
            it.run_stream([instruction, Finish()])
        return it.pads.acc.tolist()

    assert run(first, second) == run(second) != run(first)


def test_steps_are_strictly_sequential():
    """A Fibonacci sequence: every step reads the results of the two before it (rule D18)."""
    it = alu_device([[1] * 4] * 2 + [[0] * 4] * 18, [Uop(dst=2, src=1), Uop(dst=2, src=0)])
    it.run_stream([Alu(uop_end=2, iter_in=18, dst_factor_in=1, src_factor_in=1), Finish()])
    got = it.pads.acc[:20, 0, 0].tolist()
    assert got == [
        1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181, 6765,
    ]


def test_repeated_destination_reduces_in_order():
    """MAX over a pooling window, and non-commuting shifts of one tile."""
    it = alu_device([[0] * 4, [3] * 4, [9] * 4, [5] * 4])
    it.run_stream([Alu(alu_opcode=MAX, iter_in=3, src_factor_in=1), Finish()])
    assert it.pads.acc[0, 0].tolist() == [9] * 4
    it = alu_device([[-1000] * 4, [2] * 4, [-3] * 4, [1] * 4])
    it.run_stream([Alu(alu_opcode=SHR, iter_in=3, src_factor_in=1), Finish()])
    assert it.pads.acc[0, 0].tolist() == [-1000] * 4
    it = alu_device([[13] * 4, [2] * 4, [-3] * 4, [1] * 4])
    it.run_stream([Alu(alu_opcode=SHR, iter_in=3, src_factor_in=1), Finish()])
    assert it.pads.acc[0, 0].tolist() == [12] * 4  # ((13 >> 2) << 3) >> 1


def test_source_and_destination_may_be_one_tile():
    it = alu_device([[3, -3, HIGH, LOW]], [Uop(dst=0, src=0)])
    it.run_stream([Alu(), Finish()])
    assert it.pads.acc[0, 0].tolist() == [6, -6, -2, 0]


def test_a_source_written_later_is_read_before():
    it = alu_device([[1] * 4, [2] * 4, [3] * 4], [Uop(dst=0, src=1), Uop(dst=1, src=2)])
    it.run_stream([Alu(uop_end=2), Finish()])
    assert it.pads.acc[:3, 0, 0].tolist() == [3, 5, 3]


def indices(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("dst", "src", "sources", "expected"),
    [
        ((0, 1, 2), (3, 4, 5), 1, [[0, 1, 2]]),
        ((0, 0, 0), (3, 4, 5), 1, [[0], [0], [0]]),
        ((0, 1, 0, 1), (3, 4, 5, 6), 1, [[0, 1], [0, 1]]),
        ((0, 0, 1, 1), (3, 4, 5, 6), 1, [[0, 1], [0, 1]]),
        ((0, 1, 2), (3, 0, 5), 1, [[0], [1, 2]]),
        ((0, 1, 2), (1, 2, 3), 1, [[0, 1, 2]]),
        ((0, 1, 2), (0, 1, 2), 1, [[0, 1, 2]]),
        ((0, 1, 2), (3, 0, 5), 0, [[0, 1, 2]]),
        ((5, 1), (8, 3), 3, [[5], [1]]),
        ((6, 1), (8, 3), 3, [[6, 1]]),
    ],
)
def test_waves_keep_dependent_steps_apart(dst, src, sources, expected):
    got = waves(indices(*dst), indices(*src), sources)
    assert [wave.tolist() for wave, _ in got] == expected


@pytest.mark.parametrize("opcode", [AluOpcode.MIN, MAX, ADD, SHR, MUL])
def test_operate_against_the_reference_at_the_edges(opcode):
    edges = [LOW, LOW + 1, -33, -32, -31, -2, -1, 0, 1, 2, 30, 31, 32, 33, HIGH - 1, HIGH]
    p, q = (grid.reshape(-1) for grid in np.meshgrid(np.array(edges, np.int32), edges))
    got = operate(opcode, p.astype(np.int32), q.astype(np.int32)).tolist()
    assert got == [
        reference.operate(opcode, a, b) for a, b in zip(p.tolist(), q.tolist(), strict=True)
    ]


# -- index faults ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("fields", "uop", "memory"),
    [
        ({"iter_in": 2, "dst_factor_in": 255}, Uop(dst=1), "ACC[256]"),
        ({"iter_in": 2, "src_factor_in": 255}, Uop(src=1), "ACC[256]"),
        ({"alu_opcode": RQT, "use_imm": 1}, Uop(src=254), "ACC[256]"),
        ({"alu_opcode": RQT, "use_imm": 1, "imm": 0x400}, Uop(src=254), "ACC[256]"),
    ],
)
def test_index_past_the_end_is_a_fault(fields, uop, memory):
    it = alu_device([[0] * 4], [uop])
    with pytest.raises(DeviceFault) as error:
        it.run_stream([Alu(**fields), Finish()])
    assert error.value.code == ErrorCode.STEP_INDEX
    assert f"indexes {memory}, depth 256" in error.value.detail


def test_immediate_does_not_read_the_source_index():
    it = alu_device([[0] * 4], [Uop(src=255)])
    it.run_stream([Alu(use_imm=1, imm=3, iter_in=2, src_factor_in=255), Finish()])
    assert it.pads.acc[0, 0].tolist() == [6] * 4
    assert it.counters[Reg.ALU_STEPS] == it.counters[Reg.ACC_WRITES] == 2


@pytest.mark.parametrize(
    ("shift_of_first", "code"), [(99, ErrorCode.RQT_PARAMETER), (0, ErrorCode.STEP_INDEX)]
)
def test_the_first_faulty_step_decides(shift_of_first, code):
    """Step 0 may have a bad parameter, step 1 a bad index: the order is the steps' order."""
    it = alu_device([[0] * 4] * 4, [Uop(dst=0, src=1), Uop(dst=5, src=254)])
    it.pads.acc[3] = shift_of_first
    with pytest.raises(DeviceFault) as error:
        it.run_stream([Alu(alu_opcode=RQT, use_imm=1, uop_end=2), Finish()])
    assert error.value.code == code


@pytest.mark.slow
def test_long_dependent_instructions_take_several_blocks():
    """More steps than are held at once, each depending on the one before it."""
    it = alu_device([[0] * 4, [1] * 4])
    it.run_stream([Alu(iter_out=9, iter_in=16000), Finish()])
    assert it.pads.acc[0, 0].tolist() == [144000] * 4
