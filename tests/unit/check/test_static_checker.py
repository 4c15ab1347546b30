"""The static checker on directed streams: each finding, where it is, and its fix."""

import pytest
from checked_programs import check
from device_programs import ACC, INP, OUT, SIZE, UOP, WGT, Program, load

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.memory_map import MemoryRegion
from myvta.isa.check.static_checker import LIMIT, MemoryMap, StreamChecker
from myvta.isa.check.stream_walk import OnChipState
from myvta.isa.config import named
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
    StreamLengthError,
    Undefined,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import QUEUE_DEPTH, TOKEN_CAPACITY, AluOpcode, MemoryType

CONFIG = named("1x4x4")
DEPTH = {kind: CONFIG.depth(kind) for kind in MemoryType}
INPS = Load(memory_type=INP, x_size=4, x_stride=4)
WGTS = Load(memory_type=WGT, x_size=1, x_stride=1)
UOPS = Load(memory_type=UOP, x_size=2, x_stride=2)
ACCS = Load(memory_type=ACC, x_size=4, x_stride=4, dram_base=64)
CLEAR = Gemm(reset=1, iter_in=4, dst_factor_in=1)
PAIR = (Uop(), Uop(1, 1, 0))
BASES = dict.fromkeys(MemoryType, 0) | {UOP: 0x8000}


def image(*uops):
    return (0x8000, b"".join(encode_uop(it, CONFIG).to_bytes(4, "little") for it in uops), "uops")


def found(*instructions, uops=PAIR, chip=None, **memory):
    """Check instructions and a FINISH; return the check."""
    memory = {"contents": (image(*uops),), **memory}
    return StreamChecker(CONFIG).check(
        encode_stream([*instructions, Finish()], CONFIG), bases=BASES,
        memory=MemoryMap(**memory), chip=chip,
    )


def kinds(check):
    return [(it.kind, it.index) for it in check.findings]


ORDERED = (
    Load(**vars(UOPS)), INPS, Load(memory_type=WGT, x_size=1, x_stride=1, push_next=1),
    Gemm(reset=1, iter_in=4, dst_factor_in=1),
    Gemm(pop_prev=1, iter_in=4, dst_factor_in=1, src_factor_in=1, push_next=1),
    Store(pop_prev=1, x_size=4, x_stride=4, dram_base=100),
)


def test_correct_stream_has_no_finding():
    assert found(*ORDERED).findings == ()


@pytest.mark.parametrize(("at", "flag", "kind"), [
    (2, "push_next", FindingKind.DEADLOCK), (4, "pop_prev", FindingKind.RACE),
    (4, "push_next", FindingKind.DEADLOCK),
    (5, "pop_prev", FindingKind.RACE),
])
def test_a_missing_flag_is_a_race_or_a_deadlock(at, flag, kind):
    stream = list(ORDERED)
    stream[at] = type(stream[at])(**{**vars(stream[at]), flag: 0})
    verdict = found(*stream)
    assert kind in {it.kind for it in verdict.errors}
    assert all(it.listing and it.fix for it in verdict.findings)


def test_a_race_names_both_instructions_and_the_flags():
    stream = list(ORDERED)
    stream[4] = Gemm(**{**vars(stream[4]), "pop_prev": 0})
    race = next(it for it in found(*stream).findings if it.kind == FindingKind.RACE)
    assert (race.other, race.index) == (2, 4)
    assert "WGT[0]" in race.text
    assert "push_next on instruction 2" in race.fix and "pop_prev on instruction 4" in race.fix
    assert race.listing.startswith("gemm uops=0:1")


def test_only_touched_tiles_race():
    apart = Load(memory_type=INP, sram_base=4, x_size=4, x_stride=4)
    assert found(*ORDERED[:5], apart, ORDERED[5]).findings == ()
    again = Load(memory_type=INP, sram_base=3, x_size=4, x_stride=4)
    verdict = found(*ORDERED[:5], again, ORDERED[5])
    assert kinds(verdict) == [(FindingKind.RACE, 5)]
    assert verdict.findings[0].other == 4 and "INP[3]" in verdict.findings[0].text


