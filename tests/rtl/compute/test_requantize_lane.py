"""requantize_lane: both roundings, zero point and clamp of one lane, edges above all."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, record
from step_bench import rqt

from myvta.isa.config import NAMED
from myvta.isa.opcodes import RqtFlag
from myvta.rtl.compute.requantize_lane import requantize_lane, rqt_immediate
from myvta.rtl.compute.shift_lane import SHIFTED_BITS, Lost
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit, signed_word, word


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
    rounded, requantizes, imm, lost = Step(config), bit(), word(16), Lost()
    shifted, result = signed_word(SHIFTED_BITS), word(32)
    operands = [(0, 0)]  # value and amount of the shift, by cycle

    def drive(cycle):
        amount = random.randrange(32)
        value = random_quotient(random, amount)
        operands.append((value, amount))
        shifted.next = 2 * value >> amount
        lost.few.next, lost.octet.next, lost.octets.next = False, 0, 0
        if 2 * value % (1 << amount):
            octet = random.randrange(4)  # of which of them it was, or none of them
            lost.few.next = octet == 3
            lost.octet.next = random.getrandbits(3) | 1 << octet % 3
            lost.octets.next = random.randrange(octet + 1, 4) if octet < 3 else 0
        elif random.random() < 0.5:
            octets = random.randrange(4)
            lost.octets.next, lost.octet.next = octets, 7 >> octets << octets
        rounded.imm.next = random.getrandbits(10) | 1 << RqtFlag.BYPASS
        rounded.alu.next, requantizes.next = random.random() < 0.9, random.random() < 0.9

    blocks = [
        rqt_immediate(clock, rounded, requantizes, imm),
        requantize_lane(
            clock, rounded=rounded, requantizes=requantizes, shifted=shifted, lost=lost, imm=imm,
            result=result, config=config,
        ),
    ]
    watched = {"alu": rounded.alu, "rqt": requantizes, "imm": rounded.imm, "result": result}
    rows = record(blocks, clock, reset, watched, drive, cycles=3000)
    shown = set()
    for (row, after), (value, amount) in zip(pairwise(rows), operands, strict=False):
        expected = 0
        if row["alu"] and row["rqt"]:
            # with a multiplier that is bypassed
            expected = rqt(value, 0, 0, amount, row["imm"], config.out_width)
        assert after["result"] == expected % 2**32, row
        shown.add(expected)
    low, high = -(1 << (config.out_width - 1)), (1 << (config.out_width - 1)) - 1
    assert {low, high, 0, 1, -1} < shown
