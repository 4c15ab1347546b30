"""forward_checks: the end of a forward against the scratchpad, for random and extreme fields."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Store, encode
from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import ENTRY_BITS, bit, word
from myvta.rtl.load.memory_checks import CHECK_CYCLES
from myvta.rtl.store.forward_checks import forward_checks

INP, WGT = MemoryType.INP, MemoryType.WGT
HALF = (0, 1, 2, 255, 256, 0x7FFF, 0xFFFF)


def random_store(random, config):
    """A STORE to INP or WGT, one in three at the edge of its scratchpad."""
    kind = random.choice((INP, WGT))
    small = random.random() < 0.5
    sizes = [random.randrange(9) if small else random.choice(HALF) for _ in range(3)]
    x_size, y_size, x_stride = max(sizes[0], 1), sizes[1], sizes[2]
    reach = max(y_size - 1, 0) * x_stride + x_size
    limit = limit_of(config, kind)
    base = random.choice((
        limit - reach, limit - reach + 1, random.randrange(limit + 2),
        random.choice((1 << 31, (1 << 32) - 1, (1 << 32) - x_size)),
    ))
    return Store(memory_type=kind, x_size=x_size, y_size=y_size, x_stride=x_stride,
                 dram_base=max(base, 0))


def limit_of(config, kind):
    return config.depth(INP) if kind == INP else config.depth(WGT) * config.block_out


@pytest.mark.parametrize("name", ["1x4x4", "default"])
def test_past_end_equals_the_sum_in_integers(name):
    random, config = Random(name), NAMED[name].replace(forward=True)
    clock, reset = clock_and_reset()
    instruction, past_end, seen = word(ENTRY_BITS), bit(), []
    block = forward_checks(clock, instruction, past_end, config=config)
    stores = [random_store(random, config) for _ in range(250)]
    period = CHECK_CYCLES + 1

    def on_edge(cycle):
        number, phase = divmod(cycle, period)
        if phase == 0:
            if number:
                store = stores[number - 1]
                end = store.dram_base + (store.y_size - 1) * store.x_stride + store.x_size
                past = bool(store.y_size) and end > limit_of(config, store.memory_type)
                assert bool(past_end) == past, store
                seen.append(past)
            if number < len(stores):
                instruction.next = encode(stores[number], config)
        return number == len(stores)

    simulate([block], clock, reset, on_edge, limit=period * len(stores) + 1)
    assert 60 < sum(seen) < 190
