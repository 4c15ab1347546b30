"""Soft reset, watchdog, a memory that falls silent: at any cycle, and the next launch is exact."""

from random import Random

import pytest
from robust_runs import (
    CHANNELS,
    CONFIG,
    EXTENDED,
    MEMORIES,
    Job,
    Rig,
    rounds,
    small_job,
    soak_count,
)

from myvta.driver.errors import TargetTimeout
from myvta.driver.run.launch import launch
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Reg, Status

pytestmark = [pytest.mark.verilator, pytest.mark.timeout(400)]  # the first test builds
FAILED = Status.FINISH | Status.ERROR
_WRITES = ("aw", "w", "b")


def victims(config):
    """Programs to be reset: one after the other, and everything at once."""
    return [
        Job.of(small_job(seed, raw=seed % 2 == 0, config=config), expect=False)
        for seed in range(2, 10)
    ]


def reset_at_random(count, config=CONFIG):
    """Reset in every state: also with a memory that is silent, for a while or until told."""
    jobs, seen, lengths = victims(config), set(), {}
    for rig, number in rounds(count, config=config):
        dice, target, job = Random(number), rig.target, jobs[number % len(jobs)]
        options = (number % len(jobs), str(target.options))
        if options not in lengths:
            lengths[options] = rig.cycles(job)
        cycle = dice.randrange(lengths[options] + 10)
        rig.start(job)
        silent = dice.random() < 0.25 and dice.choice(CHANNELS)
        if silent:
            target.silence(silent, dice.randrange(cycle + 1), dice.choice([None, 100, 2000]))
        target.run(cycle)
        target.write_register(Reg.RESET, 1)
        if dice.random() < 0.3:
            target.run(dice.randrange(40))
            target.write_register(Reg.RESET, 1)
        status, (code, index, address) = rig.wait(), rig.error()
        case = f"run {number}: reset in cycle {cycle} of job {number % len(jobs)}, {target.options}"
        assert status & ~Status.DRAINING in (FAILED, Status.FINISH), case
        if status & Status.ERROR:
            assert code == ErrorCode.RESET and index < job.count and address == 0, case
        else:
            assert code == ErrorCode.NONE, case
        assert silent or not status & Status.DRAINING, case
        if silent:
            seen.add((silent, bool(status & Status.DRAINING)))
            target.silence(silent, 0, 0 if silent in _WRITES else dice.choice([0, 300]))
            if silent in _WRITES:
                rig.drained()
        seen.add(code)
        rig.check_golden(case)
    return seen


def test_soft_reset_at_any_cycle_leaves_a_working_device():
    seen = reset_at_random(420)
    assert {ErrorCode.RESET, ErrorCode.NONE} <= seen
    assert {("ar", True), ("r", True)} <= seen


@pytest.mark.slow
def test_soft_reset_at_any_cycle_of_an_extension_leaves_a_working_device():
    assert {ErrorCode.RESET, ErrorCode.NONE} <= reset_at_random(420, EXTENDED)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_soft_reset_at_any_cycle_leaves_a_working_device_soak():
    reset_at_random(soak_count("RESETS", 100_000) // 2, EXTENDED)
    seen = reset_at_random(soak_count("RESETS", 100_000))
    assert {(channel, owes) for channel in CHANNELS for owes in (False, True)} <= seen


@pytest.mark.parametrize("channel", CHANNELS)
def test_watchdog_ends_a_launch_on_silent_memory(channel):
    """Every launch ends while it is silent; when it speaks again the device is as before."""
    rig = Rig(latency=3)
    job = rig.golden
    for start in (0, 40, 90, 150, 300, 330, 360):
        rig.target.silence(channel, start)
        rig.start(job, watchdog=1500)
        status, (code, index, address) = rig.wait(), rig.error()
        assert (status & ~Status.DRAINING, code, address) == (FAILED, ErrorCode.WATCHDOG, 0)
        assert index < job.count
        assert rig.target.read_register(Reg.CYCLES) == 1501
        assert status & Status.DRAINING or channel in ("aw", "w", "b")
        for _ in range(2):  # still silent: a launch waits, and ends like the first
            rig.start(job, watchdog=700)
            assert rig.wait() & ~Status.DRAINING == FAILED
            assert rig.error()[0] == ErrorCode.WATCHDOG
        # late answers meet the next launch; late stores of the same program write its results
        rig.target.silence(channel, 0, 300)
        rig.check_golden(f"{channel} silent from {start} on")
    rig.close()


def test_watchdog_names_the_instruction_waiting_for_memory():
    rig = Rig()
    rig.target.silence("b")
    rig.start(rig.golden, watchdog=5000)
    rig.wait()
    words = rig.golden.words()
    first_store = next(n for n, word in enumerate(words) if word & 7 == 1)
    assert rig.error() == (ErrorCode.WATCHDOG, first_store, 0)
    rig.target.silence("b", 0, 0)
    rig.drained()
    rig.check_golden("B was silent")
    rig.close()


@pytest.mark.parametrize("memory", MEMORIES, ids=str)
def test_watchdog_limit_is_exact_to_the_cycle(memory):
    rig = Rig(**memory)
    cycles = rig.cycles(rig.golden)
    if "stall" not in memory:
        for limit, status in ((cycles - 1, Status.FINISH), (cycles - 2, FAILED)):
            rig.start(rig.golden, watchdog=limit)
            assert rig.wait() == status
    rig.start(rig.golden, watchdog=cycles // 3)
    assert rig.wait() == FAILED and rig.error()[0] == ErrorCode.WATCHDOG
    rig.check_golden(f"watchdog, {memory}")
    rig.close()


def test_a_reset_without_a_launch_changes_nothing():
    rig = Rig()
    rig.check_golden("at first")
    rig.target.write_register(Reg.RESET, 1)
    assert rig.wait() == Status.FINISH and rig.error()[0] == 0
    rig.check_golden("reset while idle")
    rig.close()


def test_driver_resets_after_its_timeout_and_the_target_stays_usable():
    rig = Rig()
    job, target = rig.golden, rig.target
    target.memory[:] = job.image
    target.silence("r", 60)
    with pytest.raises(TargetTimeout, match=(
        r"for the launch to end|for FINISH of the launch.*; a soft reset ended it: device error "
        r"RESET at instruction \d+.*; memory has not answered$"
    )):
        launch(target, job.address, job.count, bases=job.bases, timeout=0.2)
    target.silence("r", 0, 0)
    target.memory[:] = job.image
    launch(target, job.address, job.count, bases=job.bases)
    assert not rig.differs(job.expected)
    rig.close()


def test_window_lock_holds_until_the_reset_wire():
    rig = Rig()
    target = rig.target
    target.write_register(Reg.WINDOW_LOCK, 1)
    window = target.read_register(Reg.WINDOW_BASE), target.read_register(Reg.WINDOW_LIMIT)
    for register in (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT, Reg.WINDOW_LOCK):
        target.write_register(register, 0)
    rig.check_golden("locked")
    target.write_register(Reg.RESET, 1)
    target.write_register(Reg.WINDOW_BASE, 0)
    assert window == (
        target.read_register(Reg.WINDOW_BASE), target.read_register(Reg.WINDOW_LIMIT)
    )
    target._reset()
    assert target.read_register(Reg.WINDOW_LOCK) == 0
    assert target.read_register(Reg.WINDOW_BASE) > target.read_register(Reg.WINDOW_LIMIT)
    target.open_window()
    rig.check_golden("after the reset wire")
    rig.close()
