"""executor: requests as docs/protocol.md words them, and the response to each written out."""

from collections import namedtuple
from random import Random

import pytest
from fpga_bench import LiteRegisters, NarrowMemory
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.command_executor import executor
from myvta.fpga.link_bundles import COMMAND_BITS, PAYLOAD_WORDS, Command, Reply, WordPort
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4, AxiLite, Stream, bit

CONFIG = NAMED["1x4x4"]
SIZE, CLOCK_HZ = 1 << 12, 24_000_000
IDENTIFY, READ_REGISTER, WRITE_REGISTER, READ_MEMORY, WRITE_MEMORY = 1, 2, 3, 4, 5
OK, ORDER, REFUSED, OUTSIDE, FAILED, UNKNOWN = 0, 1, 2, 3, 4, 7
ERROR_FROM = 0x8000  # of the registers
IDENTITY = [0x4C54564D, 0x10000, 256 | 7 << 16, 0, SIZE, CLOCK_HZ, 0, 0]
"""The eight words of the page: MVTL, version 1.0, limits, memory, clock, no capability."""

Request = namedtuple("Request", "kind sequence address count words", defaults=[()])
Response = namedtuple("Response", "status address count words", defaults=[()])


class Executor:
    """The block with registers and memory behind it; ``run`` returns the responses.

    Attributes
    ----------
    memory : bytearray
    writes : list of (int, int)
        Register writes, in order.
    bursts : list
        Bursts of memory, in order.
    releases : int
        How often ``release`` pulsed.
    """

    def __init__(self, requests, go=1.0):
        self.requests, self.random, self.releases = requests, Random(5), 0
        self.clock, self.reset = clock_and_reset()
        self.command, self.current, self.release = Stream(COMMAND_BITS), Command(), bit()
        self.payload, self.buffer, self.reply = WordPort(6), WordPort(6), Reply()
        lite, axi = AxiLite(), Axi4(CONFIG)
        self.block = executor(
            self.clock, self.reset, command=self.command, current=self.current,
            release=self.release, payload=self.payload, buffer=self.buffer, reply=self.reply,
            s_axi=lite, m_axi=axi, config=CONFIG, size=SIZE, clock_hz=CLOCK_HZ,
        )
        self._registers = LiteRegisters(lite, self.random, go=go, bad=ERROR_FROM)
        self._memory = NarrowMemory(axi, CONFIG, self.random, size=SIZE, go=go)
        self.memory, self.bursts = self._memory.memory, self._memory.bursts
        self.writes = self._registers.written
        self._words, self._responses, self._next = [0] * PAYLOAD_WORDS, [], 0

    def run(self):
        simulate([self.block], self.clock, self.reset, self._edge, limit=20_000)
        return self._responses

    def _edge(self, cycle):
        self._registers.edge(cycle)
        self._memory.edge(cycle)
        reply, request = self.reply, self.requests[min(self._next, len(self.requests) - 1)]
        if self.buffer.enable:
            self._words[int(self.buffer.address)] = int(self.buffer.data)
        if self.payload.enable:
            index = int(self.payload.address)
            words = request.words
            self.payload.data.next = words[index] if index < len(words) else 0xDEAD_BEEF
        self.releases += int(self.release)
        if reply.valid and reply.ready:
            assert self.command.valid and self.command.ready
            assert (reply.kind, reply.sequence) == (request.kind, request.sequence)
            self._responses.append(Response(
                int(reply.status), int(reply.address), int(reply.count),
                tuple(self._words[: int(reply.words)]),
            ))
            self._next += 1
        reply.ready.next = reply.valid and not reply.ready and self.random.random() < 0.5
        self._offer()
        return self._next == len(self.requests)

    def _offer(self):
        self.command.valid.next = self._next < len(self.requests)
        if self._next < len(self.requests):
            request, current = self.requests[self._next], self.current
            current.kind.next, current.sequence.next = request.kind, request.sequence
            current.address.next, current.count.next = request.address, request.count
            current.words.next = len(request.words)


