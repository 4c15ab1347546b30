"""An AXI4 memory and clients of the memory port, for the tests of rtl blocks.

The memory checks the master as it goes: stable VALID and payload, burst shape, 4 KiB, WLAST, no
byte outside the window.
"""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

from myvta.isa.config import Config

__all__ = ["AxiMemory", "Reader", "Writer"]


class _Stable:
    """Checks that a channel holds VALID and payload until READY."""

    def __init__(self, axi: Any, channel: str, *payload: str):
        self.axi, self.channel, self.payload = axi, channel, payload
        self.waiting: tuple[int, ...] | None = None

    def moves(self) -> bool:
        """Look at one cycle; true when a transfer takes place."""
        axi, channel = self.axi, self.channel
        valid = bool(getattr(axi, f"{channel}valid"))
        ready = bool(getattr(axi, f"{channel}ready"))
        now = tuple(int(getattr(axi, channel + name)) for name in self.payload)
        if self.waiting is not None:
            assert valid, f"{channel}valid fell before {channel}ready"
            assert now == self.waiting, f"{channel} changed before {channel}ready"
        self.waiting = now if valid and not ready else None
        return valid and ready


class AxiMemory:
    """Memory behind an AXI4 slave.

    ``stall`` is the probability that a channel pauses in a cycle, ``shy`` makes every READY wait
    for its VALID, ``errors`` maps beat addresses to responses, ``silent`` never answers.
    """

    def __init__(
        self, axi: Any, config: Config, random: Random, *, size: int = 1 << 16, latency: int = 1,
        stall: float = 0.0, shy: bool = False, errors: dict[int, int] | None = None,
        window: tuple[int, int] | None = None, silent: bool = False,
    ):
        self.axi, self.bytes, self.random = axi, config.bus_bytes, random
        self.memory = bytearray(random.randbytes(size))
        self.latency, self.stall, self.shy, self.silent = latency, stall, shy, silent
        self.errors, self.window = errors or {}, window or (0, size - 1)
        self.reads: deque[tuple[int, int, bool]] = deque()  # due cycle, address, last
        self.addresses: deque[tuple[int, int]] = deque()  # of writes: address, beats
        self.beats: deque[tuple[int, int, bool]] = deque()
        self.responses: deque[tuple[int, int]] = deque()  # due cycle, response
        self.beat, self.response = 0, 0
        self.log: list[tuple[int, str, int, int]] = []  # cycle, channel, address, beats
        self.written: list[tuple[int, int, int]] = []  # cycle, address, strobe
        self._channels = {
            "ar": _Stable(axi, "ar", "addr", "len", "size", "burst"),
            "aw": _Stable(axi, "aw", "addr", "len", "size", "burst"),
            "w": _Stable(axi, "w", "data", "strb", "last"),
        }

    @property
    def busy(self) -> bool:
        """Something has been asked for and is not answered."""
        axi = self.axi
        return bool(
            self.reads or self.addresses or self.beats or self.responses or axi.rvalid
            or axi.bvalid or axi.arvalid or axi.awvalid or axi.wvalid
        )

    def edge(self, cycle: int) -> None:
        axi = self.axi
        for channel in ("ar", "aw"):
            if self._channels[channel].moves():
                self._take_address(cycle, channel)
        if self._channels["w"].moves():
            self.beats.append((int(axi.wdata), int(axi.wstrb), bool(axi.wlast)))
        self._write(cycle)
        for channel in ("ar", "aw", "w"):
            valid, ready = getattr(axi, f"{channel}valid"), getattr(axi, f"{channel}ready")
            go = self.random.random() >= self.stall
            ready.next = go and (not self.shy or bool(valid and not ready))
        self._answer_read(cycle)
        self._answer_write(cycle)

    def _take_address(self, cycle: int, channel: str) -> None:
        address = int(getattr(self.axi, f"{channel}addr"))
        beats = int(getattr(self.axi, f"{channel}len")) + 1
        last = address + beats * self.bytes - 1
        assert 1 << int(getattr(self.axi, f"{channel}size")) == self.bytes
        assert getattr(self.axi, f"{channel}burst") == 1
        assert beats <= 16 and address % self.bytes == 0
        assert address // 4096 == last // 4096, "a burst crosses 4 KiB"
        assert self.window[0] <= address and last <= self.window[1], "outside the window"
        self.log.append((cycle, channel, address, beats))
        if channel == "aw":
            self.addresses.append((address, beats))
            return
        for beat in range(beats):
            self.reads.append(
                (cycle + self.latency - 1, address + beat * self.bytes, beat == beats - 1)
            )

    def _write(self, cycle: int) -> None:
        while self.addresses and self.beats:
            address, beats = self.addresses[0]
            data, strobe, last = self.beats.popleft()
            address += self.beat * self.bytes
            self.beat += 1
            assert last == (self.beat == beats), "WLAST in the wrong beat"
            self.written.append((cycle, address, strobe))
            for lane in range(self.bytes):
                if strobe >> lane & 1:
                    self.memory[address + lane] = data >> 8 * lane & 0xFF
            self.response = self.response or self.errors.get(address, 0)
            if last:
                self.responses.append((cycle + self.latency - 1, self.response))
                self.addresses.popleft()
                self.beat = self.response = 0

    def _answer_read(self, cycle: int) -> None:
        axi = self.axi
        if axi.rvalid and not axi.rready:
            return
        axi.rvalid.next = False
        if self.reads and self.reads[0][0] <= cycle and not self.silent:
            if self.random.random() >= self.stall:
                _, address, last = self.reads.popleft()
                axi.rvalid.next, axi.rlast.next = True, last
                data = self.memory[address : address + self.bytes]
                axi.rdata.next = int.from_bytes(data, "little")
                axi.rresp.next = self.errors.get(address, 0)

    def _answer_write(self, cycle: int) -> None:
        axi = self.axi
        if axi.bvalid and not axi.bready:
            return
        axi.bvalid.next = False
        if self.responses and self.responses[0][0] <= cycle and not self.silent:
            if self.random.random() >= self.stall:
                axi.bvalid.next = True
                axi.bresp.next = self.responses.popleft()[1]


