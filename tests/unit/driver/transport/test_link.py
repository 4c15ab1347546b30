"""link and responder: lossy lines, copies, resynchronisation; every wait ends."""

import time
from random import Random

import pytest
from link_board import Noise, answering

from myvta.driver import (
    LinkError,
    TargetError,
    WindowError,
    open_target,
)
from myvta.driver.serve.responder import Responder
from myvta.driver.transport.exchange import LinkRequest
from myvta.driver.transport.frame import Frame
from myvta.driver.transport.link import Link
from myvta.isa.link_protocol import LinkStatus, MessageKind
from myvta.isa.register_map import Reg

QUERY = "?config=1x4x4&mem=0x3000:32K"


class Counting:
    """A target that counts the accesses that reach it."""

    def __init__(self, inner):
        self.inner, self.writes = inner, []
        self.window, self.config = inner.window, inner.config
        self.read_register, self.read_memory = inner.read_register, inner.read_memory

    def write_register(self, offset, value):
        self.writes.append((offset, value))
        self.inner.write_register(offset, value)

    def write_memory(self, address, data):
        self.writes.append((address, bytes(data)))
        self.inner.write_memory(address, data)


class Loop:
    """A transport in memory: ``work`` answers the requests."""

    name = "loop"

    def __init__(self, work, toward=None, back=None):
        self.work, self.answers = work, bytearray()
        self.toward, self.back = toward or Noise(), back or Noise()

    def send(self, data):
        self.answers += self.back(self.work(self.toward(data)))

    def receive(self, seconds):
        if not self.answers:
            time.sleep(min(seconds, 0.001))
        data = bytes(self.answers)
        self.answers.clear()
        return data

    def close(self):
        pass


@pytest.fixture
def model():
    with open_target("model://" + QUERY) as opened:
        yield opened


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0, 1e-4, 1e-3])
def test_noisy_line_loses_and_repeats_nothing(model, rate):
    counting, random = Counting(model), Random(5)
    noise = Noise(rate, 11), Noise(rate, 12)
    link = Link(Loop(answering(counting), *noise), 5.0)
    expected, mirror = [], bytearray(model.read_memory(0x3000, 0x8000))
    for round_ in range(60):
        writes = []
        for _ in range(random.randrange(1, 12)):
            at, data = 4 * random.randrange(60), random.randbytes(4 * random.randrange(1, 60))
            writes.append(LinkRequest(MessageKind.WRITE_MEMORY, 0x3000 + at, len(data), data))
            expected.append((0x3000 + at, data))
            mirror[at:at + len(data)] = data
        assert link.exchange(writes) == [b""] * len(writes)
        value = round_.to_bytes(4, "little")
        link.exchange([LinkRequest(MessageKind.WRITE_REGISTER, Reg.UOP_BASE, 4, value)] * 2)
        expected += [(Reg.UOP_BASE, round_)] * 2
        reads = [LinkRequest(MessageKind.READ_MEMORY, 0x3000 + 50 * k, 50) for k in range(9)]
        assert b"".join(link.exchange(reads)) == mirror[:450]
    assert counting.writes == expected
    if rate == 1e-3:
        assert noise[0].hits > 20 and noise[1].hits > 20 and link.resent > 20
    if not rate:
        assert link.resent == 0


def test_exchange_wraps_the_sequence_numbers(model):
    link = Link(Loop(answering(model), Noise(1e-3, 3), Noise(1e-3, 4)), 5.0)
    data = Random(1).randbytes(4 * 700)
    link.exchange([
        LinkRequest(MessageKind.WRITE_MEMORY, 0x3000 + 4 * k, 4, data[4 * k:4 * k + 4])
        for k in range(700)
    ])
    reads = link.exchange([
        LinkRequest(MessageKind.READ_MEMORY, 0x3000 + 4 * k, 4) for k in range(700)
    ])
    assert b"".join(reads) == data == model.read_memory(0x3000, len(data))


