"""lite_master: against registers in Python behind AXI4-Lite."""

from random import Random

import pytest
from fpga_bench import LiteRegisters
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.lite_master import lite_master
from myvta.rtl.lib.bundles import AxiLite, bit, word

ERROR_FROM = 0x8000


@pytest.mark.parametrize("go", [1.0, 0.3])
def test_accesses_reach_the_registers_in_order_and_tell_errors(go):
    random, (clock, reset) = Random(1), clock_and_reset()
    axi = AxiLite()
    start, write, failed, done = (bit() for _ in range(4))
    address, data, value = word(16), word(32), word(32)
    block = lite_master(clock, reset, start, write, address, data, value, failed, done, axi)
    slave, outcomes = LiteRegisters(axi, random, go=go, bad=ERROR_FROM), []
    accesses = [
        (random.random() < 0.5, 4 * random.choice((1, 2, 3, 0x2000)), random.getrandbits(32))
        for _ in range(80)
    ]
    waiting, busy = list(accesses), [False]

    def on_edge(cycle):
        slave.edge(cycle)
        start.next = False
        if done:
            outcomes.append((bool(failed), int(value)))
            busy[0] = False
        if not busy[0] and waiting:
            write.next, address.next, data.next = waiting.pop(0)
            start.next = busy[0] = True
        return len(outcomes) == len(accesses)

    simulate([block], clock, reset, on_edge, limit=5000)
    assert slave.written == [(at, value) for write, at, value in accesses if write]
    registers = {}
    for (write, at, written), (error, read) in zip(accesses, outcomes, strict=True):
        assert error == (at >= ERROR_FROM)
        if write:
            registers[at] = written
        else:
            assert read == registers.get(at, 0)
