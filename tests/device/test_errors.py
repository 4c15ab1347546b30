"""Every ErrorCode with its index, on model and RTL; the launch after it is a clean one (rules
D14 and D17 of docs/device.md).

Each malformed instruction follows three legal ones; the program that follows must run
exactly as on a fresh device.
"""

from dataclasses import replace

import pytest
from device_programs import ACC, ACC_8BIT, BASE, INP, OUT, SIZE, UOP, WGT, Program
from device_run import BASE_ISA, EVERYWHERE
from device_tokens import IDLE
from faulty_launch import BEFORE, DEPTH, fails, followed_by_a_clean_launch, some

from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store, Undefined, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType

RQT = dict(alu_opcode=AluOpcode.RQT, use_imm=1)

STATIC = {
    "opcode 6": (ErrorCode.OPCODE, Undefined(6 | 1 << 3)),
    "opcode 7": (ErrorCode.OPCODE, Undefined((1 << 128) - 1)),
    "load pop_prev": (ErrorCode.DEPENDENCY, some(INP, pop_prev=1)),
    "load push_prev": (ErrorCode.DEPENDENCY, some(WGT, push_prev=1)),
    "load no-op pop_prev": (ErrorCode.DEPENDENCY, some(INP, x_size=0, pop_prev=1)),
    "load pop_prev that would wait": (ErrorCode.DEPENDENCY, some(INP, pop_prev=1, pop_next=1)),
    "store pop_next": (ErrorCode.DEPENDENCY, Store(x_size=1, pop_next=1)),
    "store push_next": (ErrorCode.DEPENDENCY, Store(x_size=1, push_next=1)),
    "store no-op push_next": (ErrorCode.DEPENDENCY, Store(push_next=1)),
    "load OUT": (ErrorCode.MEMORY_TYPE, some(OUT)),
    **{f"store {kind}": (ErrorCode.MEMORY_TYPE, Store(memory_type=kind, x_size=1, dram_base=0x200))
       for kind in (0, 3, 5, 6, 7)},
    "store type, y_size 0": (ErrorCode.MEMORY_TYPE, Store(memory_type=0, x_size=1, y_size=0)),
    "alu opcode 5": (ErrorCode.ALU_OPCODE, Alu(alu_opcode=5)),
    "rqt without immediate": (ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RQT)),
    **{f"rqt bit {bit}": (ErrorCode.OPERAND, Alu(imm=(1 << bit) - (bit == 15) * 0x10000, **RQT))
       for bit in (12, 13, 14, 15)},
    "rqt no step": (ErrorCode.OPERAND, Alu(imm=0x1000, iter_out=0, **RQT)),
    **{f"store {pad}": (ErrorCode.OPERAND, Store(x_size=1, dram_base=0x200, **{pad: 1}))
       for pad in ("y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1")},
    **{f"load {kind.name} range": (
        ErrorCode.SRAM_RANGE,
        some(kind, sram_base=(128 if kind == WGT else DEPTH) - 1, x_size=2))
       for kind in (UOP, WGT, INP, ACC, ACC_8BIT)},
    "load padding right": (ErrorCode.SRAM_RANGE, some(INP, sram_base=DEPTH - 1, x_pad_1=1)),
    "load padding left": (ErrorCode.SRAM_RANGE, some(ACC, sram_base=DEPTH - 2, x_pad_0=2)),
    "load padding top": (ErrorCode.SRAM_RANGE, some(WGT, sram_base=127, y_pad_0=1)),
    "load padding only": (ErrorCode.SRAM_RANGE, some(INP, sram_base=DEPTH, y_size=0, y_pad_1=1)),
    "load rows": (ErrorCode.SRAM_RANGE, some(INP, sram_base=DEPTH - 3, x_size=2, y_size=2)),
    "load huge": (ErrorCode.SRAM_RANGE, some(INP, x_size=0xFFFF, y_size=0xFFFF, y_pad_0=15)),
    "load 2^16 tiles": (ErrorCode.SRAM_RANGE, some(INP, x_size=256, y_size=256)),
    "load base": (ErrorCode.SRAM_RANGE, some(INP, sram_base=0xFFFF)),
    "store range": (ErrorCode.SRAM_RANGE, Store(sram_base=DEPTH - 1, x_size=2, dram_base=0x200)),
    "store rows": (ErrorCode.SRAM_RANGE, Store(sram_base=0, x_size=16, y_size=17)),
    "store 2^16 tiles": (ErrorCode.SRAM_RANGE, Store(x_size=256, y_size=256)),
    "gemm uops": (ErrorCode.UOP_RANGE, Gemm(uop_bgn=DEPTH - 1, uop_end=DEPTH + 1)),
    "alu uops": (ErrorCode.UOP_RANGE, Alu(use_imm=1, uop_bgn=0, uop_end=2 * DEPTH - 1)),
    "reset uops": (ErrorCode.UOP_RANGE, Gemm(reset=1, uop_bgn=5, uop_end=DEPTH + 1)),
}


