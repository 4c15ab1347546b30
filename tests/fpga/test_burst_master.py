"""burst_master: against a byte array behind AXI4 that checks every burst."""

from random import Random

import pytest
from fpga_bench import NarrowMemory
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.burst_master import BurstJob, burst_master
from myvta.fpga.link_bundles import PAYLOAD_WORDS, WordPort
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4, bit, word
from myvta.rtl.lib.ram import ram

SIZE = 1 << 12
JOBS = 25


def random_job(random):
    """Return (address, words, write, first strobe, last strobe); some end past the memory."""
    words = random.choice((1, 2, 3, 16, 17, PAYLOAD_WORDS))
    address = 4 * random.randrange(SIZE // 4 - words + 1)
    if random.random() < 0.15:
        address = SIZE - 4 * random.randrange(words + 1)
    first = random.choice((15, 14, 12, 8)) if words > 1 else 15
    return address, words, random.random() < 0.5, first, random.choice((15, 7, 3, 1))


def write_words(memory, job, values):
    """Change ``memory`` as the contract says."""
    address, words, _, first, last = job
    for index in range(words):
        strobe = (first if index == 0 else 15) & (last if index == words - 1 else 15)
        for lane in range(4):
            at = address + 4 * index + lane
            if strobe >> lane & 1 and at < SIZE:
                memory[at] = values[index] >> 8 * lane & 0xFF


@pytest.mark.parametrize("log_bus, go", [(6, 1.0), (7, 0.5), (8, 0.2)])
def test_random_jobs_move_their_words_in_bursts_within_64_bytes(log_bus, go):
    random, (clock, reset) = Random(log_bus), clock_and_reset()
    config = NAMED["1x4x4"].replace(log_bus_width=log_bus)
    axi, job, failed, done = Axi4(config), BurstJob(), bit(), bit()
    source, sink = WordPort(6), WordPort(6)
    fill, fill_address, fill_data = bit(), word(6), word(32)
    blocks = [
        burst_master(clock, reset, job, source, sink, failed, done, axi, config=config),
        ram(clock, fill, fill_address, fill_data, source.enable, source.address, source.data,
            width=32, depth=PAYLOAD_WORDS),
    ]
    slave = NarrowMemory(axi, config, random, size=SIZE, go=go)
    mirror, values, words_read = bytearray(slave.memory), [], {}
    current, ended = [None], []

    def check():
        address, words, write, *_ = current[0]
        assert bool(failed) == (address + 4 * words > SIZE), (address, words)
        if write:
            write_words(mirror, current[0], values)
        else:
            for index in range(min(words, (SIZE - address) // 4)):
                at = address + 4 * index
                assert words_read[index] == int.from_bytes(mirror[at : at + 4], "little"), index
        assert slave.memory == mirror

    def on_edge(cycle):
        slave.edge(cycle)
        job.start.next, fill.next = False, False
        if sink.enable:
            words_read[int(sink.address)] = int(sink.data)
        if done:
            check()
            ended.append(current[0])
            current[0] = None
            values.clear()
            words_read.clear()
        elif current[0] is None and len(values) < PAYLOAD_WORDS:
            fill.next, fill_address.next = True, len(values)
            values.append(random.getrandbits(32))
            fill_data.next = values[-1]
        elif current[0] is None:
            current[0] = random_job(random)
            (job.address.next, job.words.next, job.write.next, job.first.next,
             job.last.next) = current[0]
            job.start.next = True
        return len(ended) == JOBS

    simulate(blocks, clock, reset, on_edge, limit=60_000)
    assert all(at // 64 == (at + 4 * beats - 1) // 64 for _, at, beats in slave.bursts)
    assert {write for _, _, write, _, _ in ended} == {True, False}
