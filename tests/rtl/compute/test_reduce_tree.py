"""reduce_tree: sum, maximum and minimum of the lanes of each batch row, for any depth."""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, record
from step_bench import Steps, check_alu, wrap

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode, Reduction
from myvta.rtl.compute.reduce_tree import level_counts, reduce_tree
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import word

EDGES = (0, 1, -1, 2**31 - 1, -(2**31), -(2**31) + 1, 2**30, -(2**30))
FOLDS = {
    Reduction.SUM: lambda lanes: wrap(sum(lanes)), Reduction.MAX: max, Reduction.MIN: min,
}


def random_lane(random):
    """Return an int32: an edge, a small one, or any."""
    return random.choice([
        random.choice(EDGES), random.randrange(-4, 5), wrap(random.getrandbits(32)),
    ])


@pytest.mark.parametrize(("name", "depth"), [
    ("1x4x4", 3), ("1x4x4", 1), ("2x8x8", 3), ("default", 3), ("default", 6), ("1x32x32", 6),
])
def test_each_row_is_reduced_after_depth_cycles(name, depth):
    config, random = NAMED[name], Random(depth)
    clock, reset = clock_and_reset()
    first = Step(config)
    tile, results = word(32 * config.lanes), [word(32) for _ in range(config.batch)]
    tiles = []

    def drive(_cycle):
        tiles.append([random_lane(random) for _ in range(config.lanes)])
        tile.next = sum((value % 2**32) << 32 * lane for lane, value in enumerate(tiles[-1]))
        first.alu.next = random.random() < 0.9
        first.opcode.next = random.choice([AluOpcode.RED] * 4 + [AluOpcode.MUL, AluOpcode.RQT])
        first.imm.next = random.choice(list(Reduction))

    watched = {"first": first} | {f"result{row}": it for row, it in enumerate(results)}
    block = reduce_tree(clock, tile, first, results, config=config, depth=depth)
    rows = record([block], clock, reset, watched, drive, cycles=300)
    reduced = 0
    for seen, lanes, after in zip(rows[1:], tiles, rows[1 + depth:], strict=False):
        for row in range(config.batch):
            expected = 0
            if seen["first.alu"] and seen["first.opcode"] == AluOpcode.RED:
                mine = lanes[row * config.block_out:][:config.block_out]
                expected, reduced = FOLDS[Reduction(seen["first.imm"])](mine), reduced + 1
            assert wrap(after[f"result{row}"]) == expected
    assert reduced > 150


def test_levels_are_spread_with_the_first_stages_having_more():
    assert level_counts(4, 3) == [2, 1, 1]
    assert level_counts(5, 3) == [2, 2, 1]
    assert level_counts(2, 3) == [1, 1, 0]
    assert level_counts(3, 1) == [3]


@pytest.mark.parametrize("name", ["1x4x4+reduce", "1x4x4_base+reduce"])
def test_a_reduction_starts_in_every_cycle(name):
    """Whatever the strides: into one tile, from one tile, all in one bank."""
    config, random, count = extended(name), Random(5), 12
    acc = [[random_lane(random) for _ in range(config.lanes)] for _ in range(8 * count)]
    strides = [(1, 1), (2, 2), (0, 1), (1, 0), (3, 2)]
    program = [
        Steps(opcode=AluOpcode.RED, imm=number % 3, iter_in=count, dst=(0, dst), src=(0, src))
        for number, (dst, src) in enumerate(strides)
    ]
    alone = check_alu(config, acc, [(0, 60, 0)], Steps(opcode=AluOpcode.RED)).cycles
    together = check_alu(config, acc, [(0, 60, 0)], *program).cycles
    assert together == alone + count * len(strides) - 1


def test_reductions_among_other_operations_are_sequential():
    config, random = extended("1x4x4+lookup+reduce"), Random(6)
    acc = [[random_lane(random) for _ in range(config.lanes)] for _ in range(8)]
    uops = [(random.randrange(5), random.randrange(5), 0) for _ in range(8)]
    program = []
    for _ in range(12):
        opcode = random.choice([AluOpcode.RED, AluOpcode.RED, AluOpcode.ADD, AluOpcode.MUL])
        begin = random.randrange(6)
        program.append(Steps(
            opcode=opcode, imm=random.randrange(3), use_imm=False, uop_bgn=begin,
            uop_end=begin + random.randrange(1, 3), iter_in=random.randrange(1, 4),
            dst=(0, 1), src=(0, random.randrange(2)),
        ))
    check_alu(config, acc, uops, *program)
