"""Each rule of the portable subset: a stream that breaks it, and the nearest one that does not.

The rules are those of docs/vta_isa.md, section 9; texts name the rule's number there.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.static_checker import MemoryMap, StreamChecker
from myvta.isa.config import Config, named
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Instruction,
    Load,
    Store,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType

BASE = named("base")
UOPS_AT = 1 << 20
STEPS = (Uop(), Uop(1, 1), Uop(2, 2), Uop(3, 3))
ACCS = Load(memory_type=MemoryType.ACC, x_size=8, x_stride=8)
ADD = Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=1, uop_bgn=0, uop_end=4)


def broken(
    *instructions: Instruction, uops: Sequence[Uop] = STEPS, config: Config = BASE,
    finish: Finish | None = None,
) -> list[tuple[int, str]]:
    """Return the findings of a stream that begins by loading its micro-ops."""
    image = b"".join(encode_uop(uop, config).to_bytes(4, "little") for uop in uops)
    stream = [
        Load(memory_type=MemoryType.UOP, x_size=len(uops), x_stride=len(uops)), *instructions,
        finish or Finish(),
    ]
    result = StreamChecker(config).check(
        encode_stream(stream, config), bases={MemoryType.UOP: UOPS_AT},
        memory=MemoryMap(contents=((UOPS_AT, image, "micro-ops"),)), portable=True)
    assert not result.errors, result.errors
    return [(finding.index, finding.text.partition(":")[0]) for finding in result.findings
            if finding.kind is FindingKind.PORTABLE]


def add(**changes: int) -> Alu:
    return Alu(**{**vars(ADD), **changes})


@pytest.mark.parametrize(("number", "bad", "good"), [
    (2, add(alu_opcode=AluOpcode.SHR, imm=16), add(alu_opcode=AluOpcode.SHR, imm=15)),
    (2, add(alu_opcode=AluOpcode.SHR, imm=-17), add(alu_opcode=AluOpcode.SHR, imm=-16)),
    (3, add(alu_opcode=AluOpcode.MUL), add(alu_opcode=AluOpcode.MAX)),
    (3, Load(memory_type=MemoryType.ACC_8BIT, x_size=8, x_stride=8), ACCS),
    (4, add(iter_out=0), add(iter_out=1)),
    (4, add(uop_bgn=1, uop_end=1), add(uop_bgn=1, uop_end=2)),
    (5, Load(memory_type=MemoryType.ACC, y_pad_0=1), Load(memory_type=MemoryType.ACC)),
    (5, Load(memory_type=MemoryType.ACC, x_size=1, y_size=0), ACCS),
    (6, Load(memory_type=MemoryType.ACC, x_size=1, x_pad_0=1), ACCS),
    (6, Load(memory_type=MemoryType.UOP, x_size=2, x_stride=2, y_size=2),
     Load(memory_type=MemoryType.UOP, x_size=4, x_stride=4)),
    (7, Load(memory_type=MemoryType.UOP, sram_base=2045, x_size=4, x_stride=4),
     Load(memory_type=MemoryType.UOP, sram_base=2044, x_size=4, x_stride=4)),
])
def test_fields_of_one_instruction(number: int, bad: Instruction, good: Instruction) -> None:
    assert (2, f"rule {number}") in broken(ACCS, bad)
    assert not broken(ACCS, good)


@pytest.mark.parametrize(("number", "uops", "bad", "good"), [
    (1, (Uop(1, 0), Uop(2, 2)), add(uop_end=2), add(uop_bgn=1, uop_end=2)),
    (1, STEPS, add(iter_in=2, dst_factor_in=4), add(iter_in=2, dst_factor_in=4, src_factor_in=4)),
    (8, (Uop(), Uop(1, 1), Uop()), add(uop_end=3), add(uop_end=2)),
    (8, STEPS, add(uop_end=2, iter_in=2), add(uop_end=3, iter_in=2)),
    (8, (Uop(1, 5), Uop(2, 1), Uop(2, 4), Uop(3, 5)), add(use_imm=0, imm=0, uop_end=2),
     add(use_imm=0, imm=0, uop_bgn=2, uop_end=4)),
])
def test_tiles_of_every_step(
    number: int, uops: Sequence[Uop], bad: Alu, good: Alu
) -> None:
    assert broken(ACCS, bad, uops=uops) == [(2, f"rule {number}")]
    assert not broken(ACCS, good, uops=uops)


JOINED = Store(x_size=4, x_stride=4, pop_prev=1, push_prev=1)


@pytest.mark.parametrize(("last", "kept"), [
    (Load(memory_type=MemoryType.ACC, x_size=4, x_stride=4, push_next=1), False),
    (Gemm(reset=1, iter_in=4, dst_factor_in=1, push_next=1), False),
    (add(push_next=1), True),
    (add(uop_end=3, push_next=1), True),  # the step before it wrote the fourth
])
def test_stored_tiles_come_from_steps(last: Instruction, kept: bool) -> None:
    found = broken(ACCS, add(), last, JOINED, finish=Finish(pop_next=1))
    assert found == ([] if kept else [(4, "rule 9")])


def test_tile_that_was_only_loaded_is_not_in_out() -> None:
    last = add(uop_end=3, push_next=1)
    assert broken(ACCS, last, JOINED, finish=Finish(pop_next=1)) == [(3, "rule 9")]


def test_finish_waits_for_the_last_store() -> None:
    stream = (ACCS, add(push_next=1), Store(x_size=4, x_stride=4, pop_prev=1))
    assert broken(*stream) == [(4, "rule 11")]
    assert not broken(*stream[:2], JOINED, finish=Finish(pop_next=1))


def test_finish_waits_for_the_last_load() -> None:
    load = Load(memory_type=MemoryType.INP, x_size=4, x_stride=4)
    assert broken(load) == [(2, "rule 11")]
    assert not broken(Load(**{**vars(load), "push_next": 1}), finish=Finish(pop_prev=1))


def test_earlier_instruction_of_compute_may_wait_for_finish() -> None:
    load = Load(memory_type=MemoryType.INP, x_size=4, x_stride=4, push_next=1)
    assert not broken(load, Load(**{**vars(ACCS), "pop_prev": 1}))


@pytest.mark.parametrize("config", ["default", "1x4x4_base", "lean"])
def test_configuration_is_vtas(config: str) -> None:
    chosen = named(config)
    found = broken(config=chosen)
    assert ((0, "rule 12") in found) == (config == "1x4x4_base")


def test_rules_are_for_check_portable_alone() -> None:
    stream = encode_stream([Load(memory_type=MemoryType.INP, x_size=1, x_stride=1), Finish()], BASE)
    assert not StreamChecker(BASE).check(stream).findings
    (finding,) = StreamChecker(BASE).check(stream, portable=True).findings
    assert finding.warning
    assert finding.fix == ("set push_next on instruction 0 and pop_prev here, or on an earlier "
                           "instruction of compute")
