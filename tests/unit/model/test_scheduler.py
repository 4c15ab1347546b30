"""Tokens, queues, FINISH, deadlocks, and schedules that expose a missing token (section 3)."""

from dataclasses import replace

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store
from myvta.isa.opcodes import TOKEN_CAPACITY, ErrorCode, MemoryType
from myvta.isa.register_map import Reg, Status
from myvta.model.device import Device
from myvta.model.model_errors import DeviceFault

INP, WGT, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.UOP
SEEDS = range(24)


def device(seed=None, memory=b""):
    it = Device(named("1x4x4"), memory_size=1 << 16, seed=seed)
    it.open_window()
    it.memory.write(0, memory)
    return it


def on_load(**flags):
    return Load(memory_type=INP, x_size=0, **flags)


def on_compute(**flags):
    return Load(memory_type=UOP, x_size=0, **flags)


def on_store(**flags):
    return Store(x_size=0, **flags)


def fault_of(stream, seed=None):
    with pytest.raises(DeviceFault) as error:
        device(seed).run_stream(stream)
    return error.value


# -- tokens ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [None, *SEEDS])
@pytest.mark.parametrize(
    "stream",
    [
        [on_load(push_next=1), on_compute(pop_prev=1), Finish()],
        [on_compute(pop_prev=1), on_load(push_next=1), Finish()],
        [on_load(pop_next=1), on_compute(push_prev=1), Finish()],
        [on_store(pop_prev=1), on_compute(push_next=1), Finish()],
        [on_compute(pop_next=1), on_store(push_prev=1), Finish()],
        [on_load(push_next=1), on_store(push_prev=1), Finish(pop_prev=1, pop_next=1)],
        [on_load(push_next=1)] * 3 + [on_compute(pop_prev=1)] * 3 + [Finish()],
    ],
)
def test_a_token_is_waited_for(stream, seed):
    it = device(seed)
    it.run_stream(stream)
    assert it.read_register(Reg.CONTROL) == Status.FINISH
    assert it.counters[Reg.INSTRUCTIONS] == len(stream)


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize(
    "stream",
    [
        [on_load(push_next=1), Finish()],
        [on_store(push_prev=1), Finish()],
        [Finish(push_prev=1)],
        [Finish(push_next=1)],
        [on_load(push_next=1), on_load(push_next=1), Finish(pop_prev=1)],
    ],
)
def test_tokens_left_over_are_a_warning_and_gone_at_the_next_launch(stream, seed):
    it = device(seed)
    it.run_stream(stream)
    assert it.read_register(Reg.CONTROL) == Status.FINISH | Status.TOKENS_LEFT
    it.run_stream([Finish()])
    assert it.read_register(Reg.CONTROL) == Status.FINISH
    with pytest.raises(DeviceFault, match="DEADLOCK"):
        it.run_stream([on_compute(pop_prev=1), Finish()])


def test_a_full_token_queue_holds_back_the_pusher_and_loses_nothing():
    """The 1024th push waits; compute then pops them all, also one more than fit."""
    n = TOKEN_CAPACITY + 50
    stores = [on_store(push_prev=1)] * n
    pops = [on_compute(pop_next=1)] * n
    it = device()
    it.run_stream([*stores[:500], *pops[:400], *stores[500:], *pops[400:], Finish()])
    assert it.read_register(Reg.CONTROL) == Status.FINISH


def test_a_full_token_queue_without_a_pop_is_a_deadlock():
    fault = fault_of([on_load(push_next=1)] * (TOKEN_CAPACITY + 1) + [Finish()])
    assert (fault.code, fault.index) == (ErrorCode.DEADLOCK, TOKEN_CAPACITY)
    assert "waits at instruction 1023" in fault.detail
    assert "for room for a token load->compute (all 1023 used)" in fault.detail
    assert "compute waits at instruction 1024 (finish)" in fault.detail
    assert "for load and store to become idle" in fault.detail


