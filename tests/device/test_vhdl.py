"""The same programs and memory images on the converted VHDL, under GHDL."""

import numpy as np
import pytest
from device_programs import (
    ACC,
    BASE,
    INP,
    LUT,
    SIZE,
    UOP,
    WGT,
    WGT_4BIT,
    Program,
    random_tiles,
)
from device_run import Outcome, differences, open_model, run_on
from extended import extended
from robust_runs import small_job
from smoke_program import smoke
from vhdl_bench import VhdlBench

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Dwc, Gemm, Store, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType, Reduction, RqtFlag
from myvta.isa.register_map import BASE_REGISTERS, COUNTERS, Reg, Status

pytestmark = pytest.mark.timeout(600)


def run_vhdl(bench, program):
    """Run a program on the bench; return the Outcome."""
    image, address, count, bases = program.launchable()
    writes = [(Reg.INSN_BASE, address), (Reg.INSN_COUNT, count)]
    writes += [(BASE_REGISTERS[kind], pointer) for kind, pointer in bases.items()]
    reads = [Reg.CONTROL, Reg.ERROR_CODE, Reg.ERROR_INDEX, *COUNTERS]
    values, memory = bench.run(image, writes, reads)
    return Outcome(
        program.config, Status(values[Reg.CONTROL]),
        (ErrorCode(values[Reg.ERROR_CODE]), values[Reg.ERROR_INDEX]),
        {name.name: values[name] for name in COUNTERS}, memory,
    )


@pytest.mark.parametrize(("name", "log_bus", "pause", "programs"), [
    pytest.param("1x4x4", 6, 0, 1, id="1x4x4"),
    *(pytest.param(name, log_bus, pause, 3, id=f"{name}@{1 << log_bus}",
                   marks=pytest.mark.configurations)
      for name, log_bus, pause in (("1x4x4", 6, 3), ("1x4x4", 8, 5), ("1x4x4_int4", 7, 2))),
])
def test_programs_on_the_vhdl_equal_the_model(
    name, log_bus, pause, programs, tmp_path, require_tool
):
    require_tool("ghdl")
    config = named(name).replace(log_bus_width=log_bus)
    bench = VhdlBench(config, tmp_path, BASE, SIZE, pause)
    chosen = [smoke(config)]
    if programs > 1:
        bad = smoke(config)
        bad.add(Store(x_size=5, sram_base=config.depth(ACC) - 1))
        chosen += [bad, *([small_job(7)] if name == "1x4x4" and log_bus == 6 else [])]
    for program in chosen:
        expected = run_on(open_model(config), program)
        assert expected.status & Status.ERROR or sum(expected.counters.values())
        assert differences(program, expected, run_vhdl(bench, program)) == []
    assert UOP in bench_kinds(chosen[0])


def bench_kinds(program):
    """Memory types that a program keeps in memory."""
    return {region.kind for region in program.regions}


def operations(config):
    """Return a program of every operation on values of both signs, all 32 bits shown."""
    program, rng = Program(config), np.random.default_rng(5)
    program.load(INP, random_tiles(rng, config, INP, 6))
    program.load(WGT, random_tiles(rng, config, WGT, 4))
    program.uops(Uop(), Uop(dst=1, src=2, wgt=1))
    near = np.array([[5, -7, 40, -40]] * 4 + [[1, -2, 31, -31]] * 4)
    walk = dict(uop_end=1, iter_in=4, dst_factor_in=1, src_factor_in=1)
    steps = [
        Alu(alu_opcode=opcode, use_imm=use_imm, imm=imm, **walk)
        for opcode in range(AluOpcode.MUL + 1) for use_imm, imm in ((0, 0), (1, 3), (1, -3))
    ]
    product = dict(uop_end=2, iter_in=2, dst_factor_in=1, src_factor_in=1, wgt_factor_in=1)
    steps += [Gemm(**product), Gemm(overwrite=1, **product), Gemm(reset=1, **product)]
    for step in steps:
        program.load(ACC, near if getattr(step, "use_imm", 1) == 0
                     else random_tiles(rng, config, ACC, 8))
        program.add(step)
        program.show_acc(0, 8)
    tiles = [[100, -100, 77777, -5], [5, -5, 7, 0], [1 << 30, 1 << 29, 2**31 - 1, 9], [1, 3, 0, 5]]
    for imm in (0x003, 0x103, 0x203, 0x403, 0x603, 0x7FF):
        program.load(ACC, np.array(tiles), 1)
        program.add(Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, uop_bgn=1, uop_end=2))
        program.show_acc(1, 1)
    program.load(MemoryType.ACC_8BIT, random_tiles(rng, config, MemoryType.ACC_8BIT, 3))
    program.show_acc(0, 3)
    if config.lookup:
        program.load(LUT, random_tiles(rng, config, LUT, 3))
        for table in range(3):
            program.load(ACC, np.array(tiles), 1)
            imm = 0x403 | (2 * table + 1) << RqtFlag.LOOKUP
            program.add(Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, uop_bgn=1, uop_end=2))
            program.show_acc(1, 1)
    if config.reduce:
        for reduction in Reduction:
            program.load(ACC, random_tiles(rng, config, ACC, 8))
            program.add(Alu(alu_opcode=AluOpcode.RED, imm=reduction, **walk))
            program.show_acc(0, 8)
    if config.depthwise:
        program.load(INP, random_tiles(rng, config, INP, 40))
        for window in range(config.taps):
            program.add(Dwc(window=window, row_pitch=9, overwrite=window & 1, **walk))
        program.show_acc(0, 8)
    if config.weights4:
        program.load(WGT_4BIT, random_tiles(rng, config, WGT_4BIT, 3), 1, x_pad_1=1)
        program.show(WGT, 0, 5)
    if config.forward:
        program.load(ACC, random_tiles(rng, config, ACC, 20))
        program.add(Store(memory_type=INP, x_size=5, y_size=2, x_stride=7, dram_base=3),
                    Store(memory_type=WGT, x_size=7, sram_base=9, dram_base=6))
        program.show(WGT, 0, 5)
        program.show(INP, 0, 16)
    return program


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1x4x4", "1x4x4+all"])
def test_every_operation_on_the_vhdl_equals_the_model(name, tmp_path, require_tool):
    """Signs above all: MyHDL's VHDL extends a signed slice with zeros in a wider unsigned word."""
    require_tool("ghdl")
    config = extended(name)
    program = operations(config)
    expected = run_on(open_model(config), program)
    assert expected.status == Status.FINISH
    bench = VhdlBench(config, tmp_path, BASE, SIZE, 0)
    assert differences(program, expected, run_vhdl(bench, program)) == []
