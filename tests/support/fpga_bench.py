"""Partners for the blocks of fpga/: AXI4 memory with narrow bursts, AXI4-Lite registers."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

from myvta.isa.config import Config


class NarrowMemory:
    """A byte array behind AXI4: any beat size, INCR, random pauses, SLVERR past its end."""

    def __init__(self, axi: Any, config: Config, random: Random, *, size: int, go: float = 1.0):
        self.axi, self.bus, self.random, self.go = axi, config.bus_bytes, random, go
        self.memory = bytearray(random.randbytes(size))
        self.reads: deque[tuple[int, int, bool]] = deque()
        self.writes: deque[tuple[int, int, int]] = deque()
        self.answers: deque[int] = deque()
        self.bursts: list[tuple[str, int, int]] = []
        self.left = self.response = 0
        self.at = 0

    def _chance(self) -> bool:
        return self.random.random() < self.go

    def edge(self, cycle: int) -> None:
        axi = self.axi
        if axi.arvalid and axi.arready:
            at = self._burst("r", axi.araddr, axi.arlen, axi.arsize, axi.arburst)
            for beat in range(int(axi.arlen) + 1):
                self.reads.append((at, 1 << int(axi.arsize), beat == axi.arlen))
                at = (at & -(1 << int(axi.arsize))) + (1 << int(axi.arsize))
        if axi.awvalid and axi.awready:
            at = self._burst("w", axi.awaddr, axi.awlen, axi.awsize, axi.awburst)
            self.writes.append((at, 1 << int(axi.awsize), int(axi.awlen) + 1))
        if axi.wvalid and axi.wready:
            self._take_beat()
        if axi.rvalid and axi.rready:
            axi.rvalid.next = False
        if axi.bvalid and axi.bready:
            axi.bvalid.next = False
        if (axi.rready or not axi.rvalid) and self.reads and self._chance():
            at, size, last = self.reads.popleft()
            start = at // self.bus * self.bus
            data = bytearray(self.random.randbytes(self.bus))
            inside = at + size <= len(self.memory)
            if inside:
                data[at - start:at - start + size] = self.memory[at:at + size]
            axi.rvalid.next, axi.rlast.next = True, last
            axi.rdata.next = int.from_bytes(data, "little")
            axi.rresp.next = 0 if inside else 2
        if (axi.bready or not axi.bvalid) and self.answers and self._chance():
            axi.bvalid.next, axi.bresp.next = True, self.answers.popleft()
        axi.arready.next, axi.awready.next = self._chance(), self._chance()
        axi.wready.next = self._chance() and bool(self.writes)

    def _burst(self, name: str, address: Any, length: Any, size: Any, burst: Any) -> int:
        at, step = int(address), 1 << int(size)
        last = (at & -step) + (int(length) + 1) * step - 1
        assert burst == 1 and at >> 12 == last >> 12 and length < 16
        self.bursts.append((name, at, int(length) + 1))
        return at

    def _take_beat(self) -> None:
        axi = self.axi
        assert self.writes, "W before its AW"
        at, size, left = self.writes[0]
        start = at // self.bus * self.bus
        for lane in range(self.bus):
            if int(axi.wstrb) >> lane & 1:
                assert at <= start + lane < (at & -size) + size, "strobe outside the beat"
                if start + lane < len(self.memory):
                    self.memory[start + lane] = int(axi.wdata) >> 8 * lane & 0xFF
                else:
                    self.response = 2
        assert bool(axi.wlast) == (left == 1)
        self.writes[0] = ((at & -size) + size, size, left - 1)
        if left == 1:
            self.writes.popleft()
            self.answers.append(self.response)
            self.response = 0


class LiteRegisters:
    """Registers behind AXI4-Lite, plain words; SLVERR from ``bad`` on; address and data apart."""

    def __init__(self, axi: Any, random: Random, *, go: float = 1.0, bad: int = 1 << 16):
        self.axi, self.random, self.go, self.bad = axi, random, go, bad
        self.values: dict[int, int] = {}
        self.written: list[tuple[int, int]] = []
        self.address: int | None = None
        self.data: int | None = None
        self.read: int | None = None

    def _chance(self) -> bool:
        return self.random.random() < self.go

    def edge(self, cycle: int) -> None:
        axi = self.axi
        if axi.awvalid and axi.awready:
            assert self.address is None
            self.address = int(axi.awaddr)
        if axi.wvalid and axi.wready:
            assert axi.wstrb == 15 and self.data is None
            self.data = int(axi.wdata)
        if axi.arvalid and axi.arready:
            self.read = int(axi.araddr)
        if axi.bvalid and axi.bready:
            axi.bvalid.next = False
        if axi.rvalid and axi.rready:
            axi.rvalid.next = False
        if self.address is not None and self.data is not None and self._chance():
            self.written.append((self.address, self.data))
            self.values[self.address] = self.data
            axi.bvalid.next, axi.bresp.next = True, 2 if self.address >= self.bad else 0
            self.address = self.data = None
        if self.read is not None and self._chance():
            axi.rvalid.next, axi.rresp.next = True, 2 if self.read >= self.bad else 0
            axi.rdata.next = self.values.get(self.read, 0)
            self.read = None
        axi.awready.next = self.address is None and self._chance()
        axi.wready.next = self.data is None and self._chance()
        axi.arready.next = self.read is None and self._chance()
