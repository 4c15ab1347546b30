"""Read and write sets of single instructions, worked by hand."""

import numpy as np
import pytest

from myvta.isa.check.footprints import Footprints, StepsOutside
from myvta.isa.check.memory_map import Rows
from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Load, Store, Uop, encode, encode_uop
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

CONFIG = named("1x4x4")  # 256 INP tiles, 128 WGT, 256 ACC
INP, WGT, ACC = 0, 256, 384  # where each memory begins in the space of indices
FOOTPRINTS = Footprints(CONFIG)


def decoded(instruction):
    return FOOTPRINTS.decode(encode(instruction, CONFIG))


def steps(instruction, *uops):
    words = np.array([encode_uop(Uop(*uop), CONFIG) for uop in uops], np.uint32)
    return FOOTPRINTS.of_steps(encode(instruction, CONFIG), instruction, words)


def tiles(bits):
    return {index for index in range(bits.bit_length()) if bits >> index & 1}


def test_space_puts_inp_wgt_and_acc_in_one_row():
    assert FOOTPRINTS.space.end == 256 + 128 + 256
    assert FOOTPRINTS.space.text(1 << INP + 3 | 3 << WGT | 1 << ACC + 5) == (
        "INP[3], WGT[0..1], ACC[5]")


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
