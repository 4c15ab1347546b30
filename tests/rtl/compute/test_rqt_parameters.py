"""rqt_parameters: the three tiles are read in free cycles, kept while they hold, and checked."""

from itertools import pairwise
from random import Random

import pytest
from myhdl import always_comb, block
from rtl_bench import clock_and_reset, randomize, record
from step_bench import Steps, check_alu

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode, RqtFlag
from myvta.rtl.compute.address_generator import StepIndices
from myvta.rtl.compute.rqt_parameters import ParameterCheck, ParameterRead, rqt_parameters
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit, word

CONFIG = NAMED["1x4x4"]
TILES = {"bias": 0, "multiplier": 1, "shift": 2}  # counted from src
PARAMETERS = 8  # first tile of two sets in the tests of the whole pipeline
ARRIVALS = [f"parameter.{kind}_arrives" for kind in TILES]


@block
def release(free, ready, moves):
    """The schedule's use of ``ready``."""

    @always_comb
    def decide():
        moves.next = free and ready

    return decide


def rqt_step(src, *, rqt=True, last=False, hit=0):
    """Return a step; while it waits, an earlier one writes a parameter tile for ``hit`` cycles."""
    return {"rqt": rqt, "src": src, "last": last, "hit": hit}


def random_step(random):
    return rqt_step(
        random.choice([4, 4, 4, 7, 9, 250]), rqt=random.random() < 0.8,
        last=random.random() < 0.15, hit=random.choice([0, 0, 0, 0, 2, 5]),
    )


def run(steps, *, random=None, stop_after=10**6, cycles):
    """Pass steps through both stages; with ``random`` banks are busy and steps wait at times."""
    coming, empty = iter(steps), rqt_step(0, rqt=False)
    clock, reset = clock_and_reset()
    checked, waiting, indices = Step(CONFIG), Step(CONFIG), StepIndices(CONFIG)
    parameter, check = ParameterRead(CONFIG.log_acc_depth), ParameterCheck()
    hit, busy, stopped, free, ready, moves = bit(), word(2), bit(), bit(), bit(), bit()
    ahead, hits = [empty], [0]

    def drive(cycle):
        free.next, stopped.next = True, cycle >= stop_after
        if random:
            free.next = random.random() < 0.7
            randomize(random, busy, parameter.multiplier_bad, parameter.shift_bad)
        if moves:
            arriving, ahead[0] = ahead[0], next(coming, empty)
            checked.src.next = ahead[0]["src"]
            waiting.valid.next, waiting.src.next = True, arriving["src"]
            waiting.last.next = arriving["last"]
            waiting.imm.next = random.getrandbits(11) if random else 0
            indices.rqt.next, indices.index.next = arriving["rqt"], cycle
            indices.after.next = arriving["src"] // 2 + 1
            hits[0] = arriving["hit"] if arriving["rqt"] else 0
        hit.next, hits[0] = hits[0] > 0, hits[0] - 1

    blocks = [
        release(free, ready, moves),
        rqt_parameters(
            clock, reset, checked=checked, waiting=waiting, indices=indices,
            parameter_hit=hit, busy=busy, moves=moves, stopped=stopped, parameter=parameter,
            ready=ready, check=check,
        ),
    ]
    watched = {
        "waiting": waiting, "indices": indices, "parameter": parameter, "check": check, "hit": hit,
        "busy": busy, "moves": moves,
    }
    return record(blocks, clock, reset, watched, drive, cycles=cycles)


