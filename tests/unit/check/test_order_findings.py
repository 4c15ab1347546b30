"""Texts of findings about order: they name the flags of the queue and the instructions."""

from types import SimpleNamespace

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.order_findings import deadlocks, race_advice, unconsumed_tokens
from myvta.isa.check.token_order import TokenOrder
from myvta.isa.opcodes import Module

LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
POP_PREV, POP_NEXT, PUSH_PREV, PUSH_NEXT = 1, 2, 4, 8


def findings(report, *instructions, finish=-1):
    order = TokenOrder(
        [module for module, _ in instructions], [flags for _, flags in instructions], finish)
    list(order.walk())
    found = []

    def add(kind, index, text, fix, other=None):
        found.append((kind, index, text, fix))
        return True

    if report is deadlocks:
        deadlocks(order, [SimpleNamespace(module=module) for module, _ in instructions], add)
    else:
        report(order, add)
    return found


def test_advice_between_neighbours_names_the_flags_of_their_queue():
    assert race_advice(STORE, 3, COMPUTE, 5) == (
        "set push_prev on instruction 3 and pop_next on instruction 5 (or on a later one of store "
        "and an earlier one of compute)")


def test_advice_between_load_and_store_goes_through_compute():
    assert race_advice(STORE, 3, LOAD, 5) == (
        "let compute forward it: push_prev on instruction 3, a compute instruction with pop_next "
        "and push_prev, and pop_next on instruction 5")


def test_missing_push_is_reported():
    assert findings(deadlocks, (LOAD, PUSH_NEXT), (COMPUTE, POP_PREV), (COMPUTE, POP_PREV)) == [(
        FindingKind.DEADLOCK, 2, "compute waits for token 2 load->compute, and only 1 are pushed",
        "set push_next on the instruction of load it must wait for, or clear pop_prev")]


def test_cycle_of_waits_names_the_blocked_push():
    cycle = findings(deadlocks, (LOAD, POP_NEXT | PUSH_NEXT), (COMPUTE, POP_PREV | PUSH_PREV))
    assert [(index, text) for _, index, text, _ in cycle] == [
        (0, "load waits for token 1 compute->load, which instruction 1 would push, and that one "
            "waits too"),
        (1, "compute waits for token 1 load->compute, which instruction 0 would push, and that "
            "one waits too"),
    ]


def test_finish_in_a_deadlock_is_reported():
    texts = findings(deadlocks, (STORE, POP_PREV), (COMPUTE, 0), finish=1)
    assert texts[0][2:] == (
        "FINISH waits for load and store, which do not end", "fix their deadlock")


def test_unfetched_instruction_is_reported():
    texts = findings(deadlocks, *[(LOAD, POP_NEXT)] * 600)
    assert texts[-1][1:3] == (
        510, "it is never fetched: the load queue is full of instructions that wait")


def test_unconsumed_tokens_name_queue_and_flags():
    assert findings(unconsumed_tokens, (COMPUTE, PUSH_NEXT), (COMPUTE, PUSH_NEXT)) == [(
        FindingKind.TOKENS, 0, "2 tokens compute->store remain at the end",
        "pop them (pop_prev on an instruction of store) or clear push_next")]
