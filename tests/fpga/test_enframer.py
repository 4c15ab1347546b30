"""enframer: against a frame codec in Python written from docs/protocol.md."""

from pathlib import Path
from random import Random

import pytest
from frame_bytes import frame_bodies, frame_bytes, page_frames
from rtl_bench import StreamSink, clock_and_reset, simulate

from myvta.fpga.enframer import enframer
from myvta.fpga.link_bundles import PAYLOAD_BYTES, PAYLOAD_WORDS, Reply, WordPort
from myvta.rtl.lib.bundles import Stream, bit, word
from myvta.rtl.lib.ram import ram

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
RESPONSE = 0x80


def sent_bytes(responses, rate=1.0):
    """Send (kind, status, sequence, count, address, payload); return the (cycle, byte) pairs.

    The bytes that left before each ``ready`` are checked to be whole frames.
    """
    clock, reset = clock_and_reset()
    reply, source, port = Reply(), Stream(8), WordPort(6)
    write, address, value = bit(), word(6), word(32)
    blocks = [
        enframer(clock, reset, reply, port, source),
        ram(clock, write, address, value, port.enable, port.address, port.data, width=32,
            depth=PAYLOAD_WORDS),
    ]
    sink, waiting, filled = StreamSink(source, Random(7), rate), list(responses), [0]

    def on_edge(cycle):
        sink.edge(cycle)
        write.next = False
        if reply.valid and reply.ready:
            assert sink.words[-1] == 0x7E and source.valid
            reply.valid.next = False
            waiting.pop(0)
            filled[0] = 0
            return not waiting
        kind, status, sequence, count, at, payload = waiting[0]
        index = filled[0]
        if 4 * index < len(payload):
            write.next, address.next = True, index
            value.next = int.from_bytes(payload[4 * index : 4 * index + 4], "little")
            filled[0] += 1
            return False
        reply.valid.next = True
        reply.kind.next, reply.status.next, reply.sequence.next = kind, status, sequence
        reply.count.next, reply.address.next, reply.words.next = count, at, len(payload) // 4
        return False

    simulate(blocks, clock, reset, on_edge, limit=40_000)
    return sink.taken


def random_response(random):
    payload = bytes(
        random.choice((0x7D, 0x7E, 0, random.randrange(256)))
        for _ in range(4 * random.choice((0, 0, 1, 2, 7, PAYLOAD_WORDS)))
    )
    return (random.randrange(16), random.randrange(8), random.randrange(256),
            random.randrange(1 << 16), random.getrandbits(32), payload)


def expected_bytes(responses):
    return b"".join(
        frame_bytes(RESPONSE | status << 4 | kind, sequence, count, address, payload)
        for kind, status, sequence, count, address, payload in responses
    )


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_sends_every_response_as_the_codec_writes_it(rate):
    random = Random(7)
    escapes = (14, 7, 0x7E, 0x7E7D, 0x7D7E7D7E, b"\x7e\x7d\x7e\x7d" * PAYLOAD_WORDS)
    responses = [escapes, *(random_response(random) for _ in range(12))]
    assert bytes(byte for _, byte in sent_bytes(responses, rate)) == expected_bytes(responses)


def test_sends_the_responses_of_the_protocol_page():
    frames, responses = page_frames(PAGE, "<"), []
    for frame in frames:
        (body,) = frame_bodies(frame, PAYLOAD_BYTES)
        responses.append((
            body[0] & 15, body[0] >> 4 & 7, body[1], int.from_bytes(body[2:4], "little"),
            int.from_bytes(body[4:8], "little"), body[8:],
        ))
    assert len(frames) == 10
    assert bytes(byte for _, byte in sent_bytes(responses)) == b"".join(frames)


def test_sends_at_least_a_word_in_every_six_cycles():
    """Four bytes and two cycles to fetch them: a UART of eight cycles a bit takes 80 for one."""
    taken = sent_bytes([(4, 0, 1, 256, 0, bytes(256))])
    assert taken[-1][0] - taken[0][0] == 6 * (256 + 12) // 4 + 1
