"""Launches of the smallest configurations that end in an error, and the clean ones after them."""

import numpy as np
from device_programs import ACC, INP, LUT, UOP, WGT, WGT_4BIT, Program
from device_run import check_out
from device_tokens import IDLE

from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store, Uop
from myvta.isa.opcodes import LUT_ENTRIES, AluOpcode, Reduction, RqtFlag

__all__ = [
    "BEFORE", "DEPTH", "fails", "followed_by_a_clean_launch", "followed_by_every_extension", "some",
]

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


def followed_by_every_extension(device):
    """Run a small program that uses every engine and every extension of 1x4x4+all, by hand.

    A window, the maximum of its sums, a table, both results forwarded, and their product.
    """
    program = Program(device.config)
    table = 2 - np.arange(LUT_ENTRIES)
    program.load(INP, [[1, 2, 3, 4], [5, 6, 7, 8], [0, 1, 0, -1], [1, 1, 1, 1]])
    program.load(WGT_4BIT, [[1, 1, 1, 1, -1, 2, 0, 3, 7, 0, 0, 0, -8, 1, 1, 0]])
    program.load(ACC, [[1, 1, 1, 1], [0, 0, 2, 0]], 2)
    program.load(ACC, np.zeros((3, 4), int), 8)  # RQT leaves its values to the table
    program.load(LUT, [table], 3)
    program.uops(Uop(dst=0, src=0, wgt=0), Uop(dst=1, src=0), Uop(dst=0, src=8),
                 Uop(dst=4, src=9, wgt=2))
    flags = 1 << RqtFlag.BYPASS | 1 << RqtFlag.LOOKUP | 3 << RqtFlag.LOOKUP + 1
    program.add(
        # lanes: 1+5+0+1, -2+12+0+3, 3*7, -4*8+8-1
        Dwc(window=3, row_pitch=2, overwrite=1),
        Alu(alu_opcode=AluOpcode.RED, imm=Reduction.MAX, uop_bgn=1, uop_end=2),
        Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=flags, uop_bgn=2, uop_end=3),
        Store(memory_type=INP, sram_base=0, dram_base=9, x_size=1),
        Store(memory_type=WGT, sram_base=0, dram_base=8, x_size=2, y_size=2, x_stride=2),
        Gemm(uop_bgn=3, uop_end=4, overwrite=1),
    )
    shown = program.show_acc(0, 5)
    outcome = device.passes(program)
    # windows 7, 13, 21, -25; entry v of the table is 2 - v; INP and WGT get their low bytes,
    # -5, -11, -19, 27, whose squares have the sum 1236
    assert outcome.view(shown).tolist() == [
        [-5, -11, -19, -229], [21] * 4, [1] * 4, [0, 0, 2, 0], [1236, -168, -8, -38]]
    assert outcome.counters["DWC_STEPS"] == 1 and outcome.counters["LUT_BYTES"] == 512


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