def test_duplicate_request_is_answered_but_not_executed(model):
    counting = Counting(model)
    device = Responder(counting, 256, 4)
    write = Frame(MessageKind.WRITE_MEMORY, 5, 0x3000, 4, b"abcd")
    assert device.answer(write).status == LinkStatus.UNKNOWN
    device.answer(Frame(MessageKind.IDENTIFY, 4, 0))
    first = device.answer(write)
    assert first.status == LinkStatus.OK and device.answer(write) == first
    bad = Frame(MessageKind.WRITE_MEMORY, 6, 0x2000, 4, b"abcd")
    assert device.answer(bad).status == device.answer(bad).status == LinkStatus.OUTSIDE
    assert device.answer(write) == first
    for sequence in (7, 8, 9):
        device.answer(Frame(MessageKind.READ_REGISTER, sequence, 0x40, 4))
    assert device.answer(write).status == LinkStatus.ORDER  # five requests ago: no longer kept
    ahead = device.answer(Frame(MessageKind.WRITE_MEMORY, 11, 0x3000, 4, b"efgh"))
    assert (ahead.status, ahead.address) == (LinkStatus.ORDER, 10)
    # a request that the target refuses reaches it once, too
    assert counting.writes == [(0x3000, b"abcd"), (0x2000, b"abcd")]


@pytest.mark.parametrize("frame", [
    Frame(MessageKind.READ_REGISTER, 1, 0x41, 4), Frame(MessageKind.READ_REGISTER, 1, 0x40, 8),
    Frame(MessageKind.READ_REGISTER, 1, 0x10000, 4),
    Frame(MessageKind.READ_REGISTER, 1, 0x40, 4, bytes(4)),
    Frame(MessageKind.WRITE_REGISTER, 1, 0x40, 4),
    Frame(MessageKind.WRITE_REGISTER, 1, 0x40, 4, bytes(8)),
    Frame(MessageKind.READ_MEMORY, 1, 0x3000, 0), Frame(MessageKind.READ_MEMORY, 1, 0x3001, 256),
    Frame(MessageKind.WRITE_MEMORY, 1, 0x3000, 8, bytes(4)),
    Frame(MessageKind.WRITE_MEMORY, 1, 0x3000, 0),
    Frame(MessageKind.CLAIM, 1), Frame(0, 1), Frame(15, 1),
])
def test_impossible_requests_are_refused_and_reach_nothing(model, frame):
    counting = Counting(model)
    device = Responder(counting, 256, 4)
    device.answer(Frame(MessageKind.IDENTIFY, 0, 0))
    assert device.answer(frame).status == LinkStatus.REFUSED
    assert counting.writes == []
    assert device.answer(Frame(MessageKind.READ_REGISTER, 2, 0x40, 4)).data == b"MVTA"


def test_statuses_become_errors_and_the_session_goes_on(model):
    link = Link(Loop(answering(model)), 1.0)
    with pytest.raises(WindowError, match="READ_MEMORY of 4 bytes at 0x0 is outside"):
        link.ask(MessageKind.READ_MEMORY, 0, 4)
    with pytest.raises(LinkError, match="refused as impossible"):
        link.ask(MessageKind.READ_REGISTER, 2, 4)
    with pytest.raises(LinkError, match="refused"):
        link.ask(MessageKind.CLAIM, 0)
    model.close()
    with pytest.raises(TargetError, match="failed: the target is closed"):
        link.ask(MessageKind.READ_REGISTER, 0x40, 4)


def test_reset_of_the_device_is_reported_and_a_new_exchange_works(model):
    loop = Loop(answering(model))
    link = Link(loop, 1.0)
    loop.work = answering(model)
    with pytest.raises(LinkError, match="has been reset"):
        link.ask(MessageKind.READ_REGISTER, 0x40, 4)
    assert link.ask(MessageKind.READ_REGISTER, 0x40, 4) == b"MVTA"
