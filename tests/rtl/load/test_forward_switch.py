"""forward_switch: each result at the scratchpad it is for, and that scratchpad's answer."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import ForwardWrite
from myvta.rtl.load.forward_switch import forward_switch

INP, WGT = MemoryType.INP, MemoryType.WGT


@pytest.mark.parametrize("kinds", [(INP, WGT), (INP,)])
def test_results_are_routed_by_memory_type(kinds):
    random, config = Random(len(kinds)), NAMED["1x4x4"].replace(forward=True)
    clock, reset = clock_and_reset()
    forward, *buffers = (ForwardWrite(config) for _ in range(1 + len(kinds)))
    block = forward_switch(forward, buffers[0], buffers[1] if len(kinds) > 1 else None)
    seen = set()

    def on_edge(cycle):
        if cycle:
            chosen = kinds.index(forward.memory_type)
            seen.add((chosen, bool(forward.valid), bool(forward.ready)))
            assert forward.ready == buffers[chosen].ready
            for number, buffer in enumerate(buffers):
                assert bool(buffer.valid) == (bool(forward.valid) and number == chosen)
            assert buffers[chosen].index == forward.index
            assert buffers[chosen].data == forward.data
        for name in ("index", "data"):
            signal = getattr(forward, name)
            signal.next = random.getrandbits(len(signal))
        forward.valid.next = random.random() < 0.5
        forward.memory_type.next = random.choice(kinds)
        for buffer in buffers:
            buffer.ready.next = random.random() < 0.5
        return cycle == 200

    simulate([block], clock, reset, on_edge, limit=201)
    assert len(seen) == 4 * len(kinds)