def test_memory_races_row_by_row():
    """A load of every second tile beside a store of the others, and of the same ones."""
    half = dict(x_size=1, y_size=4, x_stride=2, dram_base=100)
    store = Store(pop_prev=1, **half)
    between = Load(memory_type=INP, sram_base=8, **{**half, "dram_base": 101})
    same = Load(memory_type=INP, sram_base=8, **{**half, "dram_base": 106})
    assert found(*ORDERED[:5], store, between).findings == ()
    verdict = found(*ORDERED[:5], store, same)
    assert kinds(verdict) == [(FindingKind.RACE, 6)]
    assert "memory 0x1a8..0x1ab" in verdict.findings[0].text  # tile 106 of 4 bytes
    assert "compute" in verdict.findings[0].fix  # load and store have no queue of their own


def test_load_ordered_after_a_store_through_compute_is_accepted():
    store = Store(pop_prev=1, x_size=4, x_stride=4, dram_base=100, push_prev=1)
    relay = Load(memory_type=UOP, pop_next=1, push_prev=1)
    after = Load(memory_type=INP, x_size=4, x_stride=4, dram_base=100, pop_next=1)
    assert found(*ORDERED[:5], store, relay, after).findings == ()


def test_cycle_of_waits_is_a_deadlock():
    verdict = found(Load(memory_type=INP, pop_next=1, push_next=1),
                    Load(memory_type=UOP, pop_prev=1, push_prev=1))
    assert kinds(verdict) == [(FindingKind.DEADLOCK, 0), (FindingKind.DEADLOCK, 1)]
    assert "which instruction 1 would push" in verdict.findings[0].text


def test_finish_in_a_deadlock_is_reported():
    verdict = found(Store(pop_prev=1))
    assert kinds(verdict) == [(FindingKind.DEADLOCK, 0), (FindingKind.DEADLOCK, 1)]
    assert "only 0 are pushed" in verdict.findings[0].text


def test_full_module_queue_is_a_deadlock():
    waiting = [Load(memory_type=INP, pop_next=int(n == 0)) for n in range(QUEUE_DEPTH + 9)]
    giver = Load(memory_type=UOP, push_prev=1)
    assert found(giver, *waiting).findings == ()
    verdict = found(*waiting, giver)
    assert {it.kind for it in verdict.findings} == {FindingKind.DEADLOCK}
    assert "never fetched" in verdict.findings[-1].text


def test_full_token_queue_is_a_deadlock():
    givers = [Load(memory_type=INP, push_next=1)] * (TOKEN_CAPACITY + 1)
    verdict = found(*givers, Load(memory_type=UOP, pop_prev=1))
    assert verdict.findings[0].kind == FindingKind.TOKENS
    verdict = found(*givers)
    assert (FindingKind.DEADLOCK, TOKEN_CAPACITY) in kinds(verdict)


def test_tokens_left_over_are_a_warning():
    verdict = found(Load(memory_type=INP, push_next=1), Load(memory_type=INP, push_next=1))
    assert kinds(verdict) == [(FindingKind.TOKENS, 0)]
    assert verdict.errors == () and verdict.findings[0].warning


def test_missing_finish_and_instructions_after_finish_are_reported():
    checker = StreamChecker(CONFIG)
    verdict = checker.check(encode_stream([INPS], CONFIG))
    assert kinds(verdict) == [(FindingKind.FINISH, 0)]
    assert kinds(checker.check(b"")) == [(FindingKind.FINISH, 0)]
    verdict = checker.check(encode_stream([Finish(), Undefined(5)], CONFIG))
    assert kinds(verdict) == [(FindingKind.UNREACHABLE, 1)] and not verdict.errors


def test_truncated_stream_is_refused():
    with pytest.raises(StreamLengthError, match="multiple of 16"):
        StreamChecker(CONFIG).check(bytes(17))


