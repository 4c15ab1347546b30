"""Happens-before in small streams, worked by hand."""

from myvta.isa.check.token_order import Stuck, TokenOrder
from myvta.isa.opcodes import TOKEN_CAPACITY, Module

LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
POP_PREV, POP_NEXT, PUSH_PREV, PUSH_NEXT = 1, 2, 4, 8
LOAD_TO_COMPUTE, COMPUTE_TO_LOAD, COMPUTE_TO_STORE, STORE_TO_COMPUTE = range(4)


def walked(*instructions, finish=-1):
    """Walk a stream of (module, flags); return the order and the clock of each instruction."""
    order = TokenOrder(
        [module for module, _ in instructions], [flags for _, flags in instructions], finish)
    return order, dict(order.walk())


def test_without_tokens_nothing_of_another_engine_is_complete():
    order, clocks = walked((LOAD, 0), (COMPUTE, 0), (STORE, 0))
    assert clocks == {0: (-1, -1, -1), 1: (-1, -1, -1), 2: (-1, -1, -1)}
    assert (order.stuck, order.unconsumed, order.unfetched) == ([], [0, 0, 0, 0], None)


def test_chain_of_tokens_orders_load_before_store():
    order, clocks = walked(
        (LOAD, PUSH_NEXT), (COMPUTE, POP_PREV | PUSH_NEXT), (STORE, POP_PREV), (STORE, 0))
    assert clocks[1] == (0, -1, -1)
    assert clocks[2] == clocks[3] == (0, 1, -1)
    assert order.pushed == [[0], [], [1], []]
    assert order.popped == [[1], [], [2], []]


def test_the_nth_pop_takes_the_nth_push():
    _, clocks = walked(
        (LOAD, PUSH_NEXT), (LOAD, PUSH_NEXT), (COMPUTE, POP_PREV), (COMPUTE, POP_PREV))
    assert clocks[2] == (0, -1, -1)
    assert clocks[3] == (1, -1, -1)


def test_missing_token_blocks_its_instruction():
    order, clocks = walked((COMPUTE, POP_NEXT))
    assert clocks == {}
    assert order.stuck == [Stuck(COMPUTE, 0, STORE_TO_COMPUTE, 0)]


def test_unconsumed_tokens_are_counted():
    order, _ = walked((COMPUTE, PUSH_PREV), (COMPUTE, PUSH_PREV))
    assert order.unconsumed == [0, 2, 0, 0]


def test_a_full_queue_holds_the_pusher():
    order, clocks = walked(*[(LOAD, PUSH_NEXT)] * (TOKEN_CAPACITY + 1))
    assert len(clocks) == TOKEN_CAPACITY
    assert order.stuck == [
        Stuck(LOAD, TOKEN_CAPACITY, LOAD_TO_COMPUTE, TOKEN_CAPACITY, full=True)]


def test_finish_waits_for_load_and_store():
    order, clocks = walked((STORE, POP_PREV), (COMPUTE, 0), finish=1)
    assert clocks == {}
    assert order.stuck == [Stuck(COMPUTE, 1), Stuck(STORE, 0, COMPUTE_TO_STORE, 0)]


def test_a_full_module_queue_ends_fetch():
    order, _ = walked(*[(LOAD, POP_NEXT)] * 600, (COMPUTE, PUSH_PREV))
    assert order.stuck == [Stuck(LOAD, 0, COMPUTE_TO_LOAD, 0)]
    assert order.unfetched == 510  # two below the 512 that the ISA promises