def run_in_session(*requests, go=1.0):
    """Return the executor after IDENTIFY with sequence 255 and the requests, and the responses."""
    bench = Executor([Request(IDENTIFY, 255, 0x1234, 0), *requests], go)
    identity, *responses = bench.run()
    assert identity == (OK, 0x1234, 32, tuple(IDENTITY))
    assert bench.releases == len(requests) + 1
    return bench, responses


def test_every_request_before_identify_is_answered_unknown_and_not_done():
    bench = Executor([
        Request(READ_REGISTER, 6, 0x40, 4), Request(WRITE_REGISTER, 7, 0x40, 4, (1,)),
        Request(WRITE_MEMORY, 8, 0, 4, (1,)), Request(15, 9, 3, 0),
    ])
    assert bench.run() == [(UNKNOWN, 0x40, 0, ()), (UNKNOWN, 0x40, 0, ()), (UNKNOWN, 0, 0, ()),
                           (UNKNOWN, 3, 0, ())]
    assert not bench.writes and not bench.bursts


@pytest.mark.parametrize("go", [1.0, 0.3])
def test_registers_are_written_and_read(go):
    bench, responses = run_in_session(
        Request(WRITE_REGISTER, 0, 0x40, 4, (0xCAFE_F00D,)),
        Request(WRITE_REGISTER, 1, 0xFC, 4, (5,)),
        Request(READ_REGISTER, 2, 0x40, 4),
        Request(READ_REGISTER, 3, 0x44, 4),
        Request(READ_REGISTER, 4, ERROR_FROM, 4),
        Request(WRITE_REGISTER, 5, ERROR_FROM, 4, (7,)),
        go=go,
    )
    assert responses == [
        (OK, 0x40, 4, ()), (OK, 0xFC, 4, ()), (OK, 0x40, 4, (0xCAFE_F00D,)), (OK, 0x44, 4, (0,)),
        (FAILED, ERROR_FROM, 0, ()), (FAILED, ERROR_FROM, 0, ()),
    ]
    assert bench.writes == [(0x40, 0xCAFE_F00D), (0xFC, 5), (ERROR_FROM, 7)]


@pytest.mark.parametrize("go", [1.0, 0.3])
@pytest.mark.parametrize("address, count", [
    (0x10, 4), (0x11, 1), (0x12, 2), (0x13, 4), (0x3F, 253), (SIZE - 5, 5), (SIZE - 256, 256),
])
def test_memory_is_written_to_the_byte_and_read_back_in_words(address, count, go):
    words = (address % 4 + count + 3) // 4
    data = Random(count).randbytes(4 * words)
    values = tuple(int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4))
    bench = Executor([Request(IDENTIFY, 9, 0, 0), Request(WRITE_MEMORY, 10, address, count, values),
                      Request(READ_MEMORY, 11, address, count)], go)
    expected = bytearray(bench.memory)
    expected[address : address + count] = data[address % 4 : address % 4 + count]
    _, written, read = bench.run()
    assert bench.memory == expected
    assert written == (OK, address, count, ())
    assert read[:3] == (OK, address, count)
    start = address - address % 4
    assert b"".join(word.to_bytes(4, "little") for word in read.words) == (
        expected[start : start + 4 * words])


