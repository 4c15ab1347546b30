"""AXI4 slave memory on MyHDL signals, with the checker of bus rules.

It behaves, cycle for cycle, as ``memory.h`` does under Verilator: :meth:`AxiMemory.sample` samples
the wires at a rising edge, :meth:`AxiMemory.drive` sets the inputs for the next one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from myhdl import SignalType

from .cosim_errors import BusViolation
from .options import SimulationOptions
from .rules import Counter, Rule

__all__ = ["AxiMemory", "Checker", "Random"]

OUTSTANDING = 128  # bursts in each direction
EARLY = 16  # W beats accepted before their AW
_MASK = 0xFFFF_FFFF
_AR, _R, _AW, _W, _B = range(5)


class Random:
    """xorshift32, one for each channel: the same numbers as class Random of ``memory.h``."""

    def __init__(self, seed: int, channel: int):
        self._state = (seed * 0x9E3779B1 + (channel + 1) * 0x85EBCA6B) & _MASK or 1
        for _ in range(8):
            self._next()

    def below(self, limit: int) -> int:
        """Return a number in ``range(limit)``."""
        return (self._next() * limit) >> 32

    def _next(self) -> int:
        state = self._state
        state ^= (state << 13) & _MASK
        state ^= state >> 17
        state ^= (state << 5) & _MASK
        self._state = state
        return state


class Checker:
    """Keeps the first violation, to be raised outside the simulation."""

    def __init__(self) -> None:
        self.violation: BusViolation | None = None

    def report(self, cycle: int, rule: Rule, text: str) -> None:
        """Note a violation unless there was one before."""
        if self.violation is None:
            self.violation = BusViolation(rule, cycle, text)


@dataclass
class _Burst:
    address: int
    beats: int
    bytes: int
    ready: int
    outside: bool = False
    data: list[tuple[int, int]] = field(default_factory=list)  # writes: value and strobe of a beat

    def at(self, beat: int) -> int:
        """Byte address of a beat: only the first may be unaligned (AXI A3.4.1)."""
        return self.address if beat == 0 else (self.address & -self.bytes) + beat * self.bytes


class AxiMemory:
    """The memory of one simulation.

    Parameters
    ----------
    signals
        MyHDL signals by port name.
    memory
        Bytes of the window, uint8.
    base
        Address of the first byte.
    bus_bytes
        Bytes of a beat.
    counters
        Counted here, indexed by :class:`~myvta.cosim.rules.Counter`.
    """

    def __init__(
        self, signals: dict[str, SignalType], memory: np.ndarray, base: int, bus_bytes: int,
        options: SimulationOptions, counters: list[int], checker: Checker,
    ):
        self._wire = {name[6:]: signal for name, signal in signals.items()
                      if name.startswith("m_axi_")}
        self._memory, self._base, self._bus = memory, base, bus_bytes
        self._options, self._counters, self._checker = options, counters, checker
        self._random = [Random(options.seed, channel) for channel in range(5)]
        self.reset()

    def reset(self) -> None:
        """Forget everything in flight, as a reset of the whole bus does."""
        self._reads: deque[_Burst] = deque()
        self._unfilled: deque[_Burst] = deque()
        self._unanswered: deque[_Burst] = deque()
        self._early: deque[tuple[int, int, bool]] = deque()
        self._beat = self._read_credit = self._write_credit = 0
        self._held: dict[str, tuple[int, ...] | None] = {"AR": None, "AW": None, "W": None}
        for name in ("arready", "awready", "wready", "rvalid", "bvalid"):
            self._wire[name].next = 0
        self._rvalid = self._bvalid = False

    @property
    def outstanding(self) -> tuple[int, int]:
        """Read and write bursts in flight; W beats without a burst count as one more."""
        writes = len(self._unfilled) + len(self._unanswered)
        return len(self._reads), writes + bool(self._early)

    def check_reset(self, cycle: int) -> None:
        """Check the outputs during reset."""
        if any(self._wire[name].val for name in ("arvalid", "awvalid", "wvalid")):
            self._checker.report(cycle, Rule.RESET_VALID, "a VALID of m_axi is high during reset")

    def sample(self, cycle: int) -> None:
        """Sample every wire at the rising edge ``cycle``."""
        wire, count = self._wire, self._counters
        self._check_held(cycle)
        if wire["arvalid"].val and wire["arready"].val:
            self._reads.append(self._burst(cycle, "AR"))
            count[Counter.READ_BURSTS] += 1
        if wire["rvalid"].val and wire["rready"].val:
            burst = self._reads[0]
            count[Counter.READ_BEATS] += 1
            count[Counter.READ_BYTES] += burst.bytes
            self._rvalid = False
            self._beat += 1
            if self._beat == burst.beats:
                self._beat = 0
                self._reads.popleft()
        if wire["bvalid"].val and wire["bready"].val:
            self._bvalid = False
            self._unanswered.popleft()
        if wire["awvalid"].val and wire["awready"].val:
            self._unfilled.append(self._burst(cycle, "AW"))
            count[Counter.WRITE_BURSTS] += 1
            while self._early and self._unfilled:
                self._fill(cycle, *self._early.popleft())
        if wire["wvalid"].val and wire["wready"].val:
            self._accept_data(cycle)

    def drive(self, following: int) -> None:
        """Set the inputs for the edge ``following``."""
        wire = self._wire
        self._read_credit = self._earn(self._read_credit)
        self._write_credit = self._earn(self._write_credit)
        stalls = [self._stalled(channel) for channel in range(5)]
        reads, writes = len(self._reads), len(self._unfilled) + len(self._unanswered)
        met = {name: not self._options.shy or held is not None for name, held in self._held.items()}
        wire["arready"].next = met["AR"] and not stalls[_AR] and reads < OUTSTANDING
        wire["awready"].next = met["AW"] and not stalls[_AW] and writes < OUTSTANDING
        wire["wready"].next = (
            met["W"] and not stalls[_W] and self._write_credit >= 100
            and (bool(self._unfilled) or len(self._early) < EARLY)
        )
        if (not self._rvalid and not stalls[_R] and self._read_credit >= 100
                and self._reads and self._reads[0].ready <= following):
            self._present(self._reads[0])
        if (not self._bvalid and not stalls[_B] and self._unanswered
                and self._unanswered[0].ready <= following):
            self._answer(self._unanswered[0])
        wire["rvalid"].next = self._rvalid
        wire["bvalid"].next = self._bvalid

    # -- inside ------------------------------------------------------------------------------------
    def _stalled(self, channel: int) -> bool:
        stall = self._options.stall
        return stall != 0 and self._random[channel].below(100) < stall

    def _earn(self, credit: int) -> int:
        """Bandwidth: every cycle adds its percentage to the credit, a beat costs 100."""
        if self._options.bandwidth >= 100:
            return 100
        return min(credit + self._options.bandwidth, 199)

    def _check_held(self, cycle: int) -> None:
        wire = self._wire
        for name, fields in (
            ("AR", ("araddr", "arlen", "arsize", "arburst")),
            ("AW", ("awaddr", "awlen", "awsize", "awburst")),
            ("W", ("wdata", "wstrb", "wlast")),
        ):
            valid, low = wire[f"{name.lower()}valid"].val, name.lower()
            held = self._held[name]
            if not valid and held is None:
                continue
            shown = tuple(int(wire[field_].val) for field_ in fields)
            if held is not None and not valid:
                self._checker.report(cycle, Rule.VALID_STABLE,
                                     f"{name}VALID fell before {name}READY")
            elif held is not None and shown != held:
                self._checker.report(cycle, Rule.PAYLOAD_STABLE,
                                     f"{name} changed while {name}VALID waited")
            waits = valid and not wire[f"{low}ready"].val
            self._held[name] = shown if waits else None

    def _burst(self, cycle: int, name: str) -> _Burst:
        prefix = name.lower()
        address, length, size, kind = (
            int(self._wire[prefix + part].val) for part in ("addr", "len", "size", "burst")
        )
        burst = _Burst(address, length + 1, 1 << size, cycle + self._options.latency)
        if burst.bytes > self._bus:
            self._checker.report(cycle, Rule.SIZE,
                                 f"{name} of {burst.bytes} bytes per beat on a bus of {self._bus}")
            burst.bytes = self._bus
        if burst.beats > 16:
            self._checker.report(cycle, Rule.LENGTH,
                                 f"{name} at {address:#010x} has {burst.beats} beats")
        if kind != 1:
            self._checker.report(cycle, Rule.BURST_TYPE,
                                 f"{name} at {address:#010x} has burst type {kind}, not INCR")
        last = burst.at(length) | (burst.bytes - 1)
        if last >> 12 != address >> 12:
            self._checker.report(
                cycle, Rule.BOUNDARY_4K,
                f"{name} of {burst.beats} beats of {burst.bytes} bytes at {address:#010x} "
                "crosses a 4 KiB boundary",
            )
        burst.outside = address < self._base or last >= self._base + self._memory.size
        if burst.outside:
            self._counters[Counter.OUTSIDE] += 1
        return burst

    def _accept_data(self, cycle: int) -> None:
        wire, count = self._wire, self._counters
        strobe = int(wire["wstrb"].val)
        count[Counter.WRITE_BEATS] += 1
        count[Counter.WRITE_BYTES] += strobe.bit_count()
        self._write_credit -= 100
        data = (int(wire["wdata"].val), strobe, bool(wire["wlast"].val))
        if self._unfilled:
            self._fill(cycle, *data)
        else:
            self._early.append(data)

    def _fill(self, cycle: int, value: int, strobe: int, is_last: bool) -> None:
        """Add one beat to the oldest write burst that still lacks data."""
        burst = self._unfilled[0]
        address = burst.at(len(burst.data))
        first, end = address % self._bus, (address % self._bus & -burst.bytes) + burst.bytes
        lanes = (1 << end) - (1 << first)
        if strobe & ~lanes:
            self._checker.report(
                cycle, Rule.STROBE,
                f"WSTRB {strobe:#x} outside the byte lanes {lanes:#x} of {address:#x}",
            )
        burst.data.append((value, strobe))
        last = len(burst.data) == burst.beats
        if is_last != last:
            self._checker.report(
                cycle, Rule.LAST,
                f"WLAST is {is_last:d} in beat {len(burst.data)} of {burst.beats} of the burst "
                f"at {burst.address:#x}",
            )
        if last:
            burst.ready = cycle + self._options.latency
            self._unanswered.append(self._unfilled.popleft())

    def _present(self, burst: _Burst) -> None:
        wire, value = self._wire, 0
        if not burst.outside:
            start = (burst.at(self._beat) & -self._bus) - self._base
            value = int.from_bytes(self._memory[start:start + self._bus].tobytes(), "little")
        wire["rdata"].next = value
        wire["rresp"].next = 3 if burst.outside else 0
        wire["rlast"].next = self._beat + 1 == burst.beats
        self._rvalid = True
        self._read_credit -= 100

    def _answer(self, burst: _Burst) -> None:
        """A write becomes visible with its response, never earlier."""
        for beat, (value, strobe) in enumerate(burst.data):
            if burst.outside:
                break
            start = (burst.at(beat) & -self._bus) - self._base
            for lane, byte in enumerate(value.to_bytes(self._bus, "little")):
                if strobe >> lane & 1:
                    self._memory[start + lane] = byte
        self._wire["bresp"].next = 3 if burst.outside else 0
        self._bvalid = True