def tile_read(before, row):
    """Return the tile whose data a row shows, from the address of the cycle before."""
    bank = row["parameter.odd"]
    assert before["parameter.reads"] and not before["busy"] >> bank & 1
    behind = before["parameter.behind"] >> bank & 1
    return 2 * (before["parameter.after"] if behind else before["waiting.src"] // 2) + bank


def test_steps_leave_with_the_current_tiles():
    random = Random(6)
    rows = run([random_step(random) for _ in range(400)], random=random, cycles=1500)
    held, outdated, fresh = {}, 0, False  # cycle: all that was read by then is old
    served, reused = 0, 0
    for cycle, (before, row) in enumerate(pairwise(rows), 1):
        for (kind, offset), arrives in zip(TILES.items(), ARRIVALS, strict=True):
            if row[arrives]:
                assert tile_read(before, row) == before["waiting.src"] + offset
                held[kind] = before["waiting.src"], cycle - 1
        fresh |= bool(row["parameter.shift_arrives"])
        if row["hit"]:
            outdated = cycle
        if not row["moves"]:
            continue
        if row["indices.rqt"]:
            assert not row["hit"]
            assert {src for src, _ in held.values()} == {row["waiting.src"]}
            assert min(read for _, read in held.values()) > outdated
            served, reused = served + 1, reused + (not fresh)
        if row["waiting.last"]:
            outdated = cycle
        fresh = False
    assert served > 150 and 20 < reused < served - 50


def test_check_names_the_step_that_fetched_the_tiles():
    random = Random(3)
    rows = run([random_step(random) for _ in range(400)], random=random, cycles=1000)
    pending, reports = set(), {}
    for cycle, row in enumerate(rows[:-2]):
        if row["parameter.shift_arrives"]:
            pending |= {cycle + 1, cycle + 2}
            result = rows[cycle + 2]
            bypass = row["waiting.imm"] >> RqtFlag.BYPASS & 1
            if result["parameter.shift_bad"] or (
                result["parameter.multiplier_bad"] and not bypass
            ):
                reports[cycle + 2] = row["indices.index"]
    assert 20 < len(reports) < len(pending) / 2 - 20
    for cycle, row in enumerate(rows[:-2]):
        assert row["check.pending"] == (cycle in pending)
        assert row["check.bad"] == (cycle in reports)
        if cycle in reports:
            assert row["check.index"] == reports[cycle]


def test_new_source_takes_three_cycles_and_a_kept_one_none():
    steps = [rqt_step(src) for src in (4, 4, 9, 9, 9, 2)]
    rows = run(steps, cycles=30)
    leaving = [cycle for cycle, row in enumerate(rows) if row["moves"] and row["indices.rqt"]]
    assert [after - before for before, after in pairwise(leaving)] == [1, 4, 1, 1, 4]


def test_nothing_is_read_after_a_fault():
    rows = run([rqt_step(src) for src in range(4, 100, 3)], stop_after=20, cycles=60)
    arriving = [cycle for cycle, row in enumerate(rows) if any(row[name] for name in ARRIVALS)]
    assert 15 <= max(arriving) <= 22


def parameters(bias=100, multiplier=2**30, shift=5):
    """Eight tiles of data and two sets of parameters."""
    data = [[40 * (n + lane) - 100 for lane in range(4)] for n in range(PARAMETERS)]
    return [*data, [bias] * 4, [multiplier] * 4, [shift] * 4, [1] * 4, [2**30] * 4, [0] * 4]


@pytest.mark.parametrize(
    ("part", "shift", "change"), [(0, 5, 2**23), (1, 5, 3000), (2, 10, -1)],
    ids=["bias", "multiplier", "shift"],
)
def test_parameters_written_between_instructions_are_current(part, shift, change):
    """Any number of steps between the write and the RQT; each change shows in its result."""
    gaps = (0, 1, 2, 5, 8, 12)
    data = [[2**26 + lane * 2**22 for lane in range(4)]] * (len(gaps) + 1)
    first, idle = len(data), len(data) + 4  # parameters; an unrelated tile
    acc = [*data, [0] * 4, [2**16] * 4, [shift] * 4, [change] * 4, [0] * 4]
    uops = [(n, first, 0) for n in range(len(data))] + [(first + part, first + 3, 0), (idle, 0, 0)]

    def step(uop, **fields):
        return Steps(**{"opcode": AluOpcode.ADD, "uop_bgn": uop, "uop_end": uop + 1, **fields})

    rqt = dict(opcode=AluOpcode.RQT, use_imm=True)
    program = [step(0, **rqt)]
    for n, gap in enumerate(gaps, 1):
        program += [step(len(data)), step(len(data) + 1, use_imm=True, imm=7, iter_in=gap),
                    step(n, **rqt)]
    check_alu(CONFIG, acc, uops, *program)


@pytest.mark.parametrize("part", range(3), ids=["bias", "multiplier", "shift"])
@pytest.mark.parametrize("gap", [
    0, pytest.param(1, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow), 6,
])
@pytest.mark.parametrize("source", [PARAMETERS, PARAMETERS + 3], ids=["itself", "others"])
def test_parameters_written_within_an_instruction_are_current(part, gap, source):
    """The step that writes them is an RQT by themselves or by others; they are used at once."""
    uops = [
        (0, PARAMETERS, 0), (PARAMETERS + part, source, 0), *[(6, source, 0)] * gap,
        (1, PARAMETERS, 0), (2, PARAMETERS, 0),
    ]
    steps = Steps(opcode=AluOpcode.RQT, use_imm=True, uop_end=len(uops))
    check_alu(CONFIG, parameters(), uops, steps)
