"""Compute's LOADs wait for memory during the steps before them: results stay sequential.

Random streams of LOADs of UOP, ACC and ACC_8BIT between GEMM and ALU on the same few tiles and
micro-ops, without tokens between them, against the model; memory near, far and stalling.
"""

from random import Random

import numpy as np
import pytest
from device_programs import ACC, ACC_8BIT, INP, UOP, WGT, Program, random_tiles
from device_run import differences, open_model, run_on

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Gemm, Load, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode

TILES, UOPS = 24, 12  # in play
MEMORIES = {
    "near": {"latency": 1}, "far": {"latency": 60}, "stalling": {"latency": 7, "stall": 35},
    "wide": {"latency": 30, "bus": 256},
}
OPCODES = (AluOpcode.MIN, AluOpcode.MAX, AluOpcode.ADD, AluOpcode.SHR, AluOpcode.MUL)


def random_load(random, sources):
    kind = random.choice((UOP, UOP, ACC, ACC, ACC_8BIT))
    x_size, y_size = random.randrange(5), random.randrange(4)
    pads = [0, 0, 0, 0] if kind == UOP else [random.randrange(2) for _ in range(4)]
    wide, high = x_size + pads[0] + pads[1], y_size + pads[2] + pads[3]
    depth = UOPS if kind == UOP else TILES
    if wide * high > depth:
        return random_load(random, sources)
    return Load(
        memory_type=kind, sram_base=random.randrange(depth - wide * high + 1),
        dram_base=sources[kind].tile + random.randrange(8), x_size=x_size, y_size=y_size,
        x_stride=random.randrange(5), x_pad_0=pads[0], x_pad_1=pads[1], y_pad_0=pads[2],
        y_pad_1=pads[3],
    )


def random_steps(random):
    first = random.randrange(UOPS)
    loops = {
        "uop_bgn": first, "uop_end": random.randint(first, UOPS), "iter_out": random.randrange(4),
        "iter_in": random.randrange(5), "dst_factor_out": random.randrange(3),
        "dst_factor_in": random.randrange(2), "src_factor_out": random.randrange(3),
        "src_factor_in": random.randrange(2),
    }
    if random.random() < 0.5:
        return Gemm(reset=int(random.random() < 0.1), **loops)
    return Alu(
        alu_opcode=random.choice(OPCODES), use_imm=random.randrange(2), imm=random.randrange(16),
        **loops,
    )


def program_of(config, seed, length=60):
    random, rng = Random(seed), np.random.default_rng(seed)
    program = Program(config)
    tile = 8  # indices of micro-ops; offsets of loops add less than TILES - tile
    sources = {
        ACC: program.data(ACC, random_tiles(rng, config, ACC, TILES)),
        ACC_8BIT: program.data(ACC_8BIT, random_tiles(rng, config, ACC_8BIT, TILES)),
        UOP: program.data(UOP, [
            Uop(dst=random.randrange(tile), src=random.randrange(tile), wgt=random.randrange(4))
            for _ in range(TILES)
        ]),
    }
    program.load(INP, random_tiles(rng, config, INP, TILES))
    program.load(WGT, random_tiles(rng, config, WGT, 4))
    program.add(
        Load(memory_type=UOP, dram_base=sources[UOP].tile, x_size=UOPS),
        Load(memory_type=ACC, dram_base=sources[ACC].tile, x_size=TILES),
    )
    for _ in range(length):
        program.add(random_load(random, sources) if random.random() < 0.4 else random_steps(random))
    program.show(ACC, 0, TILES)
    return program


@pytest.mark.verilator
@pytest.mark.parametrize("name", ["1x4x4", pytest.param("2x8x8", marks=pytest.mark.slow)])
@pytest.mark.parametrize("memory", MEMORIES)
def test_loads_between_steps_do_not_disturb_them(targets, name, memory):
    config = named(name)
    device = targets.get("verilator", name, **MEMORIES[memory])
    failed = ErrorCode.NONE
    for seed in range(30):
        program = program_of(config, seed)
        expected = run_on(open_model(config), program)
        assert expected.error == (failed, 0), program.listing()
        lines = differences(program, expected, run_on(device, program))
        if lines:
            pytest.fail("\n".join([f"seed {seed}", *lines, "", program.listing()]), pytrace=False)


@pytest.mark.verilator
def test_faulty_step_is_reported_before_a_later_load(targets):
    """The LOAD's data is there early, outside the window or not; the step's fault is the first."""
    config = named("1x4x4")
    program = Program(config, raw=True)
    program.load(UOP, [Uop(dst=0)])
    program.add(
        Alu(use_imm=1, iter_out=30, iter_in=30, dst_factor_out=30),
        Load(memory_type=ACC, dram_base=1 << 27, x_size=1),
    )
    for latency in (1, 60):
        device = targets.get("verilator", "1x4x4", latency=latency)
        expected = run_on(open_model(config), program)
        assert expected.error == (ErrorCode.STEP_INDEX, 1)
        assert run_on(device, program).error == expected.error
