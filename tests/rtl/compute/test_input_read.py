"""input_read: without DWC, a GEMM reads its tile when it is in ``read``."""

from random import Random

from rtl_bench import clock_and_reset, randomize, record

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.compute.array_operands import operand_words
from myvta.rtl.compute.input_read import input_tile
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import OperandRead


def test_the_tile_of_a_gemm_is_registered_for_all_groups():
    config, random = NAMED["2x8x8"], Random(6)
    at = Stages.of(config)
    clock, reset = clock_and_reset()
    s = [Step(config) for _ in range(at.tiles + 1)]
    inp = OperandRead(config.log_inp_depth, 8 * config.tile_bytes(MemoryType.INP))
    operands = operand_words(config)

    def drive(cycle):
        randomize(random, s[at.read].mac, s[at.read].inp, s[at.tiles].mac, inp.data)

    watched = {"read": s[at.read], "tiles.mac": s[at.tiles].mac, "inp": inp,
               "first": operands[0], "last": operands[-1]}
    rows = record(
        [input_tile(clock, s, inp, operands, config=config)], clock, reset, watched, drive,
        cycles=60)
    bits = len(operands[0])
    for row, after in zip(rows, rows[1:], strict=False):
        assert row["inp.enable"] == row["read.mac"] and row["inp.address"] == row["read.inp"]
        if row["tiles.mac"]:
            assert after["first"] == row["inp.data"] & (1 << bits) - 1
            assert after["last"] == row["inp.data"] >> bits
