"""One walk through a stream: state on chip afterwards, accesses seen, races found."""

import numpy as np

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.memory_map import MemoryMap
from myvta.isa.check.static_checker import StreamChecker
from myvta.isa.check.stream_walk import OnChipState
from myvta.isa.config import named
from myvta.isa.instructions import Finish, Gemm, Load, Uop, encode_stream, encode_uop
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")
IMAGE = np.array([encode_uop(Uop(1, 2, 3), CONFIG)], "<u4").tobytes()
MEMORY = MemoryMap(contents=((0x100, IMAGE, "micro-ops"),))
INP, WGT, ACC = 0, 256, 384
LOAD_UOP = Load(memory_type=MemoryType.UOP, dram_base=0x40, x_size=1, x_pad_0=1)


def check(*instructions, chip=None, observe=None):
    code = encode_stream([*instructions, Finish()], CONFIG)
    return StreamChecker(CONFIG).check(code, memory=MEMORY, chip=chip, observe=observe)


def test_state_on_chip_holds_written_tiles_and_micro_ops():
    result = check(LOAD_UOP, Load(memory_type=MemoryType.INP, sram_base=2, x_size=2))
    assert result.chip == OnChipState(0b1100 << INP, bytes(4) + IMAGE, 0b11)


def test_state_of_earlier_launches_is_known():
    chip = OnChipState(1 << INP + 2 | 1 << WGT + 3 | 1 << ACC + 1, bytes(4) + IMAGE, 0b11)
    gemm = Gemm(uop_bgn=1, uop_end=2)
    assert check(gemm, chip=chip).findings == ()
    assert [finding.kind for finding in check(gemm).findings] == [FindingKind.MICRO_OPS]


def test_padding_of_micro_ops_is_known():
    """The GEMM of micro-op 0, which is padding, reads tiles 0."""
    chip = OnChipState(1 << INP | 1 << WGT | 1 << ACC)
    assert check(LOAD_UOP, Gemm(uop_end=1), chip=chip).findings == ()
    (finding,) = check(LOAD_UOP, Gemm(uop_bgn=1, uop_end=2), chip=chip).findings
    assert (finding.kind, finding.index) == (FindingKind.UNWRITTEN, 1)
    assert "INP[2], WGT[3], ACC[1]" in finding.text


def test_observer_sees_accesses_in_token_order():
    seen = []
    check(
        Load(memory_type=MemoryType.INP, x_size=1, pop_next=1),
        Load(memory_type=MemoryType.ACC, sram_base=5, x_size=1, push_prev=1),
        observe=lambda index, touched, rows: seen.append((index, touched.writes, rows.size)),
    )
    assert seen == [(1, 1 << ACC + 5, 16), (0, 1 << INP, 4)]


def test_a_race_is_reported_once_for_the_latest_conflict():
    chip = OnChipState((1 << 640) - 1, IMAGE, 1)
    loads = [Load(memory_type=MemoryType.INP, sram_base=2, x_size=1)] * 2
    (finding,) = check(*loads, Gemm(), chip=chip).findings
    assert (finding.kind, finding.other, finding.index) == (FindingKind.RACE, 1, 2)