@pytest.mark.parametrize("case", STATIC)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_static_faults_end_the_launch(device, case):
    code, instruction = STATIC[case]
    fails(device, code, instruction)


FIRST = {  # two faults in one instruction: the one reported (contract: first hit wins)
    "dependency, type": (ErrorCode.DEPENDENCY, Store(memory_type=0, x_size=1, pop_next=1)),
    "dependency, range": (ErrorCode.DEPENDENCY, some(INP, sram_base=0xFFFF, push_prev=1)),
    "type, range": (ErrorCode.MEMORY_TYPE, some(OUT, sram_base=0xFFFF)),
    "extension, range": (ErrorCode.EXTENSION, some(7, sram_base=0xFFFF)),
    "dependency, extension": (ErrorCode.DEPENDENCY, some(7, pop_prev=1)),
    "dependency, forward": (ErrorCode.DEPENDENCY, Store(memory_type=INP, x_size=1, push_next=1)),
    "forward, padding": (ErrorCode.EXTENSION, Store(memory_type=INP, x_size=1, x_pad_0=1)),
    "table, operand": (ErrorCode.EXTENSION, Alu(alu_opcode=AluOpcode.RQT, imm=0x4800)),
    "dwc, uops": (ErrorCode.EXTENSION, Dwc(uop_end=2 * DEPTH - 1, overwrite=1)),
    "type, padding": (ErrorCode.MEMORY_TYPE, Store(memory_type=3, x_size=1, x_pad_0=1)),
    "padding, range": (ErrorCode.OPERAND, Store(sram_base=0xFFFF, x_size=1, y_pad_1=1)),
    "alu opcode, uops": (ErrorCode.ALU_OPCODE, Alu(alu_opcode=5, uop_end=2 * DEPTH - 1)),
    "operand, uops": (ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RQT, uop_end=2 * DEPTH - 1)),
    "uops, step": (ErrorCode.UOP_RANGE, Gemm(uop_end=2 * DEPTH - 1, iter_in=2, dst_factor_in=255)),
    "fault, pop": (ErrorCode.OPERAND, Alu(alu_opcode=AluOpcode.RQT, pop_prev=1, pop_next=1)),
}


@pytest.mark.parametrize("case", FIRST)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_first_of_two_faults_is_reported(device, case):
    code, instruction = FIRST[case]
    fails(device, code, instruction)


@pytest.mark.parametrize("device", BASE_ISA, indirect=True)
@pytest.mark.parametrize(
    "instruction",
    [Gemm(overwrite=1), Gemm(overwrite=1, reset=1, iter_in=0), Alu(imm=0, **RQT),
     Alu(alu_opcode=AluOpcode.RQT)],
    ids=["overwrite", "overwrite and reset", "rqt", "rqt without immediate"],
)
def test_missing_extensions_are_refused(device, instruction):
    fails(device, ErrorCode.EXTENSION, instruction)


