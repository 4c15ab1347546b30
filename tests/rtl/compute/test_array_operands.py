"""array_operands: the input tile of a GEMM step, one word for each group of lanes."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record

from myvta.isa.config import NAMED
from myvta.rtl.compute.array_operands import array_operands, group_lanes, operand_words
from myvta.rtl.lib.bundles import bit, word


@pytest.mark.parametrize("name", ["1x4x4", "2x8x8", "lean"])
def test_every_group_holds_the_row_of_the_last_gemm_step(name):
    config, random = NAMED[name], Random(3)
    clock, reset = clock_and_reset()
    enable, operands = bit(), operand_words(config)
    row_bits = config.block_in * config.inp_width
    inp = word(config.batch * row_bits)
    groups = config.block_out // group_lanes(config)
    assert len(operands) == config.batch * groups

    def drive(cycle):
        randomize(random, inp)
        enable.next = random.random() < 0.6

    watched = {"enable": enable, "inp": inp} | {
        str(at): operand for at, operand in enumerate(operands)
    }
    rows = record(
        [array_operands(clock, enable, inp, operands, config=config)], clock, reset, watched,
        drive, cycles=60,
    )
    held = None
    for row, after in zip(rows, rows[1:], strict=False):
        if row["enable"]:
            held = row["inp"]
        if held is not None:
            expected = [
                held >> (at // groups * row_bits) & ((1 << row_bits) - 1)
                for at in range(len(operands))
            ]
            assert [after[str(at)] for at in range(len(operands))] == expected


def test_lanes_of_a_group_share_a_multiplier():
    assert group_lanes(NAMED["1x8x8"]) == 1
    assert group_lanes(NAMED["default"]) == 2
