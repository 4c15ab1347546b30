"""uart_receiver, uart_transmitter: against a line written and read by hand."""

from random import Random

import pytest
from myhdl import Signal
from rtl_bench import StreamSource, clock_and_reset, simulate

from myvta.fpga.uart import uart_receiver, uart_transmitter
from myvta.rtl.lib.bundles import Stream, bit, word


class FarEnd:
    """Sends ``levels`` at ``period`` cycles a bit, which may be a fraction; records the other."""

    def __init__(self, line, levels, period):
        self.line, self.levels, self.period = line, levels, period

    def edge(self, cycle):
        index = int(cycle / self.period)
        self.line.next = bool(self.levels[index]) if index < len(self.levels) else True


def framed(data, gap=0):
    """Levels of 8N1 bytes, ``gap`` stop bits more between them."""
    return [1, 1] + [
        level for byte in data
        for level in (0, *(byte >> k & 1 for k in range(8)), 1, *[1] * gap)
    ]


def receive(levels, period, clock_hz, rate, glitch=0.0):
    clock, reset = clock_and_reset()
    line, data, valid = Signal(True), word(8), bit()
    block = uart_receiver(clock, reset, line, data, valid, clock_hz=clock_hz, rate=rate)
    far, got, random = FarEnd(line, levels, period), [], Random(3)

    def on_edge(cycle):
        far.edge(cycle)
        if random.random() < glitch:
            line.next = not line.next
        if valid:
            got.append(int(data))
        return cycle > (len(levels) + 4) * period

    simulate([block], clock, reset, on_edge, limit=int((len(levels) + 9) * period) + 9)
    return bytes(got)


@pytest.mark.parametrize("clock_hz, rate", [(24, 3), (100, 3), (50, 3), (1000, 115)])
@pytest.mark.parametrize("skew", [0.97, 1.0, 1.03])
def test_bytes_arrive_at_any_clock_and_a_rate_a_little_off(clock_hz, rate, skew):
    data = bytes([0, 255, 0x55, 0xAA, 0x7E, 1, 128]) + Random(1).randbytes(20)
    assert receive(framed(data), clock_hz / rate * skew, clock_hz, rate) == data


def test_a_short_pulse_is_no_start_bit_and_single_looks_are_outvoted():
    levels = [1, 1] * 40
    assert receive(levels, 16, 48, 3, glitch=0.01) == b""
    data = Random(2).randbytes(60)
    got = receive(framed(data, 1), 48, 144, 3, glitch=0.004)
    assert got == data


def test_a_byte_without_stop_bit_is_dropped_and_the_line_must_rise():
    levels = [1, 1, 0, *[1] * 8, 0, 0, 0, 0, 1, 1, *framed(b"ok")]
    assert receive(levels, 8, 24, 3) == b"ok"
    assert receive([1, *[0] * 60, *framed(b"on")], 8, 24, 3) == b"on"


@pytest.mark.parametrize("clock_hz, rate", [(24, 3), (100, 3), (3, 3)])
def test_bytes_leave_without_a_gap_in_ten_bits_each(clock_hz, rate):
    clock, reset = clock_and_reset()
    sink, line = Stream(8), Signal(True)
    block = uart_transmitter(clock, reset, sink, line, clock_hz=clock_hz, rate=rate)
    data = Random(4).randbytes(30)
    source, levels = StreamSource(sink, Random(1)), []
    source.words.extend(data)
    period = clock_hz / rate

    def on_edge(cycle):
        source.edge(cycle)
        levels.append(int(line))
        return cycle > 304 * period + 20

    simulate([block], clock, reset, on_edge, limit=int(400 * period) + 50)
    start = levels.index(0)
    bits = [levels[start + int((k + 0.5) * period)] for k in range(302)]
    assert bits == [*framed(data)[2:], 1, 1]
