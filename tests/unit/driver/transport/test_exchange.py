"""exchange: the window, responses out of order, losses; against a line that is a script."""

import pytest

from myvta.driver import LinkError, TargetTimeout
from myvta.driver.transport.exchange import Exchange, LinkRequest
from myvta.driver.transport.frame import respond
from myvta.driver.transport.line import RetransmissionTimer
from myvta.isa.link_protocol import LinkStatus, MessageKind


class Script:
    """A line whose device loses the frames named by how often their request was sent before."""

    name = "script"
    heard = (0, 0)

    def __init__(self, lose=()):
        self.time, self.sent, self.lose, self.answers = 0.0, [], set(lose), []

    def now(self):
        self.time += 1e-3
        return self.time

    def send(self, frames):
        for frame in frames:
            copy = (frame.sequence, [one.sequence for one in self.sent].count(frame.sequence))
            self.sent.append(frame)
            if copy not in self.lose:
                self.answers.append(respond(frame, frame.address.to_bytes(4, "little")))

    def receive(self, until):
        if not self.answers:
            self.time = max(self.time, until)
        answers, self.answers = self.answers, []
        return answers

    def describe(self, since):
        return "silence"


def reads(count):
    return [LinkRequest(MessageKind.READ_REGISTER, 4 * n, 4) for n in range(count)]


def run(line, count, window=4, sequence=254):
    exchange = Exchange(line, RetransmissionTimer(1.0), reads(count), sequence, window)
    results = exchange.run()
    assert results == [(4 * n).to_bytes(4, "little") for n in range(count)]
    return exchange


def test_sequence_numbers_wrap_and_each_request_goes_out_once():
    line = Script()
    exchange = run(line, 600)
    assert [frame.sequence for frame in line.sent] == [(254 + n) % 256 for n in range(600)]
    assert exchange.resent == 0


def test_requests_in_flight_are_limited_to_the_window():
    class Counting(Script):
        def receive(self, until):
            assert len(self.answers) <= 3
            return super().receive(until)

    run(Counting(), 20, window=3)


def test_only_unanswered_requests_are_repeated():
    line = Script(lose=[(1, 0)])  # the first copy of sequence number 1, the fourth request
    exchange = run(line, 6, sequence=254)
    assert exchange.resent == 1
    assert [frame.sequence for frame in line.sent].count(1) == 2
    assert len(line.sent) == 7


def test_silence_ends_after_the_timeout():
    line = Script(lose=[(254, n) for n in range(100)])
    with pytest.raises(TargetTimeout, match=(
        "^script: waited 1 s for the answer to READ_REGISTER at 0x0; silence$"
    )):
        run(line, 1)


def test_error_of_a_refused_request_names_it():
    class Refusing(Script):
        def send(self, frames):
            self.answers += [respond(frame, status=LinkStatus.REFUSED) for frame in frames]

    with pytest.raises(LinkError, match="READ_REGISTER of 4 bytes at 0x0 is refused as impossible"):
        run(Refusing(), 2)
