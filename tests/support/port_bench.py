"""The memory port, or half of it, with its clients and a memory."""

from random import Random

from myhdl import Signal, modbv
from rtl_axi import AxiMemory, Reader, Writer
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4, PortError, PortStatus, ReadClient, WriteClient, bit
from myvta.rtl.memory.memory_port import memory_port
from myvta.rtl.memory.read_port import read_port
from myvta.rtl.memory.write_port import write_port

CONFIG = NAMED["1x4x4"]
SIZE = 1 << 16


class Bench:
    """The port, its memory and four clients; ``step`` is one clock edge for all of them."""

    def __init__(self, seed=0, bus=6, rate=1.0, ready=1.0, window=(0, SIZE - 1), **memory):
        self.config = CONFIG.replace(log_bus_width=bus)
        self.bytes = self.config.bus_bytes
        self.random = Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.halt, status = bit(), PortStatus()
        self.idle, self.draining, self.moved = status.idle, status.draining, status.moved
        self.base, self.limit = (Signal(modbv(value)[32:]) for value in window)
        self.axi = Axi4(self.config)
        clients = [ReadClient(self.config) for _ in range(3)]
        store = WriteClient(self.config)
        self.block = self.build(clients, store, status)
        self.memory = AxiMemory(
            self.axi, self.config, self.random, size=SIZE, window=window, **memory
        )
        self.readers = [Reader(client, self.random, rate, ready) for client in clients]
        self.writer = Writer(store, self.random, rate)

    def build(self, clients, store, status):
        return memory_port(
            self.clock, self.reset, self.halt, self.base, self.limit, *clients, store, self.axi,
            status, config=self.config,
        )

    def step(self, cycle):
        self.memory.edge(cycle)
        for reader in self.readers:
            reader.edge(cycle)
        self.writer.edge(cycle)

    def reset_clients(self):
        """What the modules' reset does to their side of the port."""
        for reader in self.readers:
            reader.requests.clear()
            reader.client.request_valid.next = False
            reader.answers[:] = [[]]
            reader.beats.clear()
        for queue in (self.writer.requests, self.writer.data, self.writer.done):
            queue.clear()
        self.writer.client.request_valid.next = self.writer.client.data_valid.next = False

    def run(self, until, limit=20_000):
        def on_edge(cycle):
            self.step(cycle)
            return until(cycle)

        return simulate([self.block], self.clock, self.reset, on_edge, limit=limit)

    def burst(self, low, high):
        """A random burst inside one aligned block of 16 beats, in [low, high)."""
        block = self.random.randrange(low, high, 16 * self.bytes) // (16 * self.bytes)
        first = self.random.randrange(16)
        return (block * 16 + first) * self.bytes, self.random.randint(1, 16 - first)

    def fill_writer(self, count, low, high):
        """Give the writer random bursts; return the memory as it must be in the end."""
        expected = bytearray(self.memory.memory)
        for _ in range(count):
            address, beats = self.burst(low, high)
            data = [
                (self.random.getrandbits(8 * self.bytes), self.random.getrandbits(self.bytes))
                for _ in range(beats)
            ]
            self.writer.requests.append((address, data))
            for beat, (value, strobe) in enumerate(data):
                for lane in range(self.bytes):
                    if strobe >> lane & 1:
                        expected[address + beat * self.bytes + lane] = value >> 8 * lane & 0xFF
        return expected

    def check_reads(self, requested, window):
        """Check the answers to bursts of each reader; those outside the window are refused."""
        for reader, bursts in zip(self.readers, requested, strict=True):
            for (address, beats), answer in zip(bursts, reader.answers[:-1], strict=True):
                if window[0] <= address < window[1]:
                    assert answer == self.expect(address, beats)
                else:
                    assert [error for _, error in answer] == [PortError.WINDOW]

    def expect(self, address, beats):
        """What a read inside the window must give."""
        return [
            (int.from_bytes(self.memory.memory[at : at + self.bytes], "little"),
             PortError.BUS if self.memory.errors.get(at, 0) & 2 else PortError.NONE)
            for at in range(address, address + beats * self.bytes, self.bytes)
        ]


class ReadBench(Bench):
    """The read half alone: the writer sleeps."""

    def build(self, clients, store, status):
        fetch, compute, load = clients
        return read_port(
            self.clock, self.reset, halt=self.halt, window_base=self.base, window_limit=self.limit,
            fetch=fetch, compute=compute, load=load, m_axi=self.axi, idle=status.idle,
            config=self.config,
        )


class WriteBench(Bench):
    """The write half alone: the readers sleep."""

    def build(self, clients, store, status):
        return write_port(
            self.clock, self.reset, halt=self.halt, window_base=self.base, window_limit=self.limit,
            store=store, m_axi=self.axi, idle=status.idle, config=self.config,
        )