STEPS = {
    # uops, instruction; ACC and INP hold 256 tiles, WGT 128
    "gemm dst": ([Uop(dst=255)], Gemm(iter_in=2, dst_factor_in=1)),
    "gemm src": ([Uop(src=254)], Gemm(iter_out=3, src_factor_out=1)),
    "gemm wgt": ([Uop(wgt=127)], Gemm(iter_in=2, wgt_factor_in=1)),
    "reset dst": ([Uop(dst=1)], Gemm(reset=1, iter_out=2, dst_factor_out=255)),
    "overwrite dst": ([Uop(dst=1)], Gemm(overwrite=1, iter_out=2, dst_factor_out=255)),
    "alu dst": ([Uop(dst=250)], Alu(use_imm=1, iter_out=2, iter_in=4, dst_factor_out=3,
                                    dst_factor_in=1)),
    "alu src": ([Uop(src=255)], Alu(iter_in=2, src_factor_in=1)),
    "last uop": ([Uop(), Uop(dst=1), Uop(src=255)], Alu(uop_end=3, iter_in=2, src_factor_in=1)),
    "no wrap": ([Uop(dst=0)], Alu(use_imm=1, iter_out=0x3FFF, iter_in=1, dst_factor_out=255)),
    "exactly depth": ([Uop(dst=128)], Alu(use_imm=1, iter_out=2, dst_factor_out=128)),
    "twice the depth": ([Uop(dst=2)], Gemm(reset=1, iter_out=2, iter_in=2, dst_factor_out=255,
                                           dst_factor_in=255)),
}


@pytest.mark.parametrize("case", STEPS)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_step_index_past_the_end_is_a_fault(device, case):
    uops, instruction = STEPS[case]
    if instruction.uop_end < len(uops):
        instruction = replace(instruction, uop_end=len(uops))
    fails(device, ErrorCode.STEP_INDEX, instruction, uops=uops)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("src", [254, 255])
@pytest.mark.parametrize("flags", [0, 0x400], ids=["multiplier", "bypass"])
def test_rqt_parameters_past_the_end_are_a_fault(device, src, flags):
    """All of s, s + 1, s + 2 must be there, with BYPASS too."""
    fails(device, ErrorCode.STEP_INDEX, Alu(imm=flags, **RQT), uops=[Uop(dst=0, src=src)])


PARAMETERS = {
    "shift -1": (0, [1, 1, 1, 1], [0, 0, 0, -1]),
    "shift 32": (0, [1, 1, 1, 1], [32, 0, 0, 0]),
    "shift 256": (0x400, [1, 1, 1, 1], [0, 256, 0, 0]),
    "minimum shift": (0x400, [-1, 0, 0, 0], [0, 0, -(2**31), 0]),
    "multiplier -1": (0, [5, -1, 5, 5], [0, 0, 0, 0]),
    "minimum multiplier": (0x200, [5, 5, 5, -(2**31)], [31, 0, 0, 0]),
}


@pytest.mark.parametrize("case", PARAMETERS)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_rqt_parameter_out_of_range_is_a_fault(device, case):
    imm, multiplier, shift = PARAMETERS[case]
    fails(device, ErrorCode.RQT_PARAMETER, Alu(imm=imm, iter_in=3, dst_factor_in=1, **RQT),
          uops=[Uop(dst=8, src=1)], acc=[[9] * 4, [0] * 4, multiplier, shift, *[[3] * 4] * 8])


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_rqt_index_comes_before_its_parameter(device):
    fails(device, ErrorCode.STEP_INDEX, Alu(iter_in=2, dst_factor_in=255, **RQT),
          uops=[Uop(dst=1, src=253)], acc=[[0] * 4] * 256)


# -- memory ----------------------------------------------------------------------------------------
END = BASE + SIZE  # of memory and window
SIZES = {UOP: 4, WGT: 16, INP: 4, ACC: 16, ACC_8BIT: 4, OUT: 4}


