"""dispatch: random instructions to three queues, every cycle against a list of two."""

from collections import deque
from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Finish, Gemm, Load, Store, decode, encode, route
from myvta.isa.opcodes import ErrorCode, MemoryType, Module, Opcode
from myvta.rtl.fetch.dispatch import FETCHED_BITS, dispatch
from myvta.rtl.host.status import FetchStatus
from myvta.rtl.lib.bundles import ENTRY_BITS, PortError, Stream

CONFIG = NAMED["1x4x4"]
FINISH = encode(Finish(), CONFIG)


def random_words(random, count):
    """Words of any content, LOADs of each memory type among them; none is a FINISH."""
    out = []
    while len(out) < count:
        value = random.getrandbits(128)
        if random.random() < 0.5:
            value = value >> 3 << 3 | random.choice((Opcode.LOAD, Opcode.STORE))
        if value & 7 != Opcode.FINISH:
            out.append(value)
    return out


class Bench:
    """Offers (error, word) pairs; the queues are ready each with its probability."""

    def __init__(self, fetched, *, count=None, seed=0, offer=1.0, take=(1.0, 1.0, 1.0)):
        self.random, self.offer, self.take = Random(seed), offer, take
        self.fetched = deque(fetched)
        self.count = len(fetched) if count is None else count
        self.clock, self.reset = clock_and_reset()
        self.insn_count, self.source = Signal(modbv(self.count)[32:]), Stream(FETCHED_BITS)
        self.queues, self.status = [Stream(ENTRY_BITS) for _ in Module], FetchStatus()
        self.block = dispatch(
            self.clock, self.reset, insn_count=self.insn_count, instructions=self.source,
            load=self.queues[Module.LOAD], compute=self.queues[Module.COMPUTE],
            store=self.queues[Module.STORE], status=self.status, config=CONFIG,
        )
        self.held = deque()  # entered and not handed over
        self.index, self.finished, self.fault = 0, False, None
        self.handed = []  # cycle, module
        self.blocked, self.ended = 0, False

    def run(self, until, limit=5000):
        def on_edge(cycle):
            self.watch(cycle)
            self.drive()
            self.ended = bool(self.status.done)
            return until(cycle)

        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def watch(self, cycle):
        status, source = self.status, self.source
        done = self.index == self.count or self.finished
        assert bool(status.done) == done
        assert status.index == self.index
        assert bool(status.fault.raised) == (self.fault is not None)
        if self.fault is not None:
            assert (int(status.fault.code), int(status.fault.index)) == self.fault
        assert bool(source.ready) == (len(self.held) < 2)
        moves = self.hand_over(cycle) if self.held and not done else self.rest()
        if moves:
            self.held.popleft()
        if source.valid and source.ready:
            self.held.append((int(source.data) >> 128, int(source.data) & (1 << 128) - 1))

    def rest(self):
        assert not any(queue.valid for queue in self.queues) and not self.status.blocked

    def hand_over(self, cycle):
        """The word at hand goes to its queue; true when it is taken."""
        error, value = self.held[0]
        if error != PortError.NONE:
            self.rest()
            code = ErrorCode.WINDOW if error == PortError.WINDOW else ErrorCode.BUS
            self.fault = code, self.index
            return False
        module = route(decode(value, CONFIG))
        queue = self.queues[module]
        assert [bool(one.valid) for one in self.queues] == [one is queue for one in self.queues]
        assert queue.data == self.index << 128 | value
        assert bool(self.status.blocked) == (not queue.ready)
        self.blocked += not queue.ready
        if not queue.ready:
            return False
        self.handed.append((cycle, module))
        self.index += 1
        if value & 7 == Opcode.FINISH:
            self.finished = True
        return True

    def drive(self):
        source, random = self.source, self.random
        if not source.valid or source.ready:
            go = bool(self.fetched) and random.random() < self.offer
            source.valid.next = go
            if go:
                error, value = self.fetched.popleft()
                source.data.next = error << 128 | value
        for queue, rate in zip(self.queues, self.take, strict=True):
            queue.ready.next = random.random() < rate


@pytest.mark.parametrize("offer, take", [
    (1.0, (1.0, 1.0, 1.0)), (0.5, (0.9, 0.9, 0.9)), (0.9, (0.2, 0.9, 0.5)), (1.0, (0.6, 0.3, 1.0)),
])
def test_each_instruction_goes_to_its_queue_with_its_index(offer, take):
    words = random_words(Random(int(10 * offer)), 200)
    bench = Bench([(PortError.NONE, value) for value in words], offer=offer, take=take)
    bench.run(lambda cycle: bench.ended)
    assert [module for _, module in bench.handed] == [
        route(decode(value, CONFIG)) for value in words
    ]
    assert {module for _, module in bench.handed} == set(Module)
    assert bool(bench.blocked) == (min(take) < 1)


def test_one_instruction_is_handed_over_per_cycle():
    words = random_words(Random(1), 50)
    bench = Bench([(PortError.NONE, value) for value in words])
    bench.run(lambda cycle: bench.ended)
    first = bench.handed[0][0]
    assert [cycle for cycle, _ in bench.handed] == list(range(first, first + 50))


@pytest.mark.parametrize("instruction, module", [
    (Load(memory_type=MemoryType.INP), Module.LOAD),
    (Load(memory_type=MemoryType.WGT), Module.LOAD),
    (Load(memory_type=MemoryType.UOP), Module.COMPUTE),
    (Load(memory_type=MemoryType.ACC), Module.COMPUTE),
    (Load(memory_type=MemoryType.OUT), Module.COMPUTE),
    (Load(memory_type=MemoryType.LUT), Module.COMPUTE),
    (Load(memory_type=MemoryType.WGT_4BIT), Module.LOAD),
    (Store(), Module.STORE), (Store(memory_type=MemoryType.INP), Module.STORE),
    (Gemm(), Module.COMPUTE), (Finish(), Module.COMPUTE),
])
def test_instructions_are_routed_by_opcode_and_memory_type(instruction, module):
    bench = Bench([(PortError.NONE, encode(instruction, CONFIG))])
    bench.run(lambda cycle: bench.ended)
    assert [to for _, to in bench.handed] == [module]


@pytest.mark.parametrize("count", [12, 300])
def test_no_instruction_follows_finish_or_the_count(count):
    words = random_words(Random(2), 80)
    words[40] = FINISH
    bench = Bench([(PortError.NONE, value) for value in words], count=count)
    bench.run(lambda cycle: cycle == 150)
    assert len(bench.handed) == min(count, 41)


def test_empty_stream_is_done():
    bench = Bench([], count=0)
    bench.run(lambda cycle: cycle == 10)
    assert bench.ended and not bench.handed


@pytest.mark.parametrize("error, code", [
    (PortError.WINDOW, ErrorCode.WINDOW), (PortError.BUS, ErrorCode.BUS),
])
@pytest.mark.parametrize("take", [1.0, 0.4])
def test_failed_read_raises_a_fault_with_its_index(error, code, take):
    fetched = [(PortError.NONE, value) for value in random_words(Random(3), 40)]
    fetched[17] = error, FINISH
    bench = Bench(fetched, take=(take,) * 3)
    bench.run(lambda cycle: cycle == 200)
    assert bench.fault == (code, 17)
    assert len(bench.handed) == 17 and not bench.ended
