"""Launches of the smallest configuration that end in an error, and the clean launch after them."""

import numpy as np
from device_programs import ACC, INP, UOP, WGT, Program
from device_run import check_out
from device_tokens import IDLE

from myvta.isa.instructions import Alu, Finish, Gemm, Load, Uop
from myvta.isa.opcodes import AluOpcode

__all__ = ["BEFORE", "DEPTH", "fails", "followed_by_a_clean_launch", "some"]

DEPTH = 256  # INP, ACC and UOP of 1x4x4; WGT holds 128
BEFORE = 3  # instructions before the one at fault


def followed_by_a_clean_launch(device):
    """Run a small program that uses every engine."""
    program = Program(device.config)
    program.load(INP, [[1, 2, 3, 4]])
    program.load(WGT, np.eye(4, dtype=int).reshape(1, -1))
    program.load(ACC, [[10, 20, 30, 40]])
    program.uops(Uop())
    program.add(Gemm(), Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=-5))
    place = program.store(0, 1)
    outcome = device.passes(program)
    check_out(outcome, place, [[6, 17, 28, 39]])
    assert outcome.counters["INSTRUCTIONS"] == 8


def fails(device, code, *instructions, at=BEFORE, uops=(), acc=None):
    """Run instructions after three legal ones: UOP load, ACC load, no-op."""
    program = Program(device.config, raw=True)
    micro = program.data(UOP, uops or [Uop()])
    tiles = program.data(ACC, [[0] * 4] if acc is None else acc)
    program.add(
        Load(memory_type=UOP, dram_base=micro.tile, x_size=micro.count),
        Load(memory_type=ACC, dram_base=tiles.tile, x_size=tiles.count), IDLE,
        *instructions, Finish(),
    )
    device.fails(program, code, at)
    followed_by_a_clean_launch(device)


def some(kind, **fields):
    """Return the LOAD of one element; fields override."""
    return Load(**{"memory_type": kind, "x_size": 1, "dram_base": 0x200, **fields})
