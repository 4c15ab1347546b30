"""table_results: values or their entries, one stage later, and zero in place of the other."""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, randomize, simulate
from step_bench import Steps, check_alu, wrap

from myvta.isa.opcodes import LUT_ENTRIES, LUT_TABLES, AluOpcode, RqtFlag
from myvta.rtl.compute.lookup import TableWrite
from myvta.rtl.compute.table_results import table_results
from myvta.rtl.lib.bundles import word

LANES = 4


def test_a_table_replaces_requantized_lanes_and_nothing_else():
    random = Random(2)
    clock, reset = clock_and_reset()
    imm, tables = word(16), TableWrite()
    plain, requantized, *merged = ([word(32) for _ in range(LANES)] for _ in range(5))
    block = table_results(clock, imm, tables, plain, requantized, merged)
    contents = [random.getrandbits(16) for _ in range(LUT_TABLES * LUT_ENTRIES)]
    expected, looked_up = None, 0

    def on_edge(cycle):
        nonlocal expected, looked_up
        filling = cycle < len(contents)
        if expected is not None:
            for lanes, wanted in zip(merged, expected, strict=True):
                assert [wrap(int(lane)) for lane in lanes] == wanted, cycle
        expected = None
        if cycle > len(contents) + 1:
            values = [wrap(int(lane)) for lane in requantized]
            expected = [[wrap(int(lane)) for lane in plain], values, [0] * LANES]
            if imm[RqtFlag.LOOKUP]:
                first = (int(imm) >> RqtFlag.LOOKUP + 1 & 3) * LUT_ENTRIES
                entries = [contents[first + (value & 0xFF)] for value in values]
                expected[1:] = [0] * LANES, [wrap(entry << 16) >> 16 for entry in entries]
                looked_up += 1
        tables.valid.next = filling
        tables.address.next = cycle % len(contents)
        tables.entry.next = contents[cycle % len(contents)]
        randomize(random, *plain)
        for lane in requantized:
            lane.next = random.randrange(-128, 128) % 2**32
        imm.next = random.getrandbits(14)
        return cycle == len(contents) + 300

    simulate([block], clock, reset, on_edge, limit=2000)
    assert looked_up > 100


@pytest.mark.parametrize("name", ["1x4x4+lookup", "1x4x4_int4+lookup"])
def test_rqt_with_a_table_is_exact_and_as_fast_as_without(name):
    """Results of tables are read by operations behind them, long and short."""
    config, random = extended(name), Random(3)
    count, cycles = 24, []
    acc = [[random.randrange(-140, 140) for _ in range(config.lanes)] for _ in range(count)]
    neutral = [[0] * config.lanes] * 3
    lut = [[random.randrange(-(2**15), 2**15) for _ in range(LUT_ENTRIES)]
           for _ in range(LUT_TABLES)]
    for imm in (0, 5 << RqtFlag.LOOKUP):
        steps = Steps(
            opcode=AluOpcode.RQT, use_imm=True, imm=imm | 1 << RqtFlag.BYPASS, iter_in=count,
            dst=(0, 1),
        )
        add = Steps(opcode=AluOpcode.ADD, iter_in=count, dst=(0, 1), src=(0, 1), uop_bgn=1,
                    uop_end=2)
        uops = [(0, count, 0), (0, 0, 0)]
        run = check_alu(config, acc + neutral, uops, steps, steps, add, lut=lut)
        cycles.append(run.cycles)
    assert len(set(cycles)) == 1
