"""One program that uses every engine."""

import numpy as np
from device_programs import ACC, INP, WGT, Program, random_tiles

from myvta.isa.instructions import Alu, Gemm, Uop
from myvta.isa.opcodes import AluOpcode, MemoryType

__all__ = ["smoke"]


def smoke(config):
    """Return a program that uses every engine, both extensions and the padding."""
    program, rng = Program(config), np.random.default_rng(3)
    program.load(INP, random_tiles(rng, config, INP, 6), x_pad_0=1, y_pad_1=1)
    program.load(WGT, random_tiles(rng, config, WGT, 4))
    program.load(ACC, random_tiles(rng, config, ACC, 8) >> 8)
    program.uops(Uop(), Uop(dst=1, src=2, wgt=1))
    program.add(Gemm(uop_end=2, iter_in=3, dst_factor_in=2, src_factor_in=1, wgt_factor_in=1),
                Gemm(overwrite=1, iter_in=1, uop_bgn=1, uop_end=2))
    program.load(ACC, np.array([[5] * 4, [1 << 29] * 4, [2] * 4]), 20)
    program.add(Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=3, uop_bgn=0, uop_end=1, iter_in=2,
                    dst_factor_in=1, src_factor_in=0) if config.requantize else Gemm(reset=1))
    program.load(MemoryType.ACC_8BIT, random_tiles(rng, config, MemoryType.ACC_8BIT, 3), 9)
    program.add(Alu(alu_opcode=AluOpcode.MUL, uop_end=2, iter_in=4, dst_factor_in=1,
                    src_factor_in=1))
    program.store(0, 12)
    return program
