"""Cycles of GEMM and ALU instructions worked by hand from rtl/compute/schedule.py."""

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Load, Uop, encode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.isa.uop_buffer import UopBuffer, UopImage
from myvta.model.timing.timing_steps import StepTiming, steps_of

CONFIG = named("1x4x4")
ADD, MUL, RQT = AluOpcode.ADD, AluOpcode.MUL, AluOpcode.RQT


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


@pytest.mark.parametrize("item", [Gemm(iter_in=7), alu(ADD, 1, iter_in=7)])
def test_steps_take_one_cycle_each(item: Gemm | Alu) -> None:
    assert timing((0, 0)).cycles(item) == 7


def test_an_instruction_without_steps_takes_its_place() -> None:
    assert timing((0, 0)).cycles(Gemm(iter_in=0)) == 1


@pytest.mark.parametrize(
    ("uops", "cycles"),
    [
        ([(0, 0)] * 3, 5),  # every second cycle: both reads of a step in one bank
        ([(0, 0), (1, 1), (2, 2)], 3),  # unit strides alternate between the banks
        ([(0, 1), (2, 3), (4, 5)], 3),  # one read in either bank
        ([(0, 1), (1, 0), (2, 2)], 4),  # the second reads both banks late, in the third's way
    ],
)
def test_two_operands_wait_for_banks(uops: list[tuple[int, int]], cycles: int) -> None:
    assert timing(*uops).cycles(alu(ADD, uop_end=3)) == cycles


def test_mul_waits_for_the_result_it_multiplies() -> None:
    assert timing((0, 0), (1, 0)).cycles(alu(MUL, 1, uop_end=2)) == 2
    assert timing((0, 0), (0, 0)).cycles(alu(MUL, 1, uop_end=2)) == 2 + 7


def test_mul_waits_for_an_instruction_before() -> None:
    steps = timing((0, 0), (1, 0))
    assert steps.cycles(Gemm(uop_end=1)) == 1
    assert steps.cycles(alu(MUL, 1, uop_end=1)) == 1 + 7


def test_rqt_waits_for_new_parameters_only() -> None:
    one = timing((0, 8), (1, 8), (2, 8)).cycles(alu(RQT, 1, uop_end=3))
    three = timing((0, 8), (1, 16), (2, 24)).cycles(alu(RQT, 1, uop_end=3))
    assert one == 3 + 3
    assert three == 3 + 3 * 3
