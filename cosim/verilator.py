"""``verilator://``: the converted core compiled to machine code, with its memory.

No Python runs in the simulated cycles: :mod:`.build` compiles the verilated core, the AXI memory,
the register master and the bus checker into one shared library, which accesses a numpy array.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_uint8, c_uint32, c_uint64, c_void_p
from functools import cache
from pathlib import Path

from ..driver.errors import TargetTimeout
from ..driver.target.schemes import DEFAULT_WINDOW, OpenRequest, TargetScheme
from ..isa.config import Config
from .build import TRACE_FORMATS, build_harness
from .cosim_errors import BuildError, BusViolation, SimulatorError
from .design import read_design
from .options import SimulationOptions, parse_options, with_bus
from .rules import Counter, Rule
from .simulated_target import SimulatedTarget

__all__ = ["SCHEME", "VerilatorTarget", "open_verilator"]

MAX_CYCLES = 1_000_000_000
WAVE_CYCLES = 10_000
_OK, _MORE, _VIOLATION, _SILENT, _FATAL, _REFUSED = range(6)
_MESSAGE_BYTES = 1024
_NEVER = (1 << 64) - 1


class _Options(ctypes.Structure):
    """struct Options of memory.h."""

    _fields_ = [
        ("base", c_uint64), ("size", c_uint64), ("latency", c_uint32), ("bandwidth", c_uint32),
        ("stall", c_uint32), ("shy", c_uint32), ("seed", c_uint32),
    ]


_FUNCTIONS = {
    "bus_bytes": (c_uint32, []),
    "open": (c_void_p, [c_void_p, POINTER(_Options), c_char_p, c_uint64, c_uint64, c_char_p,
                        c_char_p, c_uint32]),
    "close": (None, [c_void_p]),
    "reset": (c_int, [c_void_p]),
    "access": (c_int, [c_void_p, c_int, c_uint32, POINTER(c_uint32)]),
    "poll": (c_int, [c_void_p, c_uint32, c_uint32, c_uint64, POINTER(c_uint32)]),
    "run": (c_int, [c_void_p, c_uint64, c_int]),
    "fail": (None, [c_void_p, c_int, c_uint64, c_uint32, c_uint32]),
    "silence": (None, [c_void_p, c_uint32, c_uint64, c_uint64]),
    "failed_address": (c_uint64, [c_void_p]),
    "guard": (None, [c_void_p, c_uint64, c_uint64]),
    "counters": (POINTER(c_uint64), [c_void_p]),
    "violation_rule": (c_int, [c_void_p]),
    "violation_cycle": (c_uint64, [c_void_p]),
    "violation_text": (c_char_p, [c_void_p]),
    "message": (c_char_p, [c_void_p]),
    "reads_outstanding": (c_uint32, [c_void_p]),
    "writes_outstanding": (c_uint32, [c_void_p]),
}


@cache
def _load(path: Path) -> ctypes.CDLL:
    library = ctypes.CDLL(str(path))
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, f"myvta_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class VerilatorTarget(SimulatedTarget):
    """A verilated core; see :class:`~myvta.cosim.simulated_target.SimulatedTarget`.

    Parameters
    ----------
    library
        The library that :func:`~myvta.cosim.build.build_harness` built.

    Raises
    ------
    BuildError
        The design's memory port is not as wide as the configuration says.
    """

    chunk = 200_000

    def __init__(
        self, library: Path, config: Config, window: tuple[int, int], options: SimulationOptions
    ):
        super().__init__(config, window, options)
        self._handle = None
        self._library = _load(library)
        width = 8 * self._library.myvta_bus_bytes()
        if width != config.bus_width:
            raise BuildError(
                f"the design's port m_axi_rdata has {width} bits, the configuration says "
                f"{config.bus_width}; bus=64, 128 or 256 sets the width of the memory port"
            )
        wave = options.wave
        problem = ctypes.create_string_buffer(_MESSAGE_BYTES)
        self._handle = self._library.myvta_open(
            self.memory.ctypes.data_as(POINTER(c_uint8)),
            byref(_Options(*window, options.latency, options.bandwidth, options.stall,
                           options.shy, options.seed)),
            str(wave.file).encode() if wave else b"", wave.first if wave else 0,
            wave.count if wave else 0, str(options.events or "").encode(), problem,
            _MESSAGE_BYTES,
        )
        if not self._handle:
            raise SimulatorError(f"the simulation does not start: {problem.value.decode()}")
        try:
            self.open_window()
        except BaseException:
            self.close()
            raise

    def _check(self, outcome: int, action: str) -> None:
        if outcome in (_OK, _MORE):
            return
        library, handle = self._library, self._handle
        if outcome == _VIOLATION:
            raise BusViolation(
                Rule(library.myvta_violation_rule(handle)),
                library.myvta_violation_cycle(handle),
                library.myvta_violation_text(handle).decode(),
            )
        message = library.myvta_message(handle).decode()
        if outcome == _SILENT:
            raise TargetTimeout(f"{action}: the device does not answer, waited for {message}")
        if outcome == _REFUSED:
            raise SimulatorError(f"{action} was answered with {message}")
        raise SimulatorError(f"{action}: the simulation stopped: {message}")

    def _read(self, offset: int) -> int:
        value = c_uint32(0)
        self._check(self._library.myvta_access(self._handle, 0, offset, byref(value)),
                    f"reading register {offset:#x}")
        return value.value

    def _write(self, offset: int, value: int) -> None:
        self._check(self._library.myvta_access(self._handle, 1, offset, byref(c_uint32(value))),
                    f"writing register {offset:#x}")

    def _poll(self, offset: int, mask: int, cycles: int) -> int:
        value = c_uint32(0)
        self._check(self._library.myvta_poll(self._handle, offset, mask, cycles, byref(value)),
                    f"polling register {offset:#x}")
        return value.value

    def _run(self, cycles: int, until_interrupt: bool) -> bool:
        outcome = self._library.myvta_run(self._handle, cycles, until_interrupt)
        self._check(outcome, "running")
        return until_interrupt and outcome == _OK

    def _reset(self) -> None:
        self._check(self._library.myvta_reset(self._handle), "resetting")

    def _outstanding(self) -> tuple[int, int]:
        return (self._library.myvta_reads_outstanding(self._handle),
                self._library.myvta_writes_outstanding(self._handle))

    def _release(self) -> None:
        if self._handle:
            self._library.myvta_close(self._handle)
            self._handle = None

    def fail_read(self, burst: int = 0, beat: int = 0, response: int = 2) -> None:
        """Answer one beat of a future read with an error.

        Parameters
        ----------
        burst
            0 is the next burst that the memory accepts.
        beat
            Index in the burst; past its end means the last beat.
        response
            2 SLVERR, 3 DECERR.
        """
        self._check_open()
        self._library.myvta_fail(self._handle, False, burst, beat, response)

    def fail_write(self, burst: int = 0, response: int = 2) -> None:
        """Answer a future write burst, counted as in :meth:`fail_read`, with an error; drop it."""
        self._check_open()
        self._library.myvta_fail(self._handle, True, burst, 0, response)

    @property
    def failed_address(self) -> int:
        """Address of the last burst with an injected failure."""
        self._check_open()
        return int(self._library.myvta_failed_address(self._handle))

    def silence(self, channel: str, start: int = 0, cycles: int | None = None) -> None:
        """Silence the memory on a channel: no READY, or no new VALID.

        Parameters
        ----------
        channel
            One of ``ar r aw w b``.
        start, cycles
            Clock cycles from now; without ``cycles`` until :meth:`reset` or another call.
        """
        self._check_open()
        number = ("ar", "r", "aw", "w", "b").index(channel)
        length = _NEVER if cycles is None else cycles
        self._library.myvta_silence(self._handle, number, start, length)

    def guard(self, base: int, size: int) -> None:
        """From now on a burst outside these bytes is a BusViolation, regardless of the window."""
        self._check_open()
        self._library.myvta_guard(self._handle, base, base + size - 1)

    def counters(self) -> dict[Counter, int]:
        """Return the memory's counters since the target was opened."""
        self._check_open()
        values = self._library.myvta_counters(self._handle)
        return {counter: values[counter] for counter in Counter}


def open_verilator(request: OpenRequest) -> VerilatorTarget:
    """Open ``verilator://``; options as :class:`~myvta.cosim.options.SimulationOptions`.

    Waves go to a ``.fst`` or ``.vcd`` file; rising edge n is at n * 10 + 5 ns.

    Raises
    ------
    ValueError
        An option that is unknown or out of range.
    MissingTool, BuildError, TargetError
        The simulator cannot be built; see :func:`~myvta.cosim.build.build_harness`.
    """
    parsed, bus = parse_options(
        request.options, scheme="verilator", suffixes=tuple(filter(None, TRACE_FORMATS)),
        max_cycles=MAX_CYCLES, wave_cycles=WAVE_CYCLES,
    )
    config = with_bus(request.config, bus)
    suffix = parsed.wave.file.suffix if parsed.wave else ""
    design = read_design(request.location, config, events=parsed.events is not None)
    library = build_harness(design, suffix)
    return VerilatorTarget(library, config, request.window or DEFAULT_WINDOW, parsed)


SCHEME = TargetScheme(open_verilator)
"""The scheme ``verilator://``."""
