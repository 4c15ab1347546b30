"""axi_arbiter: two masters with random bursts at one slave, against byte arrays."""

from random import Random

import pytest
from axi_master import AxiMaster, Traffic
from fpga_bench import NarrowMemory
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.axi_arbiter import axi_arbiter
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 11
HALF = SIZE // 2


@pytest.mark.parametrize("seed, first_issue, second_issue, slave_go", [
    (1, 1.0, 1.0, 1.0), (2, 1.0, 0.1, 0.5), (3, 0.2, 1.0, 0.8),
])
def test_two_masters_share_without_starvation(
    seed, first_issue, second_issue, slave_go
):
    random, (clock, reset) = Random(seed), clock_and_reset()
    one, two, shared = Axi4(CONFIG), Axi4(CONFIG), Axi4(CONFIG)
    slave = NarrowMemory(shared, CONFIG, random, size=SIZE, go=slave_go)
    masters = [
        AxiMaster(axi, random, Traffic(start, start + HALF, 70, issue, 0.7), slave.memory[:])
        for axi, start, issue in ((one, 0, first_issue), (two, HALF, second_issue))
    ]

    def on_edge(cycle):
        for master in masters:
            master.edge(cycle)
        slave.edge(cycle)
        return all(master.done for master in masters)

    block = axi_arbiter(clock, reset, one, two, shared)
    simulate([block], clock, reset, on_edge, limit=60_000)
    assert slave.memory == masters[0].mirror[:HALF] + masters[1].mirror[HALF:]
    assert all(master.read_beats > 100 for master in masters)
    assert all(master.write_responses > 10 for master in masters)


@pytest.mark.parametrize("greedy, patient", [("one", "two"), ("two", "one")])
def test_busy_master_does_not_starve_the_other(greedy, patient):
    """One has an address up in every cycle; the other gets its turn after one burst of it."""
    random, (clock, reset) = Random(1), clock_and_reset()
    masters = {"one": Axi4(CONFIG), "two": Axi4(CONFIG)}
    shared, served = Axi4(CONFIG), []
    slave = NarrowMemory(shared, CONFIG, random, size=SIZE)
    busy, waiting = masters[greedy], masters[patient]

    def on_edge(cycle):
        slave.edge(cycle)
        busy.arvalid.next, busy.arlen.next, busy.arsize.next, busy.arburst.next = True, 15, 3, 1
        busy.rready.next = waiting.rready.next = True
        waiting.arburst.next, waiting.arsize.next = 1, 3
        if cycle == 100:
            waiting.arvalid.next = True
        elif waiting.arready:
            waiting.arvalid.next = False
        if waiting.rvalid:
            served.append(cycle)
        return bool(served)

    block = axi_arbiter(clock, reset, **masters, s_axi=shared)
    end = simulate([block], clock, reset, on_edge, limit=3000)
    assert end < 102 * 16 + 40  # the bursts that were taken before, and no more


def test_an_address_that_was_shown_stays_until_it_is_taken():
    """The second master asks while the first one's address waits for a slave that is not ready."""
    clock, reset = clock_and_reset()
    one, two, shared = Axi4(CONFIG), Axi4(CONFIG), Axi4(CONFIG)
    shown = []

    def on_edge(cycle):
        one.arvalid.next, one.araddr.next = True, 0x100
        two.arvalid.next, two.araddr.next = cycle >= 5, 0x200
        shared.arready.next = cycle == 30
        if shared.arvalid:
            shown.append(int(shared.araddr))
        return cycle == 31

    simulate([axi_arbiter(clock, reset, one, two, shared)], clock, reset, on_edge, limit=40)
    assert len(shown) > 25 and set(shown) == {0x100}
