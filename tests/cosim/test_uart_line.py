"""uart_line: a far end at a loopback, its bits timed in clock cycles, and the calls around it."""

from pathlib import Path

import pytest

from myvta.cosim import uart_line
from myvta.cosim.cosim_errors import SimulatorError
from myvta.cosim.uart_line import UartLine

LOOPBACK = (Path(__file__).parents[1] / "data" / "uart_loopback.v").read_text(encoding="utf-8")
BREAK = 4000  # cycles after a reset, in the loopback
RESET_CYCLES = 4
CLOCK_HZ = 24_000_000


def open_line(cycles_per_bit):
    return UartLine(LOOPBACK, CLOCK_HZ, CLOCK_HZ / cycles_per_bit)


@pytest.mark.verilator
@pytest.mark.parametrize("cycles_per_bit", [4, 8, 8.3, 17.5])
def test_bytes_follow_each_other_in_ten_bits_each(cycles_per_bit):
    line, data = open_line(cycles_per_bit), bytes([0x00, 0xFF, 0x55, 0x7E, 1, 128] * 3)
    start = line.cycles
    line.send(data)
    assert (line.pending, line.cycles) == (len(data), start)
    arrivals = []
    while len(arrivals) < len(data):
        for byte in line.run(b"", 1):
            arrivals.append((line.cycles - start, byte))
    line.close()
    assert bytes(byte for _, byte in arrivals) == data
    for number, (cycle, _) in enumerate(arrivals):
        middle_of_stop_bit = (10 * number + 9.5) * cycles_per_bit
        assert middle_of_stop_bit <= cycle <= middle_of_stop_bit + 3, number
    assert line._handle is None


@pytest.mark.verilator
def test_a_line_without_stop_bits_counts_framing_errors_until_a_reset():
    line = open_line(8)
    assert line.cycles == RESET_CYCLES
    line.run(b"", BREAK)
    assert line.framing_errors == 0
    assert line.run(b"", 5 * 80) == b""
    assert line.framing_errors == 5
    line.reset()
    assert line.run(b"ok", 200) == b"ok"
    assert line.framing_errors == 5
    line.close()


@pytest.mark.verilator
def test_receive_waits_for_a_byte_and_no_longer_than_told():
    line = open_line(8)
    before = line.now()
    assert line.receive(10e-6) == b""  # 240 cycles
    assert 10e-6 <= line.now() - before <= 10e-6 + 16 / CLOCK_HZ
    line.send(b"a")
    assert line.receive(1.0) == b"a"
    assert line.now() - before < 20e-6
    line.close()


class Stopped:
    """A library whose design stops by itself."""

    def __init__(self, handle=1):
        self.handle, self.closed = handle, 0

    def line_open(self, bit):
        return self.handle

    def line_run(self, *arguments):
        return -1

    def line_cycles(self, handle):
        return 0

    def line_reset(self, handle):
        return -1

    def line_close(self, handle):
        self.closed += 1


def open_stopped(monkeypatch, library):
    monkeypatch.setattr(uart_line, "build_harness", lambda *_, **__: Path())
    monkeypatch.setattr(uart_line, "_load", lambda path: library)
    return UartLine("", CLOCK_HZ, 3_000_000)


def test_a_simulation_that_stops_is_an_error_and_closing_twice_is_harmless(monkeypatch):
    library = Stopped()
    line = open_stopped(monkeypatch, library)
    for call in (lambda: line.run(b"a", 1), line.reset, lambda: line.receive(1.0)):
        with pytest.raises(SimulatorError, match="the simulation of uart_top stopped by itself"):
            call()
    line.close()
    line.close()
    assert library.closed == 1


def test_a_simulation_that_does_not_start_is_an_error(monkeypatch):
    with pytest.raises(SimulatorError, match="the simulation does not start"):
        open_stopped(monkeypatch, Stopped(handle=None))
