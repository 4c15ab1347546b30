"""multiply_lane: products of MUL and rounded quotients of RQT, from operands in s4."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from step_bench import wrap

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode, RqtFlag
from myvta.rtl.compute.long_operands import LongOperands
from myvta.rtl.compute.multiply_lane import (
    MULTIPLIER_BITS,
    multiply_lane,
    multiply_operands,
    quotient_lane,
    requantize_operands,
)
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import signed_word, word

CONFIG = NAMED["1x4x4"]
LANE = 2
EDGES = (0, 1, -1, 2**15, -(2**16), 2**16 - 1, 2**31 - 1, -(2**31), 2**30)
OPERANDS = ("dst", "src", "held", "bias", "multiplier")


def random_tile(random):
    """Return a tile whose lanes are edges, or random."""
    lanes = [random.choice([*EDGES, random.getrandbits(32)]) for _ in range(CONFIG.lanes)]
    return sum((value & 0xFFFF_FFFF) << (32 * lane) for lane, value in enumerate(lanes))


def expected(row):
    """Return the product (MUL) or the rounded quotient (RQT) of the step that a row has in s4."""
    value = {name: wrap(row[name] >> 32 * LANE) for name in OPERANDS}
    if row["s4.opcode"] == AluOpcode.RQT:
        p = wrap(value["dst"] + value["bias"])
        if row["s4.imm"] >> RqtFlag.BYPASS & 1:
            return p
        return (p * value["multiplier"] + 2**30) // 2**31
    second = wrap(row["s4.imm"] << 16) >> 16
    if row["s4.pair"]:
        second = value["src"] if row["operands.reads_src"] else value["held"]
    return value["dst"] * second % 2**32


@pytest.mark.parametrize("requantize", [False, True])
def test_results_come_three_cycles_after_the_operands(requantize):
    random = Random(6)
    clock, reset = clock_and_reset()
    s4, s5, s6 = (Step(CONFIG) for _ in range(3))
    operands = LongOperands(32 * CONFIG.lanes)
    bias, multiplier = word(32 * CONFIG.lanes), word(32 * CONFIG.lanes)
    p, m = word(32), word(MULTIPLIER_BITS)
    upper, product, quotient = signed_word(50), word(32), signed_word(35)

    def drive(cycle):
        for tile in (operands.dst, operands.src, operands.held, bias, multiplier):
            tile.next = random_tile(random)
        randomize(random, s4.imm)
        s4.long.next = random.random() < 0.8
        is_rqt = requantize and random.random() < 0.5
        s4.opcode.next = AluOpcode.RQT if is_rqt else AluOpcode.MUL
        pair = not is_rqt and random.random() < 0.7
        s4.pair.next, operands.reads_src.next = pair, pair and random.random() < 0.5
        for ahead, behind in ((s4, s5), (s5, s6)):
            behind.long.next, behind.opcode.next = ahead.long, ahead.opcode

    first = (
        requantize_operands(s4, operands, bias, multiplier, p, m, lane=LANE) if requantize
        else multiply_operands(s4, operands, p, m, lane=LANE)
    )
    blocks = [
        first, quotient_lane(clock, s6, upper, quotient),
        multiply_lane(clock, s4=s4, s6=s6, p=p, m=m, s6_upper=upper, s7_product=product),
    ]
    watched = {
        "s4": s4, "operands": operands, "product": product, "quotient": quotient, "bias": bias,
        "multiplier": multiplier, "dst": operands.dst, "src": operands.src, "held": operands.held,
    }
    rows = record(blocks, clock, reset, watched, drive, cycles=600)
    steps = [(row, after) for row, after in zip(rows, rows[3:], strict=False) if row["s4.long"]]
    assert len(steps) > 300
    for row, after in steps:
        if row["s4.opcode"] == AluOpcode.RQT:
            assert (after["quotient"], after["product"]) == (expected(row), 0)
        else:
            assert after["product"] == expected(row)