class Reader:
    """A read client: asks for the bursts in ``requests``, collects ``answers``."""

    def __init__(self, client: Any, random: Random, rate: float = 1.0, ready: float = 1.0):
        self.client, self.random, self.rate, self.ready = client, random, rate, ready
        self.requests: deque[tuple[int, int]] = deque()  # address, beats
        self.asked: list[tuple[int, int, int]] = []  # cycle, address, beats
        self.beats: list[tuple[int, int, int]] = []  # cycle, data, error
        self.answers: list[list[tuple[int, int]]] = [[]]  # bursts of (data, error)

    def edge(self, cycle: int) -> None:
        client = self.client
        if client.request_valid and client.request_ready:
            self.asked.append((cycle, int(client.request_address), int(client.request_beats)))
        if client.request_ready or not client.request_valid:
            go = bool(self.requests) and self.random.random() < self.rate
            client.request_valid.next = go
            if go:
                address, beats = self.requests.popleft()
                client.request_address.next, client.request_beats.next = address, beats
        if client.data_valid and client.data_ready:
            self.beats.append((cycle, int(client.data), int(client.data_error)))
            self.answers[-1].append((int(client.data), int(client.data_error)))
            if client.data_last:
                self.answers.append([])
        client.data_ready.next = self.random.random() < self.ready


class Writer:
    """A write client: writes the bursts in ``requests``, collects errors in ``done``."""

    def __init__(self, client: Any, random: Random, rate: float = 1.0):
        self.client, self.random, self.rate = client, random, rate
        self.requests: deque[tuple[int, list[tuple[int, int]]]] = deque()  # address, beats
        self.data: deque[tuple[int, int]] = deque()  # data, strobe
        self.asked: list[tuple[int, int]] = []  # cycle, address
        self.beats: list[int] = []  # cycles
        self.done: list[tuple[int, int]] = []  # cycle, error

    def edge(self, cycle: int) -> None:
        client = self.client
        if client.done:
            self.done.append((cycle, int(client.done_error)))
        if client.request_valid and client.request_ready:
            self.asked.append((cycle, int(client.request_address)))
        if client.request_ready or not client.request_valid:
            go = bool(self.requests) and self.random.random() < self.rate
            client.request_valid.next = go
            if go:
                address, beats = self.requests.popleft()
                client.request_address.next, client.request_beats.next = address, len(beats)
                self.data.extend(beats)
        if client.data_valid and client.data_ready:
            self.beats.append(cycle)
        if client.data_ready or not client.data_valid:
            go = bool(self.data) and self.random.random() < self.rate
            client.data_valid.next = go
            if go:
                client.data.next, client.data_strobe.next = self.data.popleft()
