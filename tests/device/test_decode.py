"""Instruction words on model and RTL: bits of no field are ignored, great numbers are not."""

import numpy as np
import pytest
from device_programs import ACC, BASE, INP, UOP, WGT, Program, random_tiles
from device_run import BASE_ISA, EVERYWHERE, NOT_ICARUS, WIDER
from device_tokens import chain

from myvta.isa.fields import layout, uop_layout
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
    Undefined,
    Uop,
    encode,
)
from myvta.isa.opcodes import AluOpcode

ALL = (1 << 128) - 1


def dirty(instruction, config):
    """Return the instruction with all unused bits set."""
    return Undefined(encode(instruction, config) | ALL & ~layout(instruction.opcode, config).mask)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER, *BASE_ISA], indirect=True)
def test_unused_bits_are_ignored(device):
    """The same program with and without them; micro-ops too."""
    config, outcomes = device.config, []
    for spoil in (False, True):
        program, rng = Program(config), np.random.default_rng(1)
        tiles = [random_tiles(rng, config, kind, 6) for kind in (INP, WGT, ACC)]
        for kind, values in zip((INP, WGT, ACC), tiles, strict=True):
            program.load(kind, values)
        program.uops(Uop(dst=1, src=2, wgt=3), Uop(dst=2, src=1, wgt=0))
        micro = program.regions[-1]
        program.add(
            Gemm(uop_end=2, iter_out=2, iter_in=2, dst_factor_out=1, dst_factor_in=2,
                 src_factor_out=2, src_factor_in=1, wgt_factor_out=1, wgt_factor_in=1),
            Alu(alu_opcode=AluOpcode.ADD, uop_end=2, iter_in=3, dst_factor_in=1, src_factor_in=1),
            Alu(alu_opcode=AluOpcode.SHR, use_imm=1, imm=-3, uop_end=1),
            Load(memory_type=UOP), Load(memory_type=INP), Store(),
        )
        shown = program.show_acc(0, 6)
        body = [*chain(program.body), Finish()]
        program.body, program.raw = body, True
        if spoil:
            program.body = [dirty(item, config) for item in body]
            free = ALL & 0xFFFF_FFFF & ~uop_layout(config).mask
            at = micro.address - BASE
            for n in range(at, at + 8, 4):
                word = int.from_bytes(program.image[n : n + 4], "little") | free
                program.image[n : n + 4] = word.to_bytes(4, "little")
        outcomes.append(device.passes(program).view(shown).tolist())
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize(
    "instruction",
    [
        Load(memory_type=INP, x_size=0xFFFF, x_stride=0xFFFF, y_size=0, sram_base=0xFFFF,
             dram_base=0xFFFF_FFFF),
        Load(memory_type=ACC, x_size=0, x_stride=0xFFFF, y_size=0xFFFF, sram_base=0xFFFF,
             dram_base=0xFFFF_FFFF, x_pad_0=15, x_pad_1=15, y_pad_0=15, y_pad_1=15),
        Store(x_size=0xFFFF, y_size=0, x_stride=0xFFFF, sram_base=0xFFFF, dram_base=0xFFFF_FFFF),
        Store(x_size=0, y_size=0xFFFF, x_stride=0xFFFF, sram_base=0xFFFF, dram_base=0xFFFF_FFFF),
        Gemm(iter_out=0x3FFF, iter_in=0, uop_end=1),
        Gemm(iter_out=0, iter_in=0x3FFF, reset=1),
        Alu(iter_out=0, iter_in=0x3FFF, alu_opcode=AluOpcode.MUL, use_imm=1, imm=-1),
    ],
    ids=str,
)
def test_maximum_fields_without_a_transfer_are_legal(device, instruction):
    program = Program(device.config)
    program.load(ACC, np.ones((2, device.config.lanes), int))
    program.add(instruction)
    shown = program.show_acc(0, 2)
    assert device.passes(program).view(shown).min() == 1


@pytest.mark.parametrize("device", NOT_ICARUS, indirect=True)
def test_maximum_steps_of_one_loop_are_executed(device):
    """2^14 - 1 trips, all 14 bits of the count, for each loop."""
    trips = 0x3FFF
    program = Program(device.config)
    program.load(ACC, np.zeros((1, device.config.lanes), int))
    program.uops(Uop())
    add = dict(alu_opcode=AluOpcode.ADD, use_imm=1, imm=1)
    program.add(Alu(iter_out=trips, **add), Alu(iter_in=trips, **add))
    shown = program.show_acc(0, 1)
    assert set(device.passes(program).view(shown).ravel().tolist()) == {2 * trips}
