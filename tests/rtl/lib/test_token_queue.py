"""token_queue: compared with two counters."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.token_queue import Tokens, token_queue


def bench(capacity):
    clock, reset = clock_and_reset()
    tokens = Tokens()
    block = token_queue(clock, reset, tokens, capacity=capacity)
    return clock, reset, vars(tokens), block


@pytest.mark.parametrize("capacity", [1, 3, 1023])
def test_random_use_equals_two_counters(capacity):
    random = Random(capacity)
    clock, reset, wires, block = bench(capacity)
    tokens = claimed = 0
    seen = set()

    def on_edge(cycle):
        nonlocal tokens, claimed
        answers = bool(wires["available"]), bool(wires["room"])
        assert answers == (tokens > 0, claimed < capacity), cycle
        seen.add(answers)
        tokens += wires["push"] - wires["pop"]
        claimed += wires["reserve"] - wires["pop"]
        filling = cycle < capacity * 2 + 500
        wires["reserve"].next = claimed < capacity and random.random() < (0.9 if filling else 0.2)
        wires["push"].next = tokens < claimed and random.random() < 0.8
        wires["pop"].next = tokens > 0 and random.random() < (0.3 if filling else 0.9)
        return cycle == capacity * 4 + 1000

    simulate([block], clock, reset, on_edge, limit=8000)
    assert seen >= {(False, True), (True, False)}


@pytest.mark.parametrize("pulse, complaint", [
    ("pop", "popped from an empty queue"), ("push", "pushed unreserved"),
])
def test_misuse_raises_in_simulation(pulse, complaint):
    clock, reset, wires, block = bench(4)

    def on_edge(cycle):
        wires[pulse].next = cycle == 3

    with pytest.raises(AssertionError, match=complaint):
        simulate([block], clock, reset, on_edge, limit=10)


def test_reserving_without_room_raises():
    clock, reset, wires, block = bench(2)

    def on_edge(cycle):
        wires["reserve"].next = cycle < 3

    with pytest.raises(AssertionError, match="reserved without room"):
        simulate([block], clock, reset, on_edge, limit=10)


def test_refuses_no_capacity():
    with pytest.raises(ValueError, match="capacity must be at least 1, not 0"):
        bench(0)


def token_queue_top(config):
    """The block that test_replay converts."""
    clock, reset, wires, block = bench(1023)
    return block
