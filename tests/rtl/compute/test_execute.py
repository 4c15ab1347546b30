"""execute: every operation on operands at their edges, through the pipeline that feeds it."""

from __future__ import annotations

import pytest
from step_bench import Steps, check_alu

from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode, RqtFlag

CONFIG = named("1x4x4")
BYPASS, AWAY, RELU = (1 << flag for flag in (RqtFlag.BYPASS, RqtFlag.AWAY, RqtFlag.RELU))
AMOUNTS = (0, 1, 5, 31, 32, 33, 40, 63, 64, 2**31 - 1, -1, -5, -31, -32, -33, -(2**31))
VALUES = (2**31 - 1, -(2**31), 0x55AA_1234, -0x55AA_1234)


@pytest.mark.parametrize(
    "opcode", [code for code in AluOpcode if code not in (AluOpcode.RQT, AluOpcode.RED)])
def test_extreme_operands_equal_the_reference(opcode):
    count = len(AMOUNTS)
    left = [VALUES] * count
    right = [[amount] * 4 for amount in AMOUNTS]
    both = Steps(opcode=opcode, iter_in=count, dst=(0, 1), src=(0, 1))
    immediates = [
        Steps(opcode=opcode, use_imm=True, imm=amount, iter_in=1, uop_bgn=1, uop_end=2)
        for amount in (*AMOUNTS[:9], *AMOUNTS[10:15], 32767, -32768)
    ]
    check_alu(CONFIG, left + right, [(0, count, 0), (1, 0, 0)], both, *immediates)


@pytest.mark.slow
@pytest.mark.parametrize("imm", [
    0, AWAY, BYPASS, BYPASS | AWAY, RELU, RELU | BYPASS | 0x85, RELU | AWAY | 0x7F, 0x80,
], ids=hex)
def test_extreme_requantizations_equal_the_reference(imm):
    tiles = [[value + n for n in range(4)] for value in (
        -(2**31), 2**31 - 4, -2, 62, 126, 254, -130, -66, -258, 2**20, -(2**20), 4 * 127 - 2,
    )]
    sets = [
        ([0, 1, -1, 3], [2**30, 2**31 - 1, 1, 0], [0, 1, 2, 31]),
        ([1, 0, 0, 0], [2**31 - 1] * 4, [3, 2, 1, 0]),
        ([0, 0, 0, 0], [2**30, 2**29, 2**30 + 1, 2**30 - 1], [1, 1, 0, 0]),
    ]
    count = len(tiles)
    acc = tiles * len(sets) + [tile for parameters in sets for tile in parameters]
    program = [
        Steps(opcode=AluOpcode.RQT, use_imm=True, imm=imm, iter_in=count, dst=(0, 1), uop_bgn=n,
              uop_end=n + 1)
        for n in range(len(sets))
    ]
    check_alu(CONFIG, acc, [(n * count, 3 * count + 3 * n, 0) for n in range(len(sets))], *program)
