"""Read and write sets of single instructions, worked by hand."""

import numpy as np
import pytest

from myvta.isa.check.footprints import Footprints, StepsOutside
from myvta.isa.check.memory_map import Rows
from myvta.isa.config import named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.instructions import Alu, Dwc, Gemm, Load, Store, Uop, encode, encode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

# 256 INP tiles, 128 WGT, 256 ACC, 4 tables
CONFIG = named("1x4x4").replace(**dict.fromkeys(EXTENSION_NAMES, True))
INP, WGT, ACC, LUT = 0, 256, 384, 640  # where each memory begins in the space of indices
FOOTPRINTS = Footprints(CONFIG)


def decoded(instruction):
    return FOOTPRINTS.decode(encode(instruction, CONFIG))


def steps(instruction, *uops):
    words = np.array([encode_uop(Uop(*uop), CONFIG) for uop in uops], np.uint32)
    return FOOTPRINTS.of_steps(encode(instruction, CONFIG), instruction, words)


def tiles(bits):
    return {index for index in range(bits.bit_length()) if bits >> index & 1}


def test_space_puts_inp_wgt_acc_and_tables_in_one_row():
    assert FOOTPRINTS.space.end == 256 + 128 + 256 + 4
    assert FOOTPRINTS.space.text(1 << INP + 3 | 3 << WGT | 1 << ACC + 5 | 1 << LUT + 2) == (
        "INP[3], WGT[0..1], ACC[5], LUT[2]")


def test_load_writes_data_and_padding():
    load = decoded(Load(
        memory_type=MemoryType.INP, sram_base=10, y_size=2, x_size=3, x_stride=5, x_pad_0=1,
        pop_next=1, dram_base=7))
    assert tiles(load.touched.writes) == set(range(10, 18)) and not load.touched.reads
    assert load.rows == Rows(0, 12, 20, 2)  # tiles of 4 bytes, from address 0
    assert (load.module, load.flags, load.kind) == (Module.LOAD, 0b0010, MemoryType.INP)


def test_store_reads_out_tiles():
    store = decoded(Store(sram_base=4, y_size=2, x_size=2, x_stride=8))
    assert tiles(store.touched.reads) == {ACC + n for n in range(4, 8)}
    assert store.rows == Rows(0, 8, 32, 2)


def test_load_of_padding_alone_reads_no_memory():
    load = decoded(Load(memory_type=MemoryType.ACC, y_size=0, x_size=3, y_pad_1=2))
    assert tiles(load.touched.writes) == {ACC + n for n in range(6)}
    assert load.rows is None


def test_address_is_left_out_of_the_decoded_word():
    one, other = (Load(memory_type=MemoryType.INP, x_size=1, dram_base=n) for n in (1, 2))
    assert decoded(one) is decoded(other)
    assert FOOTPRINTS.address(encode(other, CONFIG)) == 2


def test_faulty_instructions_touch_nothing():
    wrong = decoded(Load(memory_type=MemoryType.INP, sram_base=255, x_size=2))
    assert wrong.fault is not None
    assert not wrong.touched.writes and wrong.rows is None


@pytest.mark.parametrize(
    ("fields", "reads_dst", "reads_sources"),
    [({}, True, True), ({"overwrite": 1}, False, True), ({"reset": 1}, False, False)],
)
def test_gemm_reads_and_writes_its_tiles(fields, reads_dst, reads_sources):
    gemm = Gemm(iter_in=2, dst_factor_in=3, src_factor_in=1, wgt_factor_in=0, **fields)
    touched = steps(gemm, (5, 6, 7))
    assert tiles(touched.writes) == {ACC + 5, ACC + 8}
    expected = {INP + 6, INP + 7, WGT + 7} if reads_sources else set()
    assert tiles(touched.reads) == expected | ({ACC + 5, ACC + 8} if reads_dst else set())


@pytest.mark.parametrize(
    ("opcode", "use_imm", "sources"),
    [(AluOpcode.ADD, 0, {20}), (AluOpcode.ADD, 1, set()), (AluOpcode.RQT, 1, {20, 21, 22})],
)
def test_alu_reads_and_writes_its_tiles(opcode, use_imm, sources):
    touched = steps(Alu(alu_opcode=opcode, use_imm=use_imm), (9, 20, 0))
    assert tiles(touched.writes) == {ACC + 9}
    assert tiles(touched.reads) == {ACC + 9} | {ACC + tile for tile in sources}


