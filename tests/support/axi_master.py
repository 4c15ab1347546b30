"""An AXI4 master in Python: random bursts, each read compared with a mirror of the memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["AxiMaster", "Traffic"]

GROUP = 4  # bursts that may be in flight together
INCR = 1
OUTSIDE_SHARE = 0.1


@dataclass(frozen=True)
class Traffic:
    """The bursts of a master.

    Attributes
    ----------
    start, end : int
        Addresses used, from ``start`` up to but without ``end``.
    bursts : int
        How many.
    issue, ready : float
        Probability, per cycle, of a new burst when one is possible, and of RREADY and BREADY.
    outside : int or None
        Address from which a tenth of the bursts go past the memory.
    error : int
        The response to those: 2 SLVERR, 3 DECERR.
    """

    start: int
    end: int
    bursts: int
    issue: float = 1.0
    ready: float = 1.0
    outside: int | None = None
    error: int = 2


class AxiMaster:
    """INCR bursts of every beat size, aligned or not, up to four at once, either reads or writes.

    ``mirror`` holds the bytes of the memory as they must be; writes change it.

    Attributes
    ----------
    read_beats, write_responses : int
        Compared so far.
    """

    def __init__(self, axi: Any, random: Random, traffic: Traffic, mirror: bytearray):
        self.axi, self.random, self.traffic, self.mirror = axi, random, traffic, mirror
        self.bus = len(axi.wstrb)
        self.left = traffic.bursts
        self.expected_beats: deque[tuple[int, int, bool, bool]] = deque()
        self.data_beats: deque[tuple[int, int, bool]] = deque()
        self.expected_responses: deque[int] = deque()
        self._group, self._write_group = 0, False  # bursts to come, and their direction
        self.read_beats = self.write_responses = 0

    @property
    def done(self) -> bool:
        """Every burst has been answered."""
        return not (self.left or self.expected_beats or self.data_beats or self.expected_responses)

    def edge(self, cycle: int) -> None:
        """Look at the wires of the cycle that ends and drive those of the next one."""
        axi = self.axi
        if axi.rvalid and axi.rready:
            self._check_beat()
        if axi.bvalid and axi.bready:
            assert axi.bresp == self.expected_responses.popleft()
            self.write_responses += 1
        if axi.arready:
            axi.arvalid.next = False
        if axi.awready:
            axi.awvalid.next = False
        shown = (axi.arvalid and not axi.arready) or (axi.awvalid and not axi.awready)
        if self.left and not shown and self.random.random() < self.traffic.issue:
            self._issue()
        if axi.wready or not axi.wvalid:
            axi.wvalid.next = bool(self.data_beats)
            if self.data_beats:
                axi.wdata.next, axi.wstrb.next, axi.wlast.next = self.data_beats.popleft()
        axi.rready.next = self.random.random() < self.traffic.ready
        axi.bready.next = self.random.random() < self.traffic.ready

    def _check_beat(self) -> None:
        axi = self.axi
        address, size, last, outside = self.expected_beats.popleft()
        assert bool(axi.rlast) == last
        assert axi.rresp == (self.traffic.error if outside else 0)
        if not outside:
            end = (address & -size) + size
            value = int(axi.rdata) >> 8 * (address % self.bus)
            value &= (1 << 8 * (end - address)) - 1
            assert value == int.from_bytes(self.mirror[address:end], "little"), hex(address)
        self.read_beats += 1

    def _issue(self) -> None:
        random, traffic = self.random, self.traffic
        if not self._group:
            if self.expected_beats or self.expected_responses:
                return
            self._group, self._write_group = random.randrange(1, GROUP + 1), random.random() < 0.5
        self._group -= 1
        self.left -= 1
        size = 1 << random.randrange(self.bus.bit_length())
        beats = random.randrange(1, 17)
        outside = False
        address = random.randrange(traffic.start, traffic.end - 16 * size)
        if traffic.outside is not None and random.random() < OUTSIDE_SHARE:
            outside, address = True, traffic.outside + 64 * random.randrange(4)
        channel = "aw" if self._write_group else "ar"
        for name, value in (("valid", True), ("addr", address), ("len", beats - 1),
                            ("size", size.bit_length() - 1), ("burst", INCR)):
            getattr(self.axi, channel + name).next = value
        addresses = [address, *((address & -size) + k * size for k in range(1, beats))]
        if self._write_group:
            self._write(addresses, size, outside)
        else:
            self.expected_beats.extend(
                (at, size, at == addresses[-1], outside) for at in addresses
            )

    def _write(self, addresses: list[int], size: int, outside: bool) -> None:
        for address in addresses:
            first = address % self.bus
            lanes = (1 << (address & -size) % self.bus + size) - (1 << first)
            strobe, data = self.random.getrandbits(self.bus) & lanes, self.random.getrandbits(
                8 * self.bus)
            if not outside:
                for lane in range(first, self.bus):
                    if strobe >> lane & 1:
                        self.mirror[address - first + lane] = data >> 8 * lane & 0xFF
            self.data_beats.append((data, strobe, address == addresses[-1]))
        self.expected_responses.append(self.traffic.error if outside else 0)