@pytest.mark.parametrize("request_, status", [
    (Request(READ_REGISTER, 0, 0x42, 4), REFUSED),
    (Request(READ_REGISTER, 0, 0x10000, 4), REFUSED),
    (Request(READ_REGISTER, 0, 0x40, 8), REFUSED),
    (Request(READ_REGISTER, 0, 0x40, 4, (1,)), REFUSED),
    (Request(WRITE_REGISTER, 0, 0x40, 4), REFUSED),
    (Request(WRITE_REGISTER, 0, 0x40, 4, (1, 2)), REFUSED),
    (Request(READ_MEMORY, 0, 0, 0), REFUSED),
    (Request(READ_MEMORY, 0, 0, 257), REFUSED),
    (Request(READ_MEMORY, 0, 3, 254), REFUSED),
    (Request(READ_MEMORY, 0, 0, 65535), REFUSED),
    (Request(READ_MEMORY, 0, 0, 4, (1,)), REFUSED),
    (Request(WRITE_MEMORY, 0, 0, 0), REFUSED),
    (Request(WRITE_MEMORY, 0, 2, 4, (1,)), REFUSED),
    (Request(WRITE_MEMORY, 0, 0, 4, (1, 2)), REFUSED),
    (Request(0, 0, 0, 4), REFUSED),
    (Request(8, 0, 0, 4), REFUSED),
    (Request(READ_MEMORY, 0, SIZE, 1), OUTSIDE),
    (Request(READ_MEMORY, 0, SIZE - 3, 4), OUTSIDE),
    (Request(READ_MEMORY, 0, 0xFFFF_FFFF, 1), OUTSIDE),
    (Request(WRITE_MEMORY, 0, 1 << 31, 4, (1,)), OUTSIDE),
])
def test_impossible_requests_are_refused_and_nothing_is_done(request_, status):
    bench, responses = run_in_session(request_)
    assert responses == [(status, request_.address, 0, ())]
    assert not bench.writes and not bench.bursts


def test_a_copy_of_a_write_gets_the_first_outcome_and_is_not_done_again():
    write = Request(WRITE_REGISTER, 0, 0x40, 4, (1,))
    failing = Request(WRITE_REGISTER, 1, ERROR_FROM, 4, (2,))
    refused = Request(6, 2, 0, 0)
    bench, responses = run_in_session(write, write, failing, failing, refused, refused, write)
    assert responses == [
        (OK, 0x40, 4, ()), (OK, 0x40, 4, ()), (FAILED, ERROR_FROM, 0, ()),
        (FAILED, ERROR_FROM, 0, ()), (REFUSED, 0, 0, ()), (REFUSED, 0, 0, ()), (OK, 0x40, 4, ()),
    ]
    assert bench.writes == [(0x40, 1), (ERROR_FROM, 2)]


def test_a_copy_of_a_read_is_done_again():
    read = Request(READ_REGISTER, 0, 0x40, 4)
    _, responses = run_in_session(read, Request(WRITE_REGISTER, 1, 0x40, 4, (3,)), read)
    assert responses == [(OK, 0x40, 4, (0,)), (OK, 0x40, 4, ()), (OK, 0x40, 4, (3,))]


def test_only_the_next_request_and_the_window_before_it_are_in_order():
    writes = [Request(WRITE_REGISTER, n, 0x40, 4, (n,)) for n in range(8)]
    late, oldest = Request(WRITE_REGISTER, 0, 0x40, 4, (9,)), writes[1]
    ahead, read_ahead = Request(WRITE_REGISTER, 9, 0, 4, (9,)), Request(READ_REGISTER, 200, 0, 4)
    bench, responses = run_in_session(*writes, ahead, oldest, late, read_ahead)
    assert responses[8:] == [(ORDER, 8, 0, ()), (OK, 0x40, 4, ()), (ORDER, 8, 0, ()),
                             (ORDER, 8, 0, ())]
    assert bench.writes == [(0x40, n) for n in range(8)]


def test_identify_starts_a_new_order():
    bench, responses = run_in_session(
        Request(WRITE_REGISTER, 0, 0x40, 4, (1,)), Request(IDENTIFY, 99, 8, 0),
        Request(WRITE_REGISTER, 1, 0x40, 4, (2,)), Request(WRITE_REGISTER, 100, 0x40, 4, (3,)),
    )
    assert responses[1:] == [(OK, 8, 32, tuple(IDENTITY)), (ORDER, 100, 0, ()), (OK, 0x40, 4, ())]
    assert bench.writes == [(0x40, 1), (0x40, 3)]
