"""shift_lane: the right shift, the bits it loses, and the result of what is no RQT."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from step_bench import wrap

from myvta.isa.config import NAMED
from myvta.rtl.compute.shift_lane import SHIFTED_BITS, Lost, plain_result, right_shift
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit, signed_word, word


def any_lost(row):
    """Return whether a set bit was shifted out, apart from the last one."""
    octets = row["lost.octets"]
    return bool(row["lost.few"]) or row["lost.octet"] & ((1 << octets) - 1) != 0


@pytest.mark.parametrize("requantize", [False, True])
def test_shifted_value_and_lost_bits_are_exact(requantize):
    random = Random(4)
    clock, reset = clock_and_reset()
    product, amount, requantizes = word(64 if requantize else 32), word(5), bit()
    shifted, lost = signed_word(SHIFTED_BITS), Lost() if requantize else None

    def drive(cycle):
        sparse = 1 << random.randrange(64) | random.getrandbits(64) >> random.randrange(64) << 40
        product.next = random.choice([sparse, random.getrandbits(64)]) % 2 ** len(product)
        randomize(random, amount, requantizes)

    block = right_shift(
        clock, product, amount, requantizes if requantize else None, shifted, lost,
    )
    watched = {"product": product, "amount": amount, "rqt": requantizes, "shifted": shifted}
    watched |= {"lost": lost} if requantize else {}
    rows = record([block], clock, reset, watched, drive, cycles=1500)
    losses = set()
    for row, after in zip(rows, rows[2:], strict=False):
        from_31 = requantize and row["rqt"]
        doubled = 2 * wrap(row["product"] >> 31 if from_31 else row["product"])
        assert after["shifted"] == doubled >> row["amount"]
        if requantize:
            expected = doubled % (1 << row["amount"]) != 0
            assert any_lost(after) == expected, row
            losses.add(expected)
    assert len(losses) == 2 * requantize


@pytest.mark.parametrize("requantize", [False, True])
def test_plain_result_is_zero_in_every_other_slot(requantize):
    random = Random(5)
    clock, reset = clock_and_reset()
    rounded, requantizes = Step(NAMED["1x4x4"]), bit()
    shifted, plain = signed_word(SHIFTED_BITS), word(32)

    def drive(cycle):
        randomize(random, shifted, rounded.alu, requantizes)

    block = plain_result(clock, rounded, requantizes if requantize else None, shifted, plain)
    watched = {"alu": rounded.alu, "rqt": requantizes, "shifted": shifted, "plain": plain}
    for row, after in pairwise(record([block], clock, reset, watched, drive, cycles=200)):
        shows = row["alu"] and not (requantize and row["rqt"])
        assert after["plain"] == (row["shifted"] >> 1) % 2**32 * shows
