"""lite_master, burst_master, bridge: against slaves in Python and the Python device."""

from dataclasses import replace
from random import Random

import pytest
from fpga_bench import LiteRegisters, NarrowMemory
from rtl_bench import StreamSink, clock_and_reset, simulate

from myvta.driver.serve.responder import Responder
from myvta.driver.target.access_checks import window_offset
from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.fpga.bridge import bridge
from myvta.fpga.burst_master import BurstJob, burst_master
from myvta.fpga.link_bundles import PAYLOAD_BYTES, WINDOW, WordPort
from myvta.fpga.lite_master import lite_master
from myvta.isa.config import NAMED
from myvta.isa.link_protocol import LinkStatus, MessageKind
from myvta.rtl.lib.bundles import Axi4, AxiLite, Stream, bit, word
from myvta.rtl.lib.ram import ram

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 12


@pytest.mark.parametrize("go", [1.0, 0.3])
def test_lite_master_reads_and_writes_registers(go):
    random, (clock, reset) = Random(1), clock_and_reset()
    axi = AxiLite()
    start, write, failed, done = (bit() for _ in range(4))
    address, data, value = word(16), word(32), word(32)
    block = lite_master(clock, reset, start, write, address, data, value, failed, done, axi)
    slave, outcomes, values = LiteRegisters(axi, random, go=go, bad=0x8000), [], {}
    accesses = [
        (random.random() < 0.5, 4 * random.choice((1, 2, 3, 0x2000)), random.getrandbits(32))
        for _ in range(80)
    ]
    state = {"next": 0, "busy": False}

    def on_edge(cycle):
        slave.edge(cycle)
        start.next = False
        if done:
            outcomes.append((bool(failed), int(value)))
            state["busy"] = False
        if not state["busy"] and state["next"] < len(accesses):
            write.next, address.next, data.next = accesses[state["next"]]
            start.next, state["busy"] = True, True
            state["next"] += 1
        return len(outcomes) == len(accesses)

    simulate([block], clock, reset, on_edge, limit=5000)
    assert slave.written == [(at, value) for write, at, value in accesses if write]
    for (write, at, value), (failed, got) in zip(accesses, outcomes, strict=True):
        assert failed == (at >= 0x8000)
        if write:
            values[at] = value
        else:
            assert got == values.get(at, 0)


@pytest.mark.parametrize("bus, go", [(6, 1.0), (7, 0.5), (8, 0.2)])
def test_burst_master_reads_and_writes_memory(bus, go):
    random, (clock, reset) = Random(bus), clock_and_reset()
    config = CONFIG.replace(log_bus_width=bus)
    axi, job, failed, done = Axi4(config), BurstJob(), bit(), bit()
    source, sink = WordPort(6), WordPort(6)
    give, give_address, give_data = bit(), word(6), word(32)
    blocks = [
        burst_master(clock, reset, job, source, sink, failed, done, axi, config=config),
        ram(clock, give, give_address, give_data, source.enable, source.address, source.data,
            width=32, depth=64),
    ]
    slave = NarrowMemory(axi, config, random, size=SIZE, go=go)
    mirror, given, got = bytearray(slave.memory), [0] * 64, {}
    state = {"left": 25, "fill": 0, "job": None}

    def begin():
        words = random.choice((1, 2, 3, 16, 17, 64))
        at = 4 * random.randrange(SIZE // 4 - words + 1)
        if random.random() < 0.15:
            at = SIZE - 4 * random.randrange(words + 1)  # some of it past the end
        state["job"] = at, words, random.random() < 0.5
        job.start.next, job.address.next, job.words.next = True, at, words
        job.write.next = state["job"][2]
        job.first.next, job.last.next = state["first"], state["last"] = (
            random.choice((15, 14, 12, 8)), random.choice((15, 7, 3, 1)))
        if words == 1:
            job.first.next = state["first"] = 15

    def check():
        at, words, write = state["job"]
        assert bool(failed) == (at + 4 * words > SIZE), (at, words)
        for index in range(words):
            here = at + 4 * index
            if write and here < SIZE:
                mask = (state["first"] if index == 0 else 15)
                mask &= state["last"] if index == words - 1 else 15
                for lane in range(4):
                    if mask >> lane & 1:
                        mirror[here + lane] = given[index] >> 8 * lane & 0xFF
            elif here < SIZE:
                assert got[index] == int.from_bytes(mirror[here:here + 4], "little"), index
        assert slave.memory == mirror

    def on_edge(cycle):
        slave.edge(cycle)
        job.start.next, give.next = False, False
        if sink.enable:
            got[int(sink.address)] = int(sink.data)
        if done:
            check()
            state["left"] -= 1
            state["job"], state["fill"] = None, 0
        elif state["job"] is None:
            if state["fill"] < 64:
                give.next, give_address.next = True, state["fill"]
                given[state["fill"]] = random.getrandbits(32)
                give_data.next = given[state["fill"]]
                state["fill"] += 1
            else:
                begin()
        return not state["left"]

    simulate(blocks, clock, reset, on_edge, limit=60_000)
    assert all(at // 64 == (at + 4 * beats - 1) // 64 for _, at, beats in slave.bursts)


class Twin:
    """What the bridge stands in front of, for the Python device: same registers, same memory."""

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
        assert answer.data == wanted.data, request  # bytes round it are nobody's
        assert replace(answer, payload=wanted.payload) == wanted, request
        assert len(answer.payload) == len(wanted.payload), request
    assert memory.memory == twin.memory
    assert registers.values == twin.values
