"""Waves: only the requested window, and the memory's timing in them."""

import signal
import struct

import pytest
from copy_core import BASE, copy, open_copy_core, pattern
from vcdvcd import VCDVCD

# importing it has SIGPIPE end the process, and with it whatever test writes to a closed socket next
signal.signal(signal.SIGPIPE, signal.SIG_IGN)

BOTH = [pytest.param("icarus", marks=pytest.mark.icarus),
        pytest.param("verilator", marks=pytest.mark.verilator)]


class Edges:
    """The value of a port just before each rising edge: edge n is at n * 10 + 5 ns."""

    def __init__(self, file):
        self._vcd = VCDVCD(str(file))
        self._scale = round(1e-9 / float(self._vcd.timescale["timescale"]))
        times = [time for data in self._vcd.data.values() for time, _ in data.tv]
        self.first, self.last = (end / self._scale / 10 for end in (min(times), max(times)))

    def port(self, name):
        (found,) = {key for key in self._vcd.signals
                    if key.split("[")[0].endswith((f"dut.{name}", f"myvta_core.{name}"))
                    and key.count(".") == 2}
        return self._vcd[found]

    def fires(self, channel, start, end):
        """Return the edges at which VALID and READY of a channel are high."""
        valid, ready = self.port(f"{channel}valid"), self.port(f"{channel}ready")
        times = [(edge, (edge * 10 + 5) * self._scale - 1) for edge in range(start, end)]
        return [edge for edge, time in times if valid[time] == ready[time] == "1"]


@pytest.mark.parametrize("scheme", BOTH)
@pytest.mark.parametrize("latency", [1, 2, 17])
def test_memory_latency_is_that_of_the_option(scheme, latency, tmp_path):
    file = tmp_path / "copy.vcd"
    with open_copy_core(scheme, tmp_path, latency=latency, wave=file, wave_cycles=400) as target:
        target.write_memory(BASE + 0x1000, pattern(24))
        copy(target, 24)  # 48 beats in three bursts
        end = target.counters()[0]
    edges = Edges(file)
    asked, read = (edges.fires(f"m_axi_{name}", 1, end) for name in ("ar", "r"))
    sent, wrote, answered = (edges.fires(f"m_axi_{name}", 1, end) for name in ("aw", "w", "b"))
    assert (len(asked), len(read), len(sent), len(wrote), len(answered)) == (3, 48, 3, 48, 3)
    assert read[0] == asked[0] + latency
    assert read == list(range(read[0], read[0] + 48))  # later bursts hide their latency
    assert [b - last for b, last in zip(answered, wrote[15::16], strict=True)] == [latency] * 3


@pytest.mark.parametrize("scheme", BOTH)
def test_only_the_window_is_recorded(scheme, tmp_path):
    file = tmp_path / "window.vcd"
    with open_copy_core(scheme, tmp_path, wave=file, wave_from=60, wave_cycles=25) as target:
        copy(target, 40)
    edges = Edges(file)
    assert 60 <= edges.first <= 60.5
    assert 84 <= edges.last <= 85.5


@pytest.mark.parametrize("scheme", BOTH)
def test_no_waves_unless_asked_for(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        copy(target, 4)
    assert [file.name for file in tmp_path.iterdir()] == ["copy_core_64.v"]


@pytest.mark.slow
@pytest.mark.verilator
def test_fst_holds_the_window(tmp_path):
    file = tmp_path / "window.fst"
    with open_copy_core("verilator", tmp_path, wave=file, wave_from=20, wave_cycles=100) as target:
        plain = copy(target, 40)
    kind, length, start, end = struct.unpack(">BQQQ", file.read_bytes()[:25])
    assert (kind, length) == (0, 329)  # the header block of the FST format
    assert (start, end) == (205, 1200)  # ns
    with open_copy_core("verilator", tmp_path) as target:
        assert copy(target, 40) == plain


@pytest.mark.verilator
def test_an_unwritable_wave_file_is_an_error(tmp_path):
    folder = tmp_path / "taken.vcd"
    folder.mkdir()
    with pytest.raises(OSError, match=r"cannot write wave file .*taken\.vcd"):
        open_copy_core("verilator", tmp_path, wave=folder)
