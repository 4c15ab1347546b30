"""responder: which requests are possible, and the status of those that are not."""

import pytest

from myvta.driver import open_target
from myvta.driver.serve.responder import Responder, Sequencer, link_identity
from myvta.driver.transport.frame import Frame, respond
from myvta.isa.link_protocol import LinkStatus, MessageKind
from myvta.isa.register_map import IDENTITY, Reg

URL = "model://?config=1x4x4&mem=0x3000:32K"


@pytest.fixture
def responder():
    with open_target(URL) as target:
        yield Responder(target, payload=64, window=2)


def ask(responder, kind, address, count=4, payload=b""):
    return responder.perform(Frame(kind, 0, address, count, payload))


def test_registers_and_memory_are_read_and_written(responder):
    answer = ask(responder, MessageKind.READ_REGISTER, Reg.IDENTITY)
    assert (answer.status, answer.data) == (LinkStatus.OK, IDENTITY.to_bytes(4, "little"))
    assert ask(responder, MessageKind.WRITE_MEMORY, 0x3001, 3, b"\0abc").status == LinkStatus.OK
    assert ask(responder, MessageKind.READ_MEMORY, 0x3001, 3).data == b"abc"


@pytest.mark.parametrize(("kind", "address", "count", "payload", "status"), [
    (MessageKind.READ_REGISTER, 2, 4, b"", LinkStatus.REFUSED),
    (MessageKind.READ_REGISTER, 0x10000, 4, b"", LinkStatus.REFUSED),
    (MessageKind.READ_REGISTER, 0, 8, b"", LinkStatus.REFUSED),
    (MessageKind.READ_MEMORY, 0x3000, 0, b"", LinkStatus.REFUSED),
    (MessageKind.READ_MEMORY, 0x3000, 65, b"", LinkStatus.REFUSED),
    (MessageKind.READ_MEMORY, 0x3000, 4, b"abcd", LinkStatus.REFUSED),
    (MessageKind.WRITE_MEMORY, 0x3000, 4, b"", LinkStatus.REFUSED),
    (MessageKind.CLAIM, 0, 4, b"", LinkStatus.REFUSED),
    (MessageKind.READ_MEMORY, 0x2FFF, 4, b"", LinkStatus.OUTSIDE),
    (MessageKind.READ_MEMORY, 0xAFFD, 4, b"", LinkStatus.OUTSIDE),
    (MessageKind.WRITE_MEMORY, 0xB000, 4, b"abcd", LinkStatus.OUTSIDE),
])
def test_impossible_requests_are_refused(responder, kind, address, count, payload, status):
    assert ask(responder, kind, address, count, payload).status == status


def test_target_errors_are_returned_as_text(responder):
    responder.target.close()
    answer = ask(responder, MessageKind.READ_REGISTER, 0)
    assert answer.status == LinkStatus.FAILED
    assert answer.data.startswith(b"the target is closed (")


def test_the_identity_is_the_window_and_the_clock_of_the_target():
    with open_target(URL) as target:
        target.clock_hz = 5e7
        identity = link_identity(target, 64, 2, capabilities=2)
    assert (identity.base, identity.size, identity.clock_hz) == (0x3000, 0x8000, 50_000_000)
    assert (identity.payload, identity.window, identity.capabilities) == (64, 2, 2)


def test_repeated_write_is_answered_but_not_executed():
    done, sequencer = [], Sequencer(window=2)

    def do(frame):
        done.append(frame.sequence)
        return respond(frame)

    write = [Frame(MessageKind.WRITE_REGISTER, n % 256, 0, 4, bytes(4)) for n in range(254, 259)]
    assert sequencer.handle(write[0], do).status == LinkStatus.UNKNOWN
    sequencer.start(253)
    for frame in write:
        assert sequencer.handle(frame, do).status == LinkStatus.OK
        assert sequencer.handle(frame, do).status == LinkStatus.OK
    assert done == [254, 255, 0, 1, 2]
    late = sequencer.handle(write[2], do)  # three ago, the window is two
    assert (late.status, late.address) == (LinkStatus.ORDER, 3)
