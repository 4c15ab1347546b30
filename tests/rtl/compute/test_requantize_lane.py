"""requantize_lane: shift, both roundings, zero point and clamp of one lane, edges above all."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, record
from step_bench import rqt

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode, RqtFlag
from myvta.rtl.compute.requantize_lane import requantize_lane, rqt_immediate
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import signed_word, word

LANE = 1
LANES = NAMED["1x4x4"].lanes


def random_quotient(random, shift):
    """Return an int32 whose shifted value is near the clamp, or half way, or anything."""
    near = random.randrange(-300, 301) << shift
    half = random.choice([0, 1 << shift >> 1, -(1 << shift >> 1)])
    return random.choice([
        min(max(near + half + random.randrange(-2, 3), -(2**31)), 2**31 - 1),
        random.randrange(-(2**31), 2**31), random.choice([-(2**31), 2**31 - 1, 0, -1]),
    ])


@pytest.mark.parametrize("name", ["1x4x4", "1x4x4_int4"])
def test_result_equals_exact_arithmetic(name):
    config, random = NAMED[name], Random(8)
    clock, reset = clock_and_reset()
    s7, s8 = Step(config), Step(config)
    quotient, result = signed_word(35), word(32)
    shifts, masks = word(5 * LANES), word(32 * LANES)

    def drive(cycle):
        amounts = [random.randrange(32) for _ in range(LANES)]
        shifts.next = sum(n << 5 * lane for lane, n in enumerate(amounts))
        masks.next = sum(((1 << n) - 1) << 32 * lane for lane, n in enumerate(amounts))
        quotient.next = random_quotient(random, amounts[LANE])
        s7.imm.next = random.getrandbits(10) | 1 << RqtFlag.BYPASS
        s7.long.next = random.random() < 0.9
        s7.opcode.next = AluOpcode.RQT if random.random() < 0.9 else AluOpcode.MUL

    blocks = [
        rqt_immediate(clock, s7, s8.imm),
        requantize_lane(
            clock, s7=s7, s8=s8, s7_quotient=quotient, shift_tile=shifts, lost_mask=masks,
            result=result, config=config, lane=LANE,
        ),
    ]
    watched = {"s7": s7, "quotient": quotient, "shifts": shifts, "result": result}
    rows = record(blocks, clock, reset, watched, drive, cycles=900)
    shown = set()
    for row, after in zip(rows, rows[1:], strict=False):
        expected = 0
        if row["s7.long"] and row["s7.opcode"] == AluOpcode.RQT:
            # the quotient is the sum of accumulator and bias when the multiplier is bypassed
            expected = rqt(
                row["quotient"], 0, 0, row["shifts"] >> 5 * LANE & 31, row["s7.imm"],
                config.out_width,
            )
        assert after["result"] == expected % 2**32, row
        shown.add(expected)
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    assert {low, high, 0, 1, -1} < shown
