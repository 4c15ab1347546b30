"""crc32, deframer, enframer: against zlib and driver/transport/frame.py."""

import zlib
from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import StreamSink, clock_and_reset, simulate

from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.fpga.crc32 import CRC_START, crc32
from myvta.fpga.deframer import deframer
from myvta.fpga.enframer import enframer
from myvta.fpga.link_bundles import PAYLOAD_WORDS, Command, Reply, WordPort
from myvta.isa.link_protocol import LinkStatus
from myvta.rtl.lib.bundles import Stream, bit, word
from myvta.rtl.lib.ram import ram


def test_crc32_is_zlib_s():
    clock, reset = clock_and_reset()
    register, data, result = Signal(modbv(CRC_START)[32:]), word(8), word(32)
    block, text, seen = crc32(register, data, result), Random(1).randbytes(200), []

    def on_edge(cycle):
        if cycle % 2:
            register.next = result
            seen.append(int(result) ^ CRC_START)
        else:
            data.next = text[cycle // 2]
        return cycle == 399

    simulate([block], clock, reset, on_edge, limit=400)
    assert seen == [zlib.crc32(text[:k]) for k in range(1, 201)]


def random_frame(random, response=False):
    payload = bytes(
        random.choice((0x7D, 0x7E, 0, random.randrange(256)))
        for _ in range(4 * random.choice((0, 0, 1, 2, 7, 64)))
    )
    return Frame(
        random.randrange(16), random.randrange(256), random.getrandbits(32),
        random.randrange(1 << 16), payload, response, LinkStatus(0),
    )


@pytest.mark.parametrize("seed, damage", [(1, 0.0), (2, 0.002), (3, 0.01)])
def test_deframer_equals_the_decoder(seed, damage):
    """The Python decoder wants exact stuffing; a line with random flips does not break that rule
    in a way that keeps the CRC right."""
    random = Random(seed)
    line = bytearray()
    for _ in range(30):
        line += encode(random_frame(random, random.random() < 0.1))
        if random.random() < 0.1:
            line += encode(Frame(5, 1, 2, 3, bytes(260)))  # longer than a slot
        if random.random() < 0.1:
            line += b"\x7e" + random.randbytes(random.randrange(400)) + b"\x7e"
    line = bytearray(
        byte ^ (1 << random.randrange(8) if random.random() < damage else 0) for byte in line
        if random.random() >= damage
    )
    expected = [frame for frame in FrameDecoder(256).feed(bytes(line)) if not frame.response]
    assert len(expected) > 5
    clock, reset = clock_and_reset()
    data, valid, room, accepted = word(8), bit(), Signal(True), bit()
    command, slot, payload = Command(), word(3), WordPort(9)
    block = deframer(clock, reset, data, valid, room, command, accepted, slot, payload)
    slots, got, rest = [[0] * PAYLOAD_WORDS for _ in range(8)], [], list(line)

    def on_edge(cycle):
        if payload.enable:
            slots[int(payload.address) // 64][int(payload.address) % 64] = int(payload.data)
        if accepted:
            words = slots[int(slot)][:int(command.words)]
            got.append(Frame(
                int(command.kind), int(command.sequence), int(command.address),
                int(command.count), b"".join(value.to_bytes(4, "little") for value in words),
            ))
        valid.next = cycle % 2 == 0 and bool(rest)
        if cycle % 2 == 0 and rest:
            data.next = rest.pop(0)
        return not rest and cycle > 2 * len(line) + 8

    simulate([block], clock, reset, on_edge, limit=2 * len(line) + 50)
    assert got == expected


def test_deframer_drops_frames_without_room():
    clock, reset = clock_and_reset()
    data, valid, room, accepted = word(8), bit(), Signal(False), bit()
    command, slot, payload = Command(), word(3), WordPort(9)
    block = deframer(clock, reset, data, valid, room, command, accepted, slot, payload)
    line, taken = list(encode(Frame(2, 3, 64, 4)) * 3), []

    def on_edge(cycle):
        if accepted:
            taken.append((cycle, int(slot)))
        room.next = cycle > 40
        valid.next = cycle % 2 == 0 and bool(line)
        if cycle % 2 == 0 and line:
            data.next = line.pop(0)
        return not line and cycle > 100

    simulate([block], clock, reset, on_edge, limit=300)
    assert [slot for _, slot in taken] == [0, 1]


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_enframer_equals_the_encoder(rate):
    random = Random(7)
    clock, reset = clock_and_reset()
    reply, source, port = Reply(), Stream(8), WordPort(6)
    write, address, value = bit(), word(6), word(32)
    blocks = [
        enframer(clock, reset, reply, port, source),
        ram(clock, write, address, value, port.enable, port.address, port.data, width=32, depth=64),
    ]
    sink = StreamSink(source, random, rate)
    frames, state = [random_frame(random, True) for _ in range(25)], {"next": 0, "fill": 0}
    frames[0] = Frame(14, 0x7E, 0x7D7E7D7E, 0x7E7D, b"\x7e\x7d\x7e\x7d" * 64, True, LinkStatus(7))

    def on_edge(cycle):
        sink.edge(cycle)
        write.next = False
        if state["next"] == len(frames):
            return True
        frame = frames[state["next"]]
        if state["fill"] < len(frame.payload) // 4:
            at = state["fill"]
            write.next, address.next = True, at
            value.next = int.from_bytes(frame.payload[4 * at:4 * at + 4], "little")
            state["fill"] += 1
            return False
        if reply.valid and reply.ready:
            reply.valid.next = False
            state["next"], state["fill"] = state["next"] + 1, 0
            return False
        reply.valid.next = True
        reply.kind.next, reply.status.next = frame.kind, int(frame.status)
        reply.sequence.next, reply.count.next = frame.sequence, frame.count
        reply.address.next, reply.words.next = frame.address, len(frame.payload) // 4
        return False

    simulate(blocks, clock, reset, on_edge, limit=40_000)
    assert bytes(sink.words) == b"".join(encode(frame) for frame in frames)
