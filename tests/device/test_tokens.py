"""Dependency flags, FINISH and concurrent engines, on model and RTL (vta_isa.md 3;
rules D16 and D22 of docs/device.md)."""

from itertools import permutations

import numpy as np
import pytest
from device_programs import ACC, INP, OUT, UOP, WGT, Program, load, random_tiles
from device_run import EVERYWHERE, NOT_ICARUS, WIDER, check_out
from device_tokens import IDLE

from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store, Uop
from myvta.isa.opcodes import TOKEN_CAPACITY, AluOpcode, ErrorCode
from myvta.isa.register_map import Status

EYE = np.eye(4, dtype=int).reshape(1, -1)
LOAD_NO_OP, STORE_NO_OP = dict(memory_type=INP, x_size=0), dict(x_size=0)


def raw(device, *body):
    """Return a program of these instructions, unchanged."""
    program = Program(device.config, raw=True)
    program.add(*body)
    return program


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        [Load(push_next=1, **LOAD_NO_OP), Load(memory_type=UOP, pop_prev=1)],
        [Load(memory_type=UOP, push_prev=1), Load(pop_next=1, **LOAD_NO_OP)],
        [Load(memory_type=UOP, push_next=1), Store(pop_prev=1, **STORE_NO_OP)],
        [Store(push_prev=1, **STORE_NO_OP), Load(memory_type=UOP, pop_next=1)],
        [Load(push_next=1, **LOAD_NO_OP), Gemm(iter_in=0, pop_prev=1, push_prev=1),
         Load(pop_next=1, push_next=1, **LOAD_NO_OP), Alu(iter_in=0, pop_prev=1, push_next=1),
         Store(pop_prev=1, push_prev=1, **STORE_NO_OP), Load(memory_type=ACC, pop_next=1)],
        # a compute instruction with all four flags, and one FINISH with both pops
        [Load(push_next=1, **LOAD_NO_OP), Store(push_prev=1, **STORE_NO_OP),
         Gemm(iter_out=0, pop_prev=1, pop_next=1, push_prev=1, push_next=1),
         Load(pop_next=1, **LOAD_NO_OP), Store(pop_prev=1, **STORE_NO_OP)],
    ],
    ids=["load-compute", "compute-load", "compute-store", "store-compute", "round", "all four"],
)
def test_flags_of_empty_instructions_move_tokens(device, body):
    outcome = device.passes(raw(device, *body, Finish()))
    assert outcome.counters["INSTRUCTIONS"] == len(body) + 1
    assert outcome.memory == raw(device, *body, Finish()).launchable()[0]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("flag", ["pop_prev", "pop_next"])
def test_finish_pops_its_tokens(device, flag):
    giver = {"pop_prev": Load(push_next=1, **LOAD_NO_OP),
             "pop_next": Store(push_prev=1, **STORE_NO_OP)}[flag]
    device.passes(raw(device, giver, Finish(**{flag: 1})))


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        [Load(push_next=1, **LOAD_NO_OP), Finish()],
        [Load(memory_type=UOP, push_prev=1), Finish()],
        [Load(memory_type=UOP, push_next=1), Finish()],
        [Store(push_prev=1, **STORE_NO_OP), Finish()],
        [Finish(push_prev=1)],
        [Finish(push_next=1)],
        [*[Load(push_next=1, **LOAD_NO_OP)] * 3, Finish(pop_prev=1)],
    ],
    ids=["load", "compute to load", "compute to store", "store", "FINISH to load",
         "FINISH to store", "three minus one"],
)
def test_tokens_left_over_are_a_warning(device, body):
    """The launch ends well, bit 3 says so, and the next launch starts with empty queues."""
    outcome = device.run(raw(device, *body))
    assert outcome.status == Status.FINISH | Status.TOKENS_LEFT
    assert outcome.error == (ErrorCode.NONE, 0)
    device.fails(raw(device, Load(memory_type=UOP, pop_prev=1, pop_next=1), Finish()),
                 ErrorCode.DEADLOCK, 0)
    device.passes(raw(device, Finish()))


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("count", [2, 100, 300])
def test_hundreds_of_tokens_are_counted(device, count):
    """All pushes come first; each of the four queues counts them one by one."""
    if count > 100 and device.backend == "icarus":
        count = 30  # counters are the same; a thousand instructions take Icarus seconds
    program = raw(
        device,
        *[Load(push_next=1, **LOAD_NO_OP)] * count,
        *[Store(push_prev=1, **STORE_NO_OP)] * count,
        *[Load(memory_type=UOP, pop_prev=1, pop_next=1, push_prev=1, push_next=1)] * count,
        *[Load(pop_next=1, **LOAD_NO_OP)] * count,
        *[Store(pop_prev=1, **STORE_NO_OP)] * count,
        Finish(),
    )
    outcome = device.passes(program)
    assert outcome.counters["INSTRUCTIONS"] == 5 * count + 1


