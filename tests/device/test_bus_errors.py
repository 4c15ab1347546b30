"""SLVERR and DECERR on any beat of any client: code, instruction and address; then all is exact."""

from random import Random

import pytest
from robust_runs import CONFIG, EXTENDED, Job, bytes_of, rounds, small_job, soak_count

from myvta.cosim.rules import Counter
from myvta.isa.instructions import Load, Store, decode
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Status

pytestmark = [pytest.mark.verilator, pytest.mark.timeout(400)]  # the first test builds
BLOCK = 16  # beats; a burst stays in an aligned block of them


def check_place(job, index, address, bus_bytes, case):
    """The instruction moves, or is, some byte of the block that the burst begins in."""
    end = address | BLOCK * bus_bytes - 1
    spans = [(job.address + 16 * index, job.address + 16 * index + 15)]
    if index < job.count and isinstance(decode(job.words()[index], EXTENDED), Load | Store):
        spans += bytes_of(job, index)
    assert any(low <= end and high >= address for low, high in spans), case


def fail_at_random(count, config=CONFIG):
    """Let one beat of one burst fail in each run; return the kinds of instruction it hit."""
    jobs = [Job.of(small_job(seed, raw=seed % 3 == 0, config=config)) for seed in range(20, 29)]
    seen, traffic = set(), {}
    for rig, number in rounds(count, config=config):
        dice, target, which = Random(number), rig.target, number % len(jobs)
        job, bus_bytes = jobs[which], target.config.bus_bytes
        if (which, bus_bytes) not in traffic:
            before = target.counters()
            rig.cycles(job)
            traffic[which, bus_bytes] = [
                target.counters()[kind] - before[kind]
                for kind in (Counter.READ_BURSTS, Counter.WRITE_BURSTS)
            ]
        reads, writes = traffic[which, bus_bytes]
        burst = dice.randrange(reads + writes + 1)
        response, before = dice.choice([2, 3]), target.counters()[Counter.FAILURES]
        if burst <= reads:
            target.fail_read(burst, dice.randrange(16), response)
        else:
            target.fail_write(burst - reads - 1, response)
        rig.start(job)
        status, (code, index, address) = rig.wait(), rig.error()
        case = f"run {number}: burst {burst} of {reads} + {writes} of job {which}, {target.options}"
        if target.counters()[Counter.FAILURES] == before:
            assert status & ~Status.TOKENS_LEFT == Status.FINISH, case  # there was no such burst
            target.fail_read(1 << 60), target.fail_write(1 << 60)
        else:
            assert status == Status.FINISH | Status.ERROR, case
            assert (code, address) == (ErrorCode.BUS, target.failed_address), case
            check_place(job, index, address, bus_bytes, case)
            seen.add(job.words()[index] & 0x387)  # opcode and memory type
        rig.check_golden(case)
    return seen


@pytest.mark.slow
def test_bus_errors_of_every_client_end_the_launch():
    seen = fail_at_random(420)
    assert {0x000, 0x080, 0x100, 0x180, 0x280, 0x201} <= seen  # every LOAD, STORE


@pytest.mark.slow
def test_bus_errors_beside_every_extension_end_the_launch():
    seen = fail_at_random(420, EXTENDED)
    assert {0x100, 0x201, 0x300, 0x380} <= seen  # LOAD INP, STORE, LOAD LUT, LOAD WGT_4BIT


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_bus_errors_of_every_client_end_the_launch_soak():
    fail_at_random(soak_count("BUS_ERRORS", 100_000) // 2, EXTENDED)
    fail_at_random(soak_count("BUS_ERRORS", 100_000))