@pytest.mark.parametrize(("it", "kind"), [
    (Undefined(6), FindingKind.ILLEGAL),
    (Load(memory_type=OUT, x_size=1), FindingKind.ILLEGAL),
    (Load(memory_type=INP, pop_prev=1), FindingKind.ILLEGAL),
    (Store(x_size=1, x_pad_0=1), FindingKind.ILLEGAL),
    (Alu(alu_opcode=5), FindingKind.ILLEGAL),
    (Store(memory_type=INP, x_size=1), FindingKind.ILLEGAL),
    (Alu(alu_opcode=AluOpcode.RQT), FindingKind.ILLEGAL),
    (Load(memory_type=INP, sram_base=DEPTH[INP] - 1, x_size=2), FindingKind.BOUNDS),
    (Store(sram_base=DEPTH[OUT] - 1, x_size=2), FindingKind.BOUNDS),
    (Gemm(uop_end=DEPTH[UOP] + 1), FindingKind.BOUNDS),
    (Gemm(iter_in=2, dst_factor_in=DEPTH[ACC] - 1, reset=1, uop_bgn=1, uop_end=2),
     FindingKind.BOUNDS),
    (Gemm(iter_out=2, src_factor_out=DEPTH[INP] - 1, uop_bgn=1, uop_end=2), FindingKind.BOUNDS),
])
def test_malformed_instruction_is_reported(it, kind):
    verdict = found(UOPS, it)
    assert (kind, 1) in kinds(verdict)
    assert next(f for f in verdict.findings if f.kind == kind).fix


def test_extensions_of_another_configuration_are_reported():
    config = named("1x4x4_base")
    code = encode_stream([Gemm(overwrite=1), Finish()], config)
    assert (FindingKind.ILLEGAL, 0) in kinds(StreamChecker(config).check(code))


def test_steps_at_the_very_end_of_a_scratchpad_are_legal():
    last = Uop(dst=DEPTH[ACC] - 4)
    assert found(UOPS, CLEAR, uops=(last, last)).findings == ()
    past = Uop(dst=DEPTH[ACC] - 3)
    assert kinds(found(UOPS, CLEAR, uops=(past, past))) == [(FindingKind.BOUNDS, 1)]


def test_uninitialized_reads_are_reported():
    verdict = found(*ORDERED[:3], ORDERED[4], ORDERED[5])  # without the reset
    assert kinds(verdict) == [(FindingKind.UNWRITTEN, 3)]
    assert "ACC[0..3]" in verdict.findings[0].text
    rqt = Alu(alu_opcode=AluOpcode.RQT, use_imm=1, iter_in=2, dst_factor_in=1, uop_bgn=1,
              uop_end=2)
    verdict = found(UOPS, ACCS, rqt, uops=(Uop(), Uop(0, 2, 0)))
    assert kinds(verdict) == [(FindingKind.UNWRITTEN, 2)] and "ACC[4]" in verdict.findings[0].text


def test_state_of_earlier_launches_counts_as_written():
    first = found(UOPS, CLEAR)
    later = [Store(x_size=4, x_stride=4)]
    assert kinds(found(*later)) == [(FindingKind.UNWRITTEN, 0)]
    assert found(*later, chip=first.chip).findings == ()
    assert found(CLEAR, chip=first.chip).findings == ()  # micro-ops too
    assert kinds(found(CLEAR)) == [(FindingKind.MICRO_OPS, 0)]


def test_unknown_micro_ops_are_reported():
    verdict = found(UOPS, CLEAR, contents=())
    assert kinds(verdict) == [(FindingKind.MICRO_OPS, 0), (FindingKind.MICRO_OPS, 1)]
    part = Load(memory_type=UOP, x_size=3, x_stride=3)
    assert (FindingKind.MICRO_OPS, 0) in kinds(found(part))  # the image has two


def test_micro_ops_of_padding_are_zeros():
    padded = Load(memory_type=UOP, x_size=1, x_stride=1, x_pad_1=1, dram_base=1)
    verdict = found(padded, Gemm(reset=1, uop_end=2), Store(x_size=2, x_stride=2, pop_prev=0))
    assert {it.kind for it in verdict.findings} == {FindingKind.RACE}  # both tiles are written