QUEUES = {
    "load to compute": (Load(push_next=1, **LOAD_NO_OP), Load(memory_type=UOP, pop_prev=1)),
    "compute to load": (Load(memory_type=UOP, push_prev=1), Load(pop_next=1, **LOAD_NO_OP)),
    "compute to store": (Load(memory_type=UOP, push_next=1), Store(pop_prev=1, **STORE_NO_OP)),
    "store to compute": (Store(push_prev=1, **STORE_NO_OP), Load(memory_type=UOP, pop_next=1)),
}


@pytest.mark.parametrize("device", NOT_ICARUS, indirect=True)
@pytest.mark.parametrize("queue", QUEUES)
def test_full_token_queue_blocks_the_pusher(device, queue):
    """More pushes than a queue has room for (1023) wait; no token is lost (rule D16)."""
    push, pop = QUEUES[queue]
    count = TOKEN_CAPACITY + 90
    device.passes(raw(device, *[push] * count, *[pop] * count, Finish()))


@pytest.mark.parametrize("device", NOT_ICARUS, indirect=True)
@pytest.mark.parametrize("queue", QUEUES)
def test_full_token_queue_without_a_pop_is_a_deadlock(device, queue):
    """The first push without room waits forever."""
    push, _ = QUEUES[queue]
    device.fails(raw(device, *[push] * (TOKEN_CAPACITY + 3), Finish()),
                 ErrorCode.DEADLOCK, TOKEN_CAPACITY)
    outcome = device.run(raw(device, *[push] * TOKEN_CAPACITY, Finish()))
    assert outcome.status == Status.FINISH | Status.TOKENS_LEFT


