"""gearbox: instructions of every width of the memory port, against the bytes of a stream."""

from random import Random

import pytest
from myhdl import Signal, modbv
from rtl_bench import StreamSink, StreamSource, clock_and_reset, simulate

from myvta.rtl.fetch.gearbox import gearbox
from myvta.rtl.lib.bundles import PortError, Stream

CASES = [(width, base) for width in (64, 128, 256) for base in (0x1000, 0x1010)]


def beats_of(instructions, base, bus_width):
    """Beats that hold the stream when it begins at ``base``: whole, aligned ones."""
    size = bus_width // 8
    data = b"\xA5" * (base % size) + b"".join(one.to_bytes(16, "little") for one in instructions)
    data += b"\x5A" * (-len(data) % size)
    return [int.from_bytes(data[at:at + size], "little") for at in range(0, len(data), size)]


def run(words, bus_width, base, count, *, offer=1.0, take=1.0):
    """Send beats, {error, data}; returns cycles and words of both sides."""
    random = Random(bus_width)
    clock, reset = clock_and_reset()
    beats, instructions, insn_base = Stream(bus_width + 2), Stream(130), Signal(modbv(base)[32:])
    block = gearbox(clock, reset, insn_base, beats, instructions, bus_width=bus_width)
    source, sink = StreamSource(beats, random, offer), StreamSink(instructions, random, take)
    source.words.extend(words)
    held = None

    def on_edge(cycle):
        nonlocal held
        assert held is None or (instructions.valid and instructions.data == held), "it must hold"
        held = int(instructions.data) if instructions.valid and not instructions.ready else None
        source.edge(cycle)
        sink.edge(cycle)
        return len(sink.taken) >= count

    simulate([block], clock, reset, on_edge, limit=3000)
    return source.sent, sink.taken


@pytest.mark.parametrize("bus_width, base", CASES)
@pytest.mark.parametrize("offer, take", [(1, 1), (0.5, 0.9), (0.9, 0.4)])
def test_instructions_equal_the_stream(bus_width, base, offer, take):
    random = Random(7)
    stream = [random.getrandbits(128) for _ in range(81)]
    words = beats_of(stream, base, bus_width)
    _, taken = run(words, bus_width, base, 81, offer=offer, take=take)
    assert [value for _, value in taken[:81]] == stream


@pytest.mark.parametrize("bus_width, base", CASES)
def test_rate_and_latency_at_full_speed(bus_width, base):
    random = Random(8)
    words = beats_of([random.getrandbits(128) for _ in range(40)], base, bus_width)
    sent, taken = run(words, bus_width, base, 40)
    cycles = [cycle for cycle, _ in taken][:40]
    if bus_width == 64:
        assert cycles == [cycle + 1 for cycle, _ in sent[1::2]][:40]
        assert cycles == list(range(cycles[0], cycles[0] + 80, 2))
    else:
        # the first half of a beat of two leaves in the cycle in which the second is taken
        assert cycles[0] == sent[0][0] + (bus_width == 256 and base == 0x1010)
        assert cycles == list(range(cycles[0], cycles[0] + 40))


@pytest.mark.parametrize("error", [PortError.WINDOW, PortError.BUS])
@pytest.mark.parametrize("bus_width, beat, index", [
    (64, 10, 5), (64, 11, 5), (128, 5, 5), (256, 3, 6),
])
def test_beat_with_an_error_completes_an_instruction_at_once(bus_width, beat, index, error):
    random = Random(9)
    stream = [random.getrandbits(128) for _ in range(12)]
    words = beats_of(stream, 0x1000, bus_width)
    words[beat] |= error << bus_width
    sent, taken = run(words, bus_width, 0x1000, index + 1)
    assert [value for _, value in taken[:index]] == stream[:index]
    assert taken[index][1] >> 128 == error
    assert taken[index][0] == sent[beat][0] + (bus_width == 64)