@pytest.mark.parametrize("seed", [None, 5])
def test_token_queue_holds_exactly_its_depth(seed):
    it = device(seed)
    it.run_stream([on_load(push_next=1)] * TOKEN_CAPACITY + [Finish()])
    assert it.read_register(Reg.CONTROL) == Status.FINISH | Status.TOKENS_LEFT


# -- FINISH ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_finish_waits_for_load_and_store(seed):
    it = device(seed, bytes(range(64)))
    it.pads.acc[:] = 7
    it.run_stream([
        Load(memory_type=INP, x_size=1), Store(x_size=1, dram_base=64), Finish(),
        Load(memory_type=INP, x_size=1, sram_base=1),
    ])
    assert it.pads.inp[:2, 0, 0].tolist() == [0, -91]  # and runs nothing after itself
    assert it.memory.read(256, 4) == b"\x07" * 4
    assert it.counters[Reg.INSTRUCTIONS] == 3


def test_finish_waiting_for_a_later_instruction_is_a_deadlock():
    fault = fault_of([Finish(pop_prev=1), on_load(push_next=1)])
    assert (fault.code, fault.index) == (ErrorCode.DEADLOCK, 0)
    assert "load has no instruction" in fault.detail


def test_finish_waits_forever_for_a_waiting_load():
    fault = fault_of([on_load(pop_next=1), Finish()])
    assert (fault.code, fault.index) == (ErrorCode.DEADLOCK, 0)


@pytest.mark.parametrize("seed", [None, 1])
def test_stream_without_finish_is_a_fault(seed):
    fault = fault_of([on_load(), on_compute(), on_store()], seed)
    assert (fault.code, fault.index) == (ErrorCode.NO_FINISH, 3)
    assert fault.detail == "all 3 instructions completed and none was FINISH"
    assert (fault_of([], seed).code, fault_of([], seed).index) == (ErrorCode.NO_FINISH, 0)


# -- deadlock -------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_deadlock_names_waiting_and_missing_modules(seed):
    stream = [
        on_load(), on_load(pop_next=1, push_next=1), on_compute(pop_prev=1, push_prev=1),
        on_store(pop_prev=1), Finish(),
    ]
    fault = fault_of(stream, seed)
    assert (fault.code, fault.index, fault.instruction) == (ErrorCode.DEADLOCK, 1, stream[1])
    assert fault.detail == (
        "nothing can proceed; "
        "load waits at instruction 1 (load inp cols=0 pop_next push_next) "
        "for a token compute->load; "
        "compute waits at instruction 2 (load uop cols=0 pop_prev push_prev) "
        "for a token load->compute; "
        "store waits at instruction 3 (store out cols=0 pop_prev) "
        "for a token compute->store"
    )


def test_deadlock_index_is_the_earliest_waiting_head():
    fault = fault_of([on_store(pop_prev=1), on_compute(pop_prev=1), on_compute(), Finish()])
    assert fault.index == 0
    fault = fault_of([on_compute(), on_compute(pop_next=1, pop_prev=1), on_store(), Finish()])
    assert fault.index == 1
    assert "for a token load->compute and store->compute" in fault.detail


def test_both_pops_are_taken_together():
    """One of two tokens is not enough, and is not used up."""
    it = device()
    with pytest.raises(DeviceFault, match="DEADLOCK"):
        it.run_stream([on_load(push_next=1), on_compute(pop_prev=1, pop_next=1), Finish()])


@pytest.mark.parametrize("seed", [None, 2])
def test_head_of_line_blocking_of_fetch_is_a_deadlock(seed):
    """600 loads wait for a token whose pusher fetch cannot reach: the load queue holds 512."""
    stream = [on_load(pop_next=1)] * 600 + [on_compute(push_prev=1)] * 600 + [Finish()]
    fault = fault_of(stream, seed)
    assert (fault.code, fault.index) == (ErrorCode.DEADLOCK, 0)
    assert "fetch waits at instruction 512 for room in the load queue" in fault.detail