def double_buffered(config, rounds, seed):
    """Load, multiply and store with two buffers; return the program and its (place, tiles)."""
    program, rng = Program(config, raw=True), np.random.default_rng(seed)
    lanes, block = config.lanes, config.block_in
    uops = program.data(UOP, [Uop(dst=0, src=0), Uop(dst=4, src=4)])
    wgt = program.data(WGT, np.eye(block, dtype=int).reshape(1, -1))
    program.add(load(uops), load(wgt))
    checks = []
    for n in range(rounds):
        half, again = n % 2, n >= 2
        tiles = random_tiles(rng, config, INP, 4)
        source = program.data(INP, tiles)
        place = program.space(OUT, 4)
        last = n >= rounds - 2
        program.add(load(source, 4 * half, pop_next=again, push_next=1))
        loops = dict(uop_bgn=half, uop_end=half + 1, iter_in=4, dst_factor_in=1, src_factor_in=1)
        program.add(
            Gemm(reset=1, pop_prev=1, pop_next=int(again), **loops),
            Gemm(push_prev=int(not last), push_next=1, **loops),
            Store(sram_base=4 * half, dram_base=place.tile, x_size=4, x_stride=4, pop_prev=1,
                  push_prev=int(not last)),
        )
        checks.append((place, tiles.reshape(4, lanes)))
    program.add(Finish())
    return program, checks


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_double_buffered_program_equals_the_reference(device):
    """Load, compute and store work at the same time, held together by tokens alone."""
    program, checks = double_buffered(device.config, 8, 1)
    outcome = device.passes(program)
    for place, tiles in checks:
        check_out(outcome, place, tiles)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_finish_waits_for_loads_and_stores_before_it(device):
    """FINISH without any pop: instructions queued before it complete, stores too (rule D22)."""
    config, rng = device.config, np.random.default_rng(2)
    first = Program(config)
    first.load(ACC, random_tiles(rng, config, ACC, 16))
    first.load(WGT, np.eye(config.block_in, dtype=int).reshape(1, -1))
    first.uops(Uop(dst=0, src=0))
    device.passes(first)
    program = Program(config, raw=True)
    tiles = random_tiles(rng, config, INP, 16)
    stores = [program.space(OUT, 8) for _ in range(3)]
    program.add(*(Store(sram_base=4 * n, dram_base=place.tile, x_size=1, y_size=8, x_stride=1)
                  for n, place in enumerate(stores)))
    program.add(load(program.data(INP, tiles)), Finish())
    outcome = device.passes(program)
    assert outcome.counters["INSTRUCTIONS"] == 5
    assert outcome.counters["OUT_BYTES"] == 24 * config.tile_bytes(OUT)
    # and the load has completed: its tiles are there in the next launch
    second = Program(config)
    loops = dict(iter_in=16, dst_factor_in=1, src_factor_in=1)
    second.add(Gemm(reset=1, **loops), Gemm(**loops))
    place = second.store(0, 16)
    check_out(device.passes(second), place, tiles.reshape(16, -1))


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_nothing_after_finish_is_executed(device):
    """Instructions after FINISH, malformed ones too, have no effect."""
    config = device.config
    program = Program(config, raw=True)
    program.add(load(program.data(ACC, [[1, 2, 3, 4]]), push_next=1))
    place, never = program.space(OUT, 1), program.space(OUT, 1)
    program.add(
        Store(dram_base=place.tile, x_size=1, pop_prev=1), Finish(),
        Store(dram_base=never.tile, x_size=1), load(program.data(ACC, [[9] * 4])),
        Load(memory_type=7, x_size=1), Load(memory_type=UOP, pop_prev=1), Finish(push_next=1),
    )
    outcome = device.passes(program)
    assert outcome.tiles(place).tolist() == [[1, 2, 3, 4]]
    assert outcome.counters["INSTRUCTIONS"] == 3
    assert outcome.counters["OUT_BYTES"] == 4
    again = Program(config)
    shown = again.store(0, 1)
    assert device.passes(again).tiles(shown).tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_pop_waits_for_a_late_token(device):
    """Compute waits for a long load, store waits for compute: without the waits it goes wrong."""
    program = Program(device.config, raw=True)
    uops = program.data(UOP, [Uop()])
    eye, ones = program.data(WGT, EYE), program.data(INP, [[n] * 4 for n in range(1, 65)])
    place = program.space(OUT, 1)
    program.add(
        load(uops), load(program.data(ACC, [[0] * 4])), load(eye), load(ones, push_next=1),
        Gemm(iter_in=64, src_factor_in=1, pop_prev=1),
        Alu(alu_opcode=AluOpcode.SHR, use_imm=1, imm=4, push_next=1),
        Store(dram_base=place.tile, x_size=1, pop_prev=1, push_prev=1),
        Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=1, iter_in=50, pop_next=1), Finish(),
    )
    outcome = device.passes(program)
    assert outcome.tiles(place).tolist() == [[65 * 32 // 16 - 256] * 4]  # 130 as int8


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_more_instructions_than_a_queue_holds_are_executed(device):
    """Fetch waits for room in a module queue (512) and goes on."""
    count = 700 if device.backend != "icarus" else 20
    program = raw(device, *[IDLE] * count, *[Load(**LOAD_NO_OP)] * count, Finish())
    assert device.passes(program).counters["INSTRUCTIONS"] == 2 * count + 1


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    ("index", "body"),
    [
        (0, [Load(memory_type=UOP, pop_prev=1)]),
        (1, [Load(**LOAD_NO_OP), Load(pop_next=1, **LOAD_NO_OP)]),
        (0, [Store(pop_prev=1, **STORE_NO_OP)]),
        (1, [IDLE, Gemm(iter_in=0, pop_next=1), Load(push_next=1, **LOAD_NO_OP)]),
        (0, [Load(memory_type=UOP, pop_prev=1, push_prev=1),
             Load(pop_next=1, push_next=1, **LOAD_NO_OP)]),
        (2, [Load(push_next=1, **LOAD_NO_OP), Gemm(iter_in=0, pop_prev=1),
             Store(pop_prev=1, push_prev=1, **STORE_NO_OP),
             Load(memory_type=ACC, pop_next=1, push_next=1)]),
        (1, [Load(push_next=1, **LOAD_NO_OP), Gemm(iter_in=0, pop_prev=1, pop_next=1)]),
    ],
    ids=["compute", "load", "store", "pop_next", "load and compute", "compute and store",
         "one of two"],
)
@pytest.mark.parametrize("finish", [True, False])
def test_deadlock_names_the_earliest_waiting_instruction(device, index, body, finish):
    body = [*body, Finish()] if finish else body
    device.fails(raw(device, *body), ErrorCode.DEADLOCK, index)
    device.passes(raw(device, Finish()))


WAITING = {
    "load": Load(pop_next=1, **LOAD_NO_OP),
    "compute": Load(memory_type=UOP, pop_prev=1, pop_next=1),
    "store": Store(pop_prev=1, **STORE_NO_OP),
}


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("modules", list(permutations(WAITING)), ids="-".join)
def test_deadlock_of_all_three_names_the_first_in_the_stream(device, modules):
    body = [WAITING[module] for module in modules]
    device.fails(raw(device, IDLE, *body, Finish()), ErrorCode.DEADLOCK, 1)
    device.fails(raw(device, *body[:2]), ErrorCode.DEADLOCK, 0)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_finish_in_a_deadlock_is_the_faulty_instruction(device):
    device.fails(raw(device, IDLE, Finish(pop_prev=1)), ErrorCode.DEADLOCK, 1)
