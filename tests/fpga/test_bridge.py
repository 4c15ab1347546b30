"""bridge: bytes in and bytes out, against the Python device of the protocol."""

from dataclasses import replace
from random import Random

import pytest
from fpga_bench import LiteRegisters, NarrowMemory
from rtl_bench import StreamSink, clock_and_reset, simulate

from myvta.driver.serve.responder import Responder
from myvta.driver.target.access_checks import window_offset
from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.fpga.bridge import bridge
from myvta.fpga.link_bundles import PAYLOAD_BYTES, WINDOW
from myvta.isa.config import NAMED
from myvta.isa.link_protocol import LinkStatus, MessageKind
from myvta.rtl.lib.bundles import Axi4, AxiLite, Stream, bit, word

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 12


class Twin:
    """The registers and memory that the bridge accesses, for the Python device."""

    config, window, clock_hz = CONFIG, (0, SIZE), 24_000_000

    def __init__(self, memory):
        self.memory, self.values = bytearray(memory), {}

    def read_register(self, offset):
        if offset >= 0x8000:
            raise OSError
        return self.values.get(offset, 0)

    def write_register(self, offset, value):
        self.values[offset] = value
        if offset >= 0x8000:
            raise OSError

    def read_memory(self, address, size):
        window_offset(self.window, address, size)
        return bytes(self.memory[address:address + size])

    def write_memory(self, address, data):
        window_offset(self.window, address, len(data))
        self.memory[address:address + len(data)] = data


def traffic(random, count):
    """Random requests, mostly in order; copies, gaps and nonsense among them."""
    sequence, frames = random.randrange(256), []
    frames.append(Frame(MessageKind.READ_REGISTER, sequence, 64, 4))
    frames.append(Frame(MessageKind.IDENTIFY, sequence, 4 * random.getrandbits(29)))
    first = True
    while len(frames) < count:
        sequence = (sequence + 1) % 256
        kind = random.choice((2, 3, 4, 4, 5, 5, 5, 5, random.randrange(2, 16)))
        address = random.choice((random.randrange(SIZE), SIZE - 5, 1 << 31, 0xFFFF_FFFF))
        size = random.choice((1, 2, 3, 4, 5, 17, 253))
        if kind in (2, 3):
            address, size = random.choice((0x40, 0x44, 0x8004, 0x10000, 0x43)), 4
        words = (address % 4 + size + 3) // 4
        payload = random.randbytes(4 * words) if kind in (3, 5) and words <= 64 else b""
        if random.random() < 0.05:
            size = random.choice((0, size + 4, 65535))
        frames.append(Frame(kind, sequence, address, size, payload))
        if not first and random.random() < 0.15:
            frames.append(frames[-random.randrange(1, 3)])
        if random.random() < 0.05:
            frames.append(Frame(MessageKind.READ_MEMORY, (sequence + 30) % 256, 0, 4))
        first = False
    return frames


@pytest.mark.parametrize("seed, go", [(1, 1.0), (2, 0.4)])
def test_bridge_equals_the_python_device(seed, go):
    random, (clock, reset) = Random(seed), clock_and_reset()
    received, valid, sent = word(8), bit(), Stream(8)
    lite, axi = AxiLite(), Axi4(CONFIG)
    block = bridge(
        clock, reset, received, valid, sent, lite, axi, config=CONFIG, size=SIZE,
        clock_hz=Twin.clock_hz,
    )
    registers = LiteRegisters(lite, random, go=go, bad=0x8000)
    memory = NarrowMemory(axi, CONFIG, random, size=SIZE, go=go)
    twin = Twin(memory.memory)
    device, sink = Responder(twin, PAYLOAD_BYTES, WINDOW), StreamSink(sent, random)
    frames = traffic(random, 90)
    expected = [device.answer(frame) for frame in frames]
    assert {frame.status for frame in expected} >= set(LinkStatus) - {
        LinkStatus.BUSY, LinkStatus.DENIED}
    decoder, answers, line, state = FrameDecoder(256), [], [], {"next": 0}

    def on_edge(cycle):
        registers.edge(cycle)
        memory.edge(cycle)
        before = len(sink.taken)
        sink.edge(cycle)
        for _, byte in sink.taken[before:]:
            answers.extend(decoder.feed(bytes([byte])))
        valid.next = bool(line) and cycle % 2 == 0
        if line and cycle % 2 == 0:
            received.next = line.pop(0)
        under_way = state["next"] - len(answers)
        if not line and state["next"] < len(frames) and under_way < WINDOW:
            line.extend(encode(frames[state["next"]]))
            state["next"] += 1
        return len(answers) == len(frames)

    simulate([block], clock, reset, on_edge, limit=200_000)
    assert decoder.bad == 0
    for request, answer, wanted in zip(frames, answers, expected, strict=True):
        assert answer.data == wanted.data, request  # bytes around it are undefined
        assert replace(answer, payload=wanted.payload) == wanted, request
        assert len(answer.payload) == len(wanted.payload), request
    assert memory.memory == twin.memory
    assert registers.values == twin.values
