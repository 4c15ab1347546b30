"""One walk through a stream: state on chip afterwards, accesses seen, races found."""

import numpy as np

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.memory_map import MemoryMap
from myvta.isa.check.static_checker import StreamChecker
from myvta.isa.check.stream_walk import OnChipState
from myvta.isa.config import named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.instructions import (
    Alu,
    Dwc,
    Finish,
    Gemm,
    Load,
    Store,
    Uop,
    encode_stream,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType

CONFIG = named("1x4x4").replace(**dict.fromkeys(EXTENSION_NAMES, True))
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
    chip = OnChipState((1 << 644) - 1, IMAGE, 1)
    loads = [Load(memory_type=MemoryType.INP, sram_base=2, x_size=1)] * 2
    (finding,) = check(*loads, Gemm(), chip=chip).findings
    assert (finding.kind, finding.other, finding.index) == (FindingKind.RACE, 1, 2)


FORWARDED = np.array([encode_uop(Uop(0, 8, 0), CONFIG)], "<u4").tobytes()
UOPS_OF_FORWARD = Load(memory_type=MemoryType.UOP, dram_base=0x40, x_size=1, x_stride=1)
RESULTS = Load(memory_type=MemoryType.ACC, x_size=8, x_stride=8, push_next=1)
FORWARD = Store(memory_type=MemoryType.INP, dram_base=8, x_size=4, x_stride=4, pop_prev=1,
                push_prev=1)
WEIGHTS = Load(memory_type=MemoryType.WGT, x_size=1, x_stride=1, push_next=1)
PRODUCT = Gemm(src_factor_in=1, dst_factor_in=1, iter_in=4, pop_prev=1, pop_next=1)


def kinds(*instructions, uops=FORWARDED):
    memory = MemoryMap(contents=((0x100, uops, "micro-ops"),))
    code = encode_stream([UOPS_OF_FORWARD, *instructions, Finish()], CONFIG)
    return [
        (finding.kind, finding.index, finding.other)
        for finding in StreamChecker(CONFIG).check(code, memory=memory).findings
    ]


def test_forwarded_tiles_are_written_ones():
    assert kinds(RESULTS, FORWARD, WEIGHTS, PRODUCT) == []
    without = Store(dram_base=0x1000, x_size=4, x_stride=4, pop_prev=1, push_prev=1)
    assert kinds(RESULTS, without, WEIGHTS, PRODUCT) == [(FindingKind.UNWRITTEN, 4, None)]


def test_a_reader_not_ordered_after_a_forward_races():
    early = Gemm(src_factor_in=1, dst_factor_in=1, iter_in=4, pop_prev=1)
    found = kinds(RESULTS, FORWARD, WEIGHTS, early)
    assert (FindingKind.RACE, 4, 2) in found


def test_a_load_of_the_same_tiles_races_with_a_forward():
    load = Load(memory_type=MemoryType.INP, sram_base=11, x_size=1, x_stride=1)
    assert kinds(RESULTS, FORWARD, load, WEIGHTS, PRODUCT) == [(FindingKind.RACE, 3, 2)]
    elsewhere = Load(memory_type=MemoryType.INP, sram_base=12, x_size=1, x_stride=1)
    assert kinds(RESULTS, FORWARD, elsewhere, WEIGHTS, PRODUCT) == []
    ordered = Load(memory_type=MemoryType.INP, sram_base=11, x_size=1, x_stride=1, pop_next=1)
    relay = Gemm(reset=1, pop_next=1, push_prev=1)
    product = Gemm(src_factor_in=1, dst_factor_in=1, iter_in=4, pop_prev=1)
    assert kinds(RESULTS, FORWARD, relay, ordered, WEIGHTS, product) == []


def test_a_forwarded_weight_tile_is_written_when_all_of_its_rows_are():
    inputs = Load(memory_type=MemoryType.INP, sram_base=8, x_size=4, x_stride=4, push_next=1)

    def rows(first, count, **tokens):
        return Store(memory_type=MemoryType.WGT, sram_base=4, dram_base=first, x_size=count,
                     x_stride=count, **tokens)

    halves = rows(0, 2, pop_prev=1), rows(2, 2, push_prev=1)
    assert kinds(RESULTS, *halves, inputs, PRODUCT) == []
    three = rows(0, 2, pop_prev=1), rows(2, 1, push_prev=1)
    assert kinds(RESULTS, *three, inputs, PRODUCT) == [(FindingKind.UNWRITTEN, 5, None)]


def test_a_table_never_loaded_is_reported():
    lookup = Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x1800)
    results = Load(memory_type=MemoryType.ACC, x_size=12, x_stride=12)
    table = Load(memory_type=MemoryType.LUT, sram_base=1, x_size=1, x_stride=1)
    assert kinds(results, table, lookup) == []
    other = Load(memory_type=MemoryType.LUT, sram_base=2, x_size=1, x_stride=1)
    assert kinds(results, other, lookup) == [(FindingKind.UNWRITTEN, 3, None)]


def test_every_tile_of_a_window_must_be_written():
    inputs = Load(memory_type=MemoryType.INP, sram_base=8, x_size=8, x_stride=8)
    window = CONFIG.window_code(2, 2)

    def dwc(pitch):
        return Dwc(window=window, row_pitch=pitch, iter_in=2, src_factor_in=1, dst_factor_in=1,
                   overwrite=1, pop_prev=1)

    assert kinds(inputs, WEIGHTS, dwc(5)) == []
    assert kinds(inputs, WEIGHTS, dwc(6)) == [(FindingKind.UNWRITTEN, 3, None)]
    far = np.array([encode_uop(Uop(0, 200, 0), CONFIG)], "<u4").tobytes()
    assert kinds(inputs, WEIGHTS, dwc(100), uops=far) == [(FindingKind.BOUNDS, 3, None)]
