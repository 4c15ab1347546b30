"""token_stream: which instruction carries a token, and the refusals of the stream."""

import pytest

from myvta.driver import StreamError
from myvta.driver.stream.token_stream import TokenStream
from myvta.isa.config import named
from myvta.isa.instructions import Finish, Gemm, Load, Store
from myvta.isa.opcodes import MemoryType, Module

CONFIG = named("1x4x4")
LOAD = Load(memory_type=MemoryType.INP, x_size=1, x_stride=1)
LOADS, COMPUTES, STORES = Module.LOAD, Module.COMPUTE, Module.STORE


class Opened(TokenStream):
    """Its instructions, and its end, without a builder above."""

    def end(self):
        self._end()
        return self._items


def test_a_push_is_a_flag_of_the_last_instruction_and_a_pop_of_the_next():
    stream = Opened(CONFIG)
    stream.emit(LOAD)
    stream.push(LOADS, COMPUTES)
    stream.pop(LOADS, COMPUTES)
    assert stream.tokens[LOADS, COMPUTES] == 0
    load, finish = stream.end()
    assert (load.push_next, load.pop_prev) == (1, 0)
    assert isinstance(finish, Finish) and finish.pop_prev == 1


def test_second_push_takes_a_no_op():
    stream = Opened(CONFIG)
    stream.emit(LOAD)
    stream.push(LOADS, COMPUTES)
    stream.push(LOADS, COMPUTES)
    assert len(stream) == 2
    first, second, *_ = stream.end()
    assert first.push_next == second.push_next == 1
    assert isinstance(second, Load) and second.x_size == 0


def test_push_before_any_instruction_takes_a_no_op():
    stream = Opened(CONFIG)
    stream.push(STORES, COMPUTES)
    (store, _) = stream.end()
    assert isinstance(store, Store) and store.push_prev == 1 and store.x_size == 0


def test_engines_without_a_queue_between_them_are_refused():
    stream = Opened(CONFIG)
    for call in (stream.push, stream.pop):
        with pytest.raises(StreamError, match=r"no token queue LOAD->STORE; there are LOAD->COMP"):
            call(LOADS, STORES)


def test_more_pops_than_pushes_are_refused_at_the_end():
    stream = Opened(CONFIG)
    stream.pop(LOADS, COMPUTES)
    with pytest.raises(StreamError, match="COMPUTE pops 1 tokens more than LOAD pushes: deadlock"):
        stream.end()


def test_finished_stream_refuses_instructions_until_cleared():
    stream = Opened(CONFIG)
    stream.end()
    with pytest.raises(StreamError, match="the stream is finished"):
        stream.push(LOADS, COMPUTES)
    stream.clear()
    stream.emit(LOAD)
    assert len(stream) == 1


def test_error_of_an_oversized_value_names_the_field():
    with pytest.raises(StreamError, match="iter_in"):
        Opened(CONFIG).emit(Gemm(iter_in=1 << 20))