def at(program, kind, address):
    """Return the dram_base of an address, from the pointer of its type; addresses are multiples."""
    pointer = program.pointers[ACC if kind == ACC_8BIT else kind]
    return (address - pointer) // SIZES[kind]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("where", ["end", "second row", "far", "wrap", "last legal"])
@pytest.mark.parametrize("kind", [UOP, WGT, INP, ACC, ACC_8BIT, OUT], ids=lambda kind: kind.name)
def test_access_past_the_window_is_a_fault(device, kind, where):
    """A row that leaves the window, by one tile or by 2^32, and one that ends exactly at it."""
    program = Program(device.config, raw=True)
    program.add(IDLE)
    size = SIZES[kind]
    last = at(program, kind, END - size)
    fields = {
        "end": dict(dram_base=last, x_size=2),
        "second row": dict(dram_base=last, x_size=1, y_size=2, x_stride=1),
        "far": dict(dram_base=at(program, kind, 0x8000_0000), x_size=1),
        # base + dram_base * size passes 2^32 and would wrap into the window
        "wrap": dict(dram_base=at(program, kind, 2**32 + BASE + 0x1000), x_size=1),
        "last legal": dict(dram_base=last, x_size=1),
    }[where]
    item = Store(**fields) if kind == OUT else Load(memory_type=kind, **fields)
    if where == "last legal":
        if kind == OUT:
            program.add(Load(memory_type=ACC, x_size=1, push_next=1), replace(item, pop_prev=1))
        else:
            program.add(item)
        program.add(Finish())
        device.passes(program)
    else:
        program.add(item, Finish())
        device.fails(program, ErrorCode.WINDOW, 1)
        followed_by_a_clean_launch(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("kind", [UOP, WGT, INP, ACC, ACC_8BIT, OUT], ids=lambda kind: kind.name)
def test_access_below_the_window_is_a_fault(device, kind):
    program = Program(device.config, raw=True)
    # a page below memory starts at 64 KiB: base pointers 0 reach it
    program.pointers = dict.fromkeys(program.pointers, 0)
    fields = dict(dram_base=(BASE - SIZES[kind]) // SIZES[kind], x_size=2)
    program.add(Store(**fields) if kind == OUT else Load(memory_type=kind, **fields), Finish())
    device.fails(program, ErrorCode.WINDOW, 0)


POINTERS = [(kind, offset) for kind, size in SIZES.items() if kind != ACC_8BIT
            for offset in {1, size // 2}]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(("kind", "offset"), POINTERS, ids=lambda item: getattr(item, "name", item))
def test_misaligned_base_is_a_fault(device, kind, offset):
    """Nothing is fetched: the index is 0 whatever the stream holds."""
    program = Program(device.config, raw=True)
    program.pointers[MemoryType(kind)] += offset
    program.add(IDLE, Undefined(7))
    outcome = device.fails(program, ErrorCode.ALIGNMENT, 0)
    assert outcome.counters["INSTRUCTIONS"] == 0
    followed_by_a_clean_launch(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("count", [0, 1, 5])
def test_missing_finish_is_a_fault(device, count):
    program = Program(device.config, raw=True)
    program.add(*[IDLE, Load(memory_type=INP, x_size=0), Store(), IDLE, Gemm(iter_in=0)][:count])
    device.fails(program, ErrorCode.NO_FINISH, count)
    followed_by_a_clean_launch(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("extra", [0, 3])
def test_the_index_counts_from_the_start_of_the_stream(device, extra):
    """The same fault after many legal instructions; instructions queued after it are dropped."""
    place = Program(device.config).space(OUT, 1)
    fails(device, ErrorCode.EXTENSION, *[IDLE] * 40, some(7), *[Undefined(5)] * extra,
          Store(dram_base=place.tile, x_size=1, pop_prev=1), at=BEFORE + 40)
