"""alu_lane: value, multiplier and shift amount of each operation give its result."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, record
from step_bench import shr, wrap

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode, RqtFlag
from myvta.rtl.compute.alu_lane import (
    Operation,
    alu_operation,
    alu_sum,
    multiplier_operands,
    shift_amount,
)
from myvta.rtl.compute.multiply_lane import MULTIPLIER_BITS
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import word

LANE, LANES = 1, 4
EDGES = (0, 1, -1, 2**31 - 1, -(2**31), 5, 30, 31, 32, 33, 63, 64, -5, -30, -31, -32, -33, -64)
RESULTS = {
    AluOpcode.MIN: min, AluOpcode.MAX: max, AluOpcode.ADD: lambda p, q: wrap(p + q),
    AluOpcode.SHR: shr, AluOpcode.MUL: lambda p, q: wrap(p * q),
}


def lane_of(tile, bits=32):
    """Return this lane of a packed tile."""
    return tile >> bits * LANE & ((1 << bits) - 1)


@pytest.mark.parametrize("requantize", [False, True])
def test_operation_equals_product_and_right_shift(requantize):
    config, random = NAMED["1x4x4" if requantize else "1x4x4_base"], Random(2)
    at = Stages.of(config)
    clock, reset = clock_and_reset()
    s, operation = [Step(config) for _ in range(at.write + 1)], Operation()
    p, q, multiplier = word(32 * LANES), word(32 * LANES), word(32 * LANES)
    shifts, value, factor = word(5 * LANES), word(32), word(32)
    m, amount = word(MULTIPLIER_BITS), word(5)
    kinds = [*RESULTS, *([AluOpcode.RQT] * 2 if requantize else [])]
    steps = [(AluOpcode.ADD, 0)] * 3  # in align, operand, select

    def tile(random):
        lanes = (random.choice([*EDGES, random.getrandbits(32), random.randrange(-40, 40)])
                 for _ in range(LANES))
        return sum((lane & 0xFFFF_FFFF) << 32 * n for n, lane in enumerate(lanes))

    def drive(cycle):
        steps[1:] = steps[:-1]
        steps[0] = random.choice(kinds), random.getrandbits(11)
        for stage, (opcode, imm) in zip(s[at.align:], steps, strict=False):
            stage.opcode.next, stage.imm.next = opcode, imm
        p.next, q.next, multiplier.next = tile(random), tile(random), tile(random)
        shifts.next = random.getrandbits(5 * LANES)

    blocks = [
        alu_operation(clock, s, operation, config=config),
        alu_sum(clock, operation, p, q, value, factor, lane=LANE),
    ]
    blocks += [  # they read ``operation.rqt``, which ``alu_operation`` has made
        multiplier_operands(clock, operation, q, factor, multiplier, m, lane=LANE),
        shift_amount(clock, operation, q, shifts, amount, lane=LANE),
    ]
    watched = {
        "operand": s[at.operand], "p": p, "q": q, "value": value, "m": m, "amount": amount,
        "multiplier": multiplier, "shifts": shifts,
    }
    rows = record(blocks, clock, reset, watched, drive, cycles=1500)
    seen = set()
    for row, after in pairwise(rows[3:]):
        opcode = AluOpcode(row["operand.opcode"])
        left, right = wrap(lane_of(row["p"])), wrap(lane_of(row["q"]))
        factor_now = after["m"] - (after["m"] >> 32 << 33)  # signed
        seen.add(opcode)
        if opcode == AluOpcode.RQT:
            bypass = row["operand.imm"] >> RqtFlag.BYPASS & 1
            scale = 2**31 if bypass else wrap(lane_of(after["multiplier"]))
            assert after["value"] == (left + right) % 2**32
            assert (factor_now, after["amount"]) == (scale, lane_of(row["shifts"], 5))
        else:
            product = wrap(wrap(after["value"]) * factor_now)
            assert product >> after["amount"] == RESULTS[opcode](left, right), (opcode, row)
    assert seen == set(kinds)