def test_window_and_alignment_are_checked():
    memory = {"window": (0x1000, 0x1000), "contents": ((0x1800, image(Uop())[1], "uops"),)}
    inside = Load(memory_type=INP, dram_base=0x400, x_size=4, x_stride=4)
    below = Load(memory_type=INP, dram_base=0x3FF, x_size=4, x_stride=4)
    rows = Load(memory_type=INP, dram_base=0x7F0, x_size=4, y_size=3, x_stride=8)
    assert kinds(found(inside, below, rows, **memory)) == [
        (FindingKind.WINDOW, 1), (FindingKind.WINDOW, 2),
    ]
    verdict = found(inside, rows, **memory)
    assert "0x2000" in verdict.findings[0].text  # the third row
    code = encode_stream([Finish()], CONFIG)
    checker = StreamChecker(CONFIG)
    verdict = checker.check(code, address=0x1FF8, memory=MemoryMap(window=(0x1000, 0x1000)))
    assert kinds(verdict) == [(FindingKind.ALIGNMENT, 0), (FindingKind.WINDOW, 0)]
    assert kinds(checker.check(code, bases={ACC: 4})) == [(FindingKind.ALIGNMENT, 0)]


def test_stores_over_live_data_are_reported():
    store = Store(x_size=4, x_stride=4, pop_prev=1, dram_base=100)
    weights = (400, bytes(4), "weights")
    verdict = found(*ORDERED[:5], store, contents=(image(Uop(), Uop(1, 1)), weights))
    assert kinds(verdict) == [(FindingKind.OVERLAP, 5)] and "weights" in verdict.findings[0].text
    kept = MemoryRegion(412, 500, "tensor 'x'")
    verdict = found(*ORDERED[:5], store, kept=(kept,))
    assert kinds(verdict) == [(FindingKind.OVERLAP, 5)]
    assert found(*ORDERED[:5], store, kept=(MemoryRegion(416, 500, "x"),)).findings == ()
    skipping = Store(x_size=1, y_size=2, x_stride=8, pop_prev=1, dram_base=100)
    assert found(*ORDERED[:5], skipping, kept=(MemoryRegion(404, 432, "x"),)).findings == ()


def test_stores_over_the_stream_itself_are_reported():
    code = encode_stream([*ORDERED, Finish()], CONFIG)
    verdict = StreamChecker(CONFIG).check(
        code, address=384, bases=BASES, memory=MemoryMap(contents=(image(Uop(), Uop(1, 1)),)),
    )
    assert kinds(verdict) == [(FindingKind.OVERLAP, 5)]


def test_loads_of_empty_memory_are_reported():
    given = {"inputs": (MemoryRegion(0, 64, "x"),)}
    assert found(*ORDERED, **given).findings == ()
    far = Load(memory_type=INP, dram_base=14, x_size=4, x_stride=4, sram_base=8)
    assert kinds(found(*ORDERED, far, **given)) == [(FindingKind.UNWRITTEN, 6)]
    after = [Store(pop_prev=1, x_size=4, x_stride=4, dram_base=100, push_prev=1),
             Load(memory_type=UOP, pop_next=1, push_prev=1)]
    back = dict(memory_type=INP, x_size=2, y_size=2, x_stride=2, pop_next=1)
    assert found(*ORDERED[:5], *after, Load(dram_base=100, **back), **given).findings == ()
    verdict = found(*ORDERED[:5], *after, Load(dram_base=101, **back), **given)
    assert kinds(verdict) == [(FindingKind.UNWRITTEN, 7)]


def test_findings_are_limited():
    verdict = found(*[Load(memory_type=OUT, x_size=1)] * (LIMIT + 50))
    assert len(verdict.findings) == LIMIT


def test_sequential_directed_program_is_accepted():
    program = Program(CONFIG)
    program.uops(Uop(), Uop(1, 1, 0))
    region = program.data(INP, [[1, 2, 3, 4]] * 4)
    program.add(load(region), CLEAR)
    program.store(0, 4)
    assert SIZE and check(program).findings == ()


def test_equal_on_chip_states_have_equal_hashes():
    assert OnChipState() == OnChipState() and hash(found(UOPS).chip) == hash(found(UOPS).chip)
