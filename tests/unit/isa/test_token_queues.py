"""The token topology, worked by hand from vta_isa.md section 3.2."""

import pytest

from myvta.isa.instructions import Finish, Gemm, Load, Store, Undefined
from myvta.isa.opcodes import MemoryType, Module
from myvta.isa.token_queues import (
    TOKEN_QUEUES,
    flags_without_queue,
    queues_popped,
    queues_pushed,
    token_queue,
)

LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
ALL = {"pop_prev": 1, "pop_next": 1, "push_prev": 1, "push_next": 1}


def names(queues):
    return [str(queue) for queue in queues]


def test_neighbours_have_a_queue_in_either_direction():
    assert names(TOKEN_QUEUES) == [
        "load->compute", "compute->load", "compute->store", "store->compute",
    ]


@pytest.mark.parametrize(
    ("source", "sink", "push", "pop"),
    [
        (LOAD, COMPUTE, "push_next", "pop_prev"), (COMPUTE, LOAD, "push_prev", "pop_next"),
        (COMPUTE, STORE, "push_next", "pop_prev"), (STORE, COMPUTE, "push_prev", "pop_next"),
    ],
)
def test_flags_of_a_queue(source, sink, push, pop):
    queue = token_queue(source, sink)
    assert (queue.source, queue.sink, queue.push, queue.pop) == (source, sink, push, pop)


def test_modules_without_a_queue_are_refused_with_the_queues_there_are():
    with pytest.raises(ValueError, match=r"no token queue LOAD->STORE; there are LOAD->COMPUTE, "):
        token_queue(LOAD, STORE)


def test_set_flags_name_the_queues_of_their_module():
    assert names(queues_popped(COMPUTE, Gemm(**ALL))) == ["load->compute", "store->compute"]
    assert names(queues_pushed(COMPUTE, Gemm(**ALL))) == ["compute->load", "compute->store"]
    assert names(queues_popped(COMPUTE, Finish(pop_next=1))) == ["store->compute"]
    assert names(queues_popped(STORE, Store(**ALL))) == ["compute->store"]
    assert names(queues_pushed(STORE, Store(**ALL))) == ["store->compute"]
    load = Load(memory_type=MemoryType.INP, **ALL)
    assert names(queues_popped(LOAD, load)) == ["compute->load"]
    assert names(queues_pushed(LOAD, load)) == ["load->compute"]


def test_undefined_instructions_have_no_tokens():
    assert queues_popped(COMPUTE, Undefined(0x7F)) == queues_pushed(COMPUTE, Undefined(0x7F)) == ()


def test_flags_of_a_missing_neighbour():
    assert flags_without_queue(LOAD) == ("pop_prev", "push_prev")
    assert flags_without_queue(COMPUTE) == ()
    assert flags_without_queue(STORE) == ("pop_next", "push_next")