def test_steps_past_the_end_name_index_and_depth():
    rqt = Alu(alu_opcode=AluOpcode.RQT, use_imm=1)
    assert not isinstance(steps(rqt, (0, 253, 0)), StepsOutside)
    assert steps(rqt, (0, 254, 0)) == StepsOutside(
        "its last step reaches src ACC[256], depth 256")
    assert steps(Gemm(iter_out=2, wgt_factor_out=127), (0, 0, 1)) == StepsOutside(
        "its last step reaches wgt WGT[128], depth 128")


@pytest.mark.parametrize(
    ("fields", "reads_dst", "reads_sources"),
    [({}, True, True), ({"overwrite": 1}, False, True), ({"reset": 1}, False, False)],
)
def test_dwc_reads_its_window(fields, reads_dst, reads_sources):
    dwc = Dwc(window=CONFIG.window_code(2, 2), row_pitch=10, iter_in=2, dst_factor_in=3,
              src_factor_in=1, **fields)
    touched = steps(dwc, (5, 20, 7))
    assert tiles(touched.writes) == {ACC + 5, ACC + 8}
    expected = {*(INP + tile for tile in (20, 21, 22, 30, 31, 32)), WGT + 7}
    assert tiles(touched.reads) == (expected if reads_sources else set()) | (
        {ACC + 5, ACC + 8} if reads_dst else set())


def test_a_window_past_the_end_names_its_last_tile():
    whole = CONFIG.window_code(2, 2)
    assert not isinstance(steps(Dwc(window=whole, row_pitch=10), (0, 244, 0)), StepsOutside)
    assert steps(Dwc(window=whole, row_pitch=10), (0, 245, 0)) == StepsOutside(
        "its last step reaches src INP[256], depth 256")


def test_a_reduction_does_not_read_its_destination():
    touched = steps(Alu(alu_opcode=AluOpcode.RED, imm=1), (9, 20, 0))
    assert (tiles(touched.reads), tiles(touched.writes)) == ({ACC + 20}, {ACC + 9})


def test_rqt_reads_the_table_it_selects():
    touched = steps(Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=0x3800), (9, 20, 0))
    assert tiles(touched.reads) == {ACC + 9, ACC + 20, ACC + 21, ACC + 22, LUT + 3}


def test_load_of_tables_and_of_narrow_weights_writes_their_scratchpads():
    tables = decoded(Load(memory_type=MemoryType.LUT, sram_base=1, x_size=2, x_stride=2))
    assert tiles(tables.touched.writes) == {LUT + 1, LUT + 2}
    assert (tables.module, tables.rows) == (Module.COMPUTE, Rows(0, 1024, 1024, 1))
    narrow = decoded(Load(memory_type=MemoryType.WGT_4BIT, sram_base=5, x_size=2, x_stride=2))
    assert tiles(narrow.touched.writes) == {WGT + 5, WGT + 6}
    assert (narrow.module, narrow.rows) == (Module.LOAD, Rows(0, 16, 16, 1))


def test_forward_writes_input_tiles_and_no_memory():
    store = decoded(Store(
        memory_type=MemoryType.INP, sram_base=3, dram_base=40, x_size=2, y_size=2, x_stride=5))
    assert tiles(store.touched.reads) == {ACC + tile for tile in (3, 4, 5, 6)}
    assert tiles(store.touched.writes) == {INP + tile for tile in (40, 41, 45, 46)}
    assert (store.module, store.rows, store.kind) == (Module.STORE, None, None)


def test_forward_to_weights_writes_rows_of_tiles():
    store = decoded(Store(
        memory_type=MemoryType.WGT, dram_base=6, x_size=3, y_size=2, x_stride=8))
    assert tiles(store.touched.weight_rows) == {6, 7, 8, 14, 15, 16}
    assert tiles(store.touched.writes) == {WGT + 1, WGT + 2, WGT + 3, WGT + 4}


def test_forwards_to_other_tiles_are_decoded_apart():
    one, other = (Store(memory_type=MemoryType.INP, x_size=1, dram_base=n) for n in (1, 2))
    assert tiles(decoded(one).touched.writes) == {INP + 1}
    assert tiles(decoded(other).touched.writes) == {INP + 2}
