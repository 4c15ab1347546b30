"""memory: a master with random bursts against a byte array."""

from random import Random

import pytest
from axi_master import AxiMaster, Traffic
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.on_chip_memory import memory
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 11


@pytest.mark.parametrize("log_bus, issue, ready", [(6, 1.0, 1.0), (7, 0.7, 0.5), (8, 1.0, 0.3)])
def test_random_bursts_read_and_write_as_a_byte_array(log_bus, issue, ready):
    config = CONFIG.replace(log_bus_width=log_bus)
    clock, reset = clock_and_reset()
    axi = Axi4(config)
    traffic = Traffic(0, SIZE, 100, issue, ready, outside=SIZE)
    master = AxiMaster(axi, Random(log_bus), traffic, bytearray(SIZE))
    block = memory(clock, reset, axi, config=config, size=SIZE)

    def on_edge(cycle):
        master.edge(cycle)
        return master.done

    simulate([block], clock, reset, on_edge, limit=40_000)
    assert master.read_beats > 200 and master.write_responses > 20


def test_a_burst_moves_a_beat_in_every_cycle():
    clock, reset = clock_and_reset()
    axi, beats = Axi4(CONFIG), []
    block = memory(clock, reset, axi, config=CONFIG, size=SIZE)

    def on_edge(cycle):
        axi.rready.next = True
        axi.arvalid.next = cycle == 0
        axi.arlen.next, axi.arsize.next = 15, 3
        if axi.rvalid:
            beats.append(cycle)
        return len(beats) == 16

    simulate([block], clock, reset, on_edge, limit=100)
    assert beats == list(range(beats[0], beats[0] + 16))


@pytest.mark.parametrize("size", [1000, 4])
def test_size_must_be_a_power_of_two_of_at_least_a_beat(size):
    clock, reset = clock_and_reset()
    with pytest.raises(ValueError, match=f"a power of two of at least a beat, not {size}"):
        memory(clock, reset, Axi4(CONFIG), config=CONFIG, size=size)
