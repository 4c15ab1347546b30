"""Cycles of GEMM and ALU instructions worked by hand from rtl/compute/schedule.py."""

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Load, Uop, encode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType, RqtFlag
from myvta.isa.uop_buffer import UopBuffer, UopImage
from myvta.model.timing.timing_constants import cycles
from myvta.model.timing.timing_steps import StepTiming, steps_of

CONFIG = named("1x4x4")
ADD, MUL, RED, RQT = AluOpcode.ADD, AluOpcode.MUL, AluOpcode.RED, AluOpcode.RQT
WAIT, LATE = cycles("HAZARD") - 1, cycles("LATE_READ")


def timing(*uops: tuple[int, int]) -> StepTiming:
    """Return the timing over micro-ops (dst, src)."""
    words = [encode_uop(Uop(dst, src), CONFIG) for dst, src in uops]
    buffer = UopBuffer(CONFIG)
    load = Load(memory_type=MemoryType.UOP, x_size=len(uops))
    buffer.load(load, UopImage(np.array(words, "<u4").tobytes()).rows(load))
    return StepTiming(CONFIG, buffer)


def alu(opcode: AluOpcode, use_imm: int = 0, **fields: int) -> Alu:
    return Alu(alu_opcode=opcode, use_imm=use_imm, **fields)


def test_steps_are_trips_times_micro_ops() -> None:
    assert steps_of(Gemm(uop_bgn=2, uop_end=5, iter_out=4, iter_in=6)) == 3 * 4 * 6
    assert steps_of(Gemm(uop_bgn=5, uop_end=2)) == 0


@pytest.mark.parametrize("item", [Gemm(iter_in=7), alu(ADD, 1, iter_in=7, dst_factor_in=1)])
def test_steps_take_one_cycle_each(item: Gemm | Alu) -> None:
    assert timing((0, 0)).cycles(item) == 7


def test_an_instruction_without_steps_takes_its_place() -> None:
    assert timing((0, 0)).cycles(Gemm(iter_in=0)) == 1


@pytest.mark.parametrize(
    ("uops", "expected"),
    [
        ([(0, 0), (2, 2), (4, 4)], 5),  # every second cycle: both reads of a step in one bank
        ([(0, 0), (1, 1), (2, 2)], 3),  # unit strides alternate between the banks
        ([(0, 1), (2, 3), (4, 5)], 3),  # one read in either bank
        ([(0, 1), (2, 4), (3, 5)], 3),
        ([(0, 2), (1, 4), (3, 5)], 4),  # the second waits for the first's late read
    ],
)
def test_two_operands_wait_for_banks(uops: list[tuple[int, int]], expected: int) -> None:
    assert timing(*uops).cycles(alu(ADD, uop_end=3)) == expected


@pytest.mark.parametrize("opcode", [ADD, MUL])
def test_an_operation_waits_for_the_result_it_reads(opcode: AluOpcode) -> None:
    assert timing((0, 0), (1, 0)).cycles(alu(opcode, 1, uop_end=2)) == 2
    assert timing((0, 0), (0, 0)).cycles(alu(opcode, 1, uop_end=2)) == 2 + WAIT
    assert timing((0, 5), (2, 0)).cycles(alu(opcode, uop_end=2)) == 2 + WAIT


def test_an_operation_waits_for_an_instruction_before() -> None:
    steps = timing((0, 0), (1, 0))
    assert steps.cycles(Gemm(uop_end=1)) == 1
    assert steps.cycles(alu(MUL, 1, uop_end=1)) == 1 + WAIT


def test_an_operation_waits_for_the_late_reads_of_a_gemm() -> None:
    steps = timing((0, 0), (2, 0), (4, 0), (7, 0), (6, 0))
    assert steps.cycles(Gemm(uop_end=3)) == 3  # all in the even bank: its last read is late
    other_bank = steps.cycles(alu(ADD, 1, uop_bgn=3, uop_end=4))
    assert other_bank == 1
    assert steps.cycles(Gemm(uop_end=3)) == 3
    even = steps.cycles(alu(ADD, 1, uop_bgn=4, uop_end=5))
    assert even == 1  # the reads of the GEMM come LATE cycles after it left, not now
    assert steps.cycles(Gemm(iter_in=LATE, uop_end=3)) == 3 * LATE
    assert steps.cycles(alu(ADD, 1, uop_bgn=4, uop_end=5)) == 1 + LATE


def test_rqt_waits_for_parameters_while_a_gemm_reads_their_bank() -> None:
    steps = timing((0, 9), (2, 0), (4, 0), (6, 0))
    gemm = Gemm(iter_in=LATE, uop_bgn=1, uop_end=4)
    assert steps.cycles(gemm) == 3 * LATE  # reads the even bank for LATE cycles more
    assert steps.cycles(alu(RQT, 1, uop_end=1)) == 1 + LATE + 2


def test_red_waits_for_its_source_and_not_for_its_destination() -> None:
    assert timing((0, 1), (0, 3)).cycles(alu(RED, uop_end=2)) == 2
    assert timing((0, 1), (2, 0)).cycles(alu(RED, uop_end=2)) == 2 + WAIT
    steps = timing((0, 0), (1, 0))
    assert steps.cycles(Gemm(uop_end=1)) == 1
    assert steps.cycles(alu(RED, uop_bgn=1, uop_end=2)) == 1 + WAIT


def test_red_never_waits_for_a_bank() -> None:
    assert timing((0, 2), (4, 6), (8, 10)).cycles(alu(RED, uop_end=3)) == 3


def test_rqt_with_a_table_is_as_fast_as_without() -> None:
    table = 1 << RqtFlag.LOOKUP
    steps = timing((0, 8), (1, 8), (2, 8))
    assert steps.cycles(alu(RQT, 1, uop_end=3, imm=table)) == 3 + 3


def test_rqt_waits_for_new_parameters_only() -> None:
    one = timing((0, 8), (1, 8), (2, 8)).cycles(alu(RQT, 1, uop_end=3))
    three = timing((0, 8), (1, 16), (2, 24)).cycles(alu(RQT, 1, uop_end=3))
    assert one == 3 + 3
    assert three == 3 + 3 * 3