# -- schedules ------------------------------------------------------------------------------------
def program():
    """Four rounds through one buffer: load, multiply by one, store; every hazard has its token."""
    rounds = 4
    stream = [
        Load(memory_type=UOP, x_size=1, dram_base=256),
        Load(memory_type=WGT, x_size=1, dram_base=32),
        on_compute(push_prev=1),
    ]
    for n in range(rounds):
        stream += [
            Load(memory_type=INP, x_size=1, dram_base=n, pop_next=1, push_next=1),
            Gemm(reset=1, pop_next=int(n > 0)),
            Gemm(pop_prev=1, push_prev=1),
            Alu(use_imm=1, imm=1, push_next=1),
            Store(x_size=1, dram_base=512 + n, pop_prev=1, push_prev=1),
        ]
    return [*stream, on_compute(pop_next=1), on_load(pop_next=1), Finish()]


def outcome(stream, seed):
    memory = bytearray(4096)
    memory[:16] = bytes(range(1, 17))
    memory[512:528] = np.eye(4, dtype=np.int8).tobytes()
    it = device(seed, memory)
    try:
        it.run_stream(stream)
    except DeviceFault as fault:
        return fault.code.name
    if it.read_register(Reg.CONTROL) != Status.FINISH:
        return "TOKENS_LEFT"
    return it.memory.read(2048, 16)


RIGHT = bytes(range(2, 18))


@pytest.mark.parametrize("seed", [None, *SEEDS])
def test_a_correct_program_is_right_in_every_schedule(seed):
    assert outcome(program(), seed) == RIGHT


TOKENS = [
    # flag and instruction that pushes, flag and instruction that pops, the data it protects
    ("push_next", 3, "pop_prev", 5),  # input and weights loaded before they are used
    ("push_prev", 5, "pop_next", 8),  # input used before the next one overwrites it
    ("push_next", 6, "pop_prev", 7),  # result computed before it is stored
    ("push_prev", 7, "pop_next", 9),  # result stored before the next one overwrites it
]


@pytest.mark.parametrize(("push", "pusher", "pop", "popper"), TOKENS)
def test_a_missing_token_shows_in_some_schedule(push, pusher, pop, popper):
    stream = program()
    assert getattr(stream[pusher], push) == getattr(stream[popper], pop) == 1
    stream[pusher] = replace(stream[pusher], **{push: 0})
    stream[popper] = replace(stream[popper], **{pop: 0})
    outcomes = {outcome(stream, seed) for seed in SEEDS}
    assert outcomes - {RIGHT}
    assert all(isinstance(result, bytes) for result in outcomes)  # a race, not a deadlock


@pytest.mark.slow
@pytest.mark.parametrize(("push", "pusher", "pop", "popper"), TOKENS)
def test_half_a_token_is_always_reported(push, pusher, pop, popper):
    for index, flag in ((pusher, push), (popper, pop)):
        stream = program()
        stream[index] = replace(stream[index], **{flag: 0})
        assert {outcome(stream, seed) for seed in (None, *SEEDS)} <= {"DEADLOCK", "TOKENS_LEFT"}


def test_a_seed_is_reproducible_and_launches_differ():
    """Without tokens the order of a store and two ALU steps is free; the seed decides it."""
    stream = [
        Alu(use_imm=1, imm=1), Store(x_size=1), Alu(use_imm=1, imm=1), Store(x_size=1, dram_base=1),
        Finish(),
    ]

    def runs(seed):
        it = device(seed)
        it.pads.uop[0] = 0
        results = []
        for _ in range(40):
            it.pads.acc[0] = 0
            it.run_stream(stream)
            results.append(it.memory.read(0, 8)[::4])
        return results

    assert runs(7) == runs(7)
    assert len(set(runs(7))) > 3
    assert len(set(runs(None))) == 1
