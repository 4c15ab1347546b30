"""deframer: against a frame codec in Python written from docs/protocol.md."""

from pathlib import Path
from random import Random

import pytest
from frame_bytes import frame_bodies, frame_bytes, page_frames
from myhdl import Signal
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.deframer import deframer
from myvta.fpga.link_bundles import PAYLOAD_BYTES, PAYLOAD_WORDS, SLOTS, Command, WordPort
from myvta.rtl.lib.bundles import bit, word

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
RESPONSE = 0x80


def accepted_requests(line, room=lambda cycle: True):
    """Feed a byte every second cycle; return the slot and the body of each request accepted."""
    clock, reset = clock_and_reset()
    data, valid, has_room, accepted = word(8), bit(), Signal(True), bit()
    command, slot, payload = Command(), word(3), WordPort(9)
    block = deframer(clock, reset, data, valid, has_room, command, accepted, slot, payload)
    slots = [[0] * PAYLOAD_WORDS for _ in range(SLOTS)]
    requests, rest = [], list(line)

    def on_edge(cycle):
        if payload.enable:
            number, index = divmod(int(payload.address), PAYLOAD_WORDS)
            slots[number][index] = int(payload.data)
        if accepted:
            words = slots[int(slot)][: int(command.words)]
            header = (int(command.kind) | int(command.sequence) << 8 | int(command.count) << 16
                      | int(command.address) << 32)
            body = header.to_bytes(8, "little")
            requests.append((int(slot), body + b"".join(it.to_bytes(4, "little") for it in words)))
        has_room.next = room(cycle)
        valid.next = cycle % 2 == 0 and bool(rest)
        if cycle % 2 == 0 and rest:
            data.next = rest.pop(0)
        return not rest and cycle > 2 * len(line) + 8

    simulate([block], clock, reset, on_edge, limit=2 * len(line) + 50)
    return requests


def random_frame(random, response=0):
    payload = bytes(
        random.choice((0x7D, 0x7E, 0, random.randrange(256)))
        for _ in range(4 * random.choice((0, 0, 1, 2, 7, PAYLOAD_WORDS)))
    )
    return frame_bytes(response | random.randrange(16), random.randrange(256),
                       random.randrange(1 << 16), random.getrandbits(32), payload)


def random_line(random, damage):
    """Return frames, responses, overlong frames and noise; each byte may be lost or flipped."""
    line = bytearray()
    for _ in range(24):
        line += random_frame(random, RESPONSE if random.random() < 0.1 else 0)
        if random.random() < 0.1:
            line += frame_bytes(5, 1, 2, 3, bytes(PAYLOAD_BYTES + 4))
        if random.random() < 0.1:
            line += b"\x7e" + random.randbytes(random.randrange(400)) + b"\x7e"
    return bytes(
        byte ^ (1 << random.randrange(8) if random.random() < damage else 0) for byte in line
        if random.random() >= damage
    )


@pytest.mark.parametrize("seed, damage", [(1, 0.0), (2, 0.002), (3, 0.01)])
def test_accepts_exactly_the_valid_requests_of_a_damaged_line(seed, damage):
    line = random_line(Random(seed), damage)
    bodies = [body for body in frame_bodies(line, PAYLOAD_BYTES) if not body[0] & RESPONSE]
    assert len(bodies) > 5
    expected = [(number % SLOTS, body) for number, body in enumerate(bodies)]
    assert accepted_requests(line) == expected


def test_accepts_the_requests_of_the_protocol_page_and_none_of_its_responses():
    requests, responses = page_frames(PAGE, ">"), page_frames(PAGE, "<")
    assert len(requests) == len(responses) == 10
    line = b"".join(request + response for request, response in
                    zip(requests, responses, strict=True))
    bodies = [body for _, body in accepted_requests(line)]
    assert bodies == [frame_bodies(request, PAYLOAD_BYTES)[0] for request in requests]
    assert bodies[4] == bytes.fromhex("0513050002100000 0000 7e7d 0102 0300")  # unstuffed


@pytest.mark.parametrize("length", [0, 4, 8, 11, 13, 12 + PAYLOAD_BYTES + 4])
def test_drops_a_body_of_impossible_length_with_the_right_crc(length):
    whole = frame_bytes(4, 7, 4, 0x40)
    if length >= 12:
        wrong = frame_bytes(4, 6, 4, 0x40, bytes(length - 12))
    else:
        wrong = b"\x7e" + bytes(length) + b"\x7e"
    assert [body[1] for _, body in accepted_requests(wrong + whole)] == [7]


def test_drops_a_request_that_an_escape_before_its_last_flag_aborts():
    whole = frame_bytes(4, 7, 4, 0x40)
    aborted = frame_bytes(4, 6, 4, 0x40)[:-1] + b"\x7d\x7e"
    assert [body[1] for _, body in accepted_requests(aborted + whole)] == [7]


def test_drops_a_request_without_room_and_keeps_its_slot():
    requests = accepted_requests(frame_bytes(2, 3, 4, 64) * 3, room=lambda cycle: cycle > 40)
    assert [slot for slot, _ in requests] == [0, 1]
