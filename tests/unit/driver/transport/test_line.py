"""line: frames in batches, counts of received data, and the retransmission timer of RFC 6298."""

import pytest

from myvta.driver.transport.frame import Frame, encode
from myvta.driver.transport.line import FrameLine, RetransmissionTimer
from myvta.isa.link_protocol import MessageKind


class Pipe:
    """A transport that records sent bytes and returns prepared ones."""

    name = "pipe"

    def __init__(self):
        self.sent, self.coming = [], []

    def send(self, data):
        self.sent.append(data)

    def receive(self, seconds):
        return self.coming.pop(0) if self.coming else b""

    def close(self):
        self.sent.append("closed")


def test_frames_are_sent_in_pieces_of_64_kib():
    pipe = Pipe()
    frames = [Frame(MessageKind.WRITE_MEMORY, n, 0, 30_000, bytes(30_000)) for n in range(5)]
    FrameLine(pipe).send(frames)
    assert [len(piece) for piece in pipe.sent] == [
        3 * len(encode(frames[0])), 2 * len(encode(frames[0]))
    ]
    assert b"".join(pipe.sent) == b"".join(map(encode, frames))


def test_only_responses_are_received_and_the_rest_is_counted():
    pipe = Pipe()
    line = FrameLine(pipe, now=lambda: 0.0)
    response = Frame(MessageKind.READ_REGISTER, 3, 0x40, 4, b"MVTA", response=True)
    heard = line.heard
    assert line.describe(heard).startswith("nothing came back: is it powered")
    request = Frame(MessageKind.READ_REGISTER, 3, 0x40, 4)
    pipe.coming = [encode(request) + encode(response) + b"~xx~"]
    assert line.receive(1.0) == [response]
    assert "1 damaged frames among them: wrong baud rate" in line.describe(heard)
    line.close()
    assert pipe.sent == ["closed"]


def test_the_timer_follows_rfc_6298():
    timer = RetransmissionTimer(timeout=8.0)
    assert timer.wait == 0.15
    timer.measured(0.2)  # smooth 0.2, deviation 0.1, less a quarter of it
    assert timer.wait == pytest.approx(0.2 + 4 * 0.075)
    timer.measured(0.4)  # deviation 0.075 + (0.2 - 0.075) / 4, smooth 0.225
    assert timer.smooth == pytest.approx(0.225)
    assert timer.wait == pytest.approx(0.225 + 4 * 0.10625)


def test_the_wait_doubles_up_to_its_bounds():
    timer = RetransmissionTimer(timeout=2.0)
    assert timer.back_off(timer.wait) == 0.3
    assert timer.back_off(0.4) == 0.5  # a quarter of the timeout
    timer.timeout = 1000.0
    assert timer.back_off(1.9) == 2.0


def test_retransmission_wait_of_a_fast_line_has_a_margin():
    timer = RetransmissionTimer(timeout=8.0)
    for _ in range(200):
        timer.measured(1e-4)
    assert timer.wait == pytest.approx(1e-4 + 0.03)
