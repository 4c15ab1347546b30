"""What the tests of loads and stores share: the oracle of vta_isa.md 4.1, and memory partners.

Partners follow :mod:`rtl_bench`: ``edge(cycle)`` sees the cycle that ends and drives the next.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from myvta.isa.opcodes import MemoryType
from myvta.rtl.lib.bundles import PortError

LANE_LIMIT = 1 << 17


def load_oracle(scratchpad, memory, base, element, load):
    """Execute a Load: ``scratchpad`` is uint8 [depth, element], ``memory`` uint8 bytes.

    Returns the DRAM byte ranges of its rows.
    """
    rows = []
    if load.x_size == 0:
        return rows
    x_total = load.x_pad_0 + load.x_size + load.x_pad_1
    at = load.sram_base
    scratchpad[at:at + x_total * load.y_pad_0] = 0
    at += x_total * load.y_pad_0
    for y in range(load.y_size):
        scratchpad[at:at + load.x_pad_0] = 0
        at += load.x_pad_0
        start = base + (load.dram_base + y * load.x_stride) * element
        data = memory[start:start + load.x_size * element]
        scratchpad[at:at + load.x_size] = data.reshape(load.x_size, element)
        rows.append((start, start + load.x_size * element))
        at += load.x_size
        scratchpad[at:at + load.x_pad_1] = 0
        at += load.x_pad_1
    scratchpad[at:at + x_total * load.y_pad_1] = 0
    return rows


def shallow(make, *args, **options):
    """Elaborate in a thread of its own: MyHDL reads the source of every frame of the call stack
    for every instance, and pytest's stack is deep."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(make, *args, **options).result()


def footprint(load):
    """Scratchpad elements a Load writes."""
    if load.x_size == 0:
        return 0
    x_total = load.x_pad_0 + load.x_size + load.x_pad_1
    return x_total * (load.y_pad_0 + load.y_size + load.y_pad_1)


class ReadMemory:
    """The memory port as one ReadClient sees it: bursts in order, latency, pauses, errors."""

    def __init__(self, client, memory, config, random, *, latency=1, rate=1.0, errors=()):
        self.client, self.memory, self.config = client, memory, config
        self.random, self.latency, self.rate = random, latency, rate
        self.errors = list(errors)  # (first byte, past the last byte, PortError)
        self.beats = deque()  # (cycle from which it may show, data, last, error)
        self.requests = []  # (cycle, address, beats)
        self.taken = []  # cycle of each beat
        self.outstanding = self.most_outstanding = 0

    def edge(self, cycle):
        client, size = self.client, self.config.bus_bytes
        if client.request_valid and client.request_ready:
            address, beats = int(client.request_address), int(client.request_beats)
            assert 1 <= beats <= 16 and address % size == 0
            assert address // (16 * size) == (address + (beats - 1) * size) // (16 * size)
            self.requests.append((cycle, address, beats))
            self.outstanding += 1
            self.most_outstanding = max(self.most_outstanding, self.outstanding)
            self._queue(cycle, address, beats)
        if client.data_valid and client.data_ready:
            self.taken.append(cycle)
            if client.data_last:
                self.outstanding -= 1
            self.beats.popleft()
            client.data_valid.next = False
        waits = client.data_valid and not client.data_ready
        if self.beats and (waits or (
            self.beats[0][0] <= cycle and self.random.random() < self.rate
        )):
            _, data, last, error = self.beats[0]
            client.data_valid.next, client.data.next = True, data
            client.data_last.next, client.data_error.next = last, error
        else:
            client.data_valid.next = False
        client.request_ready.next = self.random.random() < self.rate

    def _queue(self, cycle, address, beats):
        size = self.config.bus_bytes
        when = cycle + self.latency
        error = self._error(address, beats * size)
        if error == PortError.WINDOW:
            self.beats.append((when, 0, True, error))
            return
        for beat in range(beats):
            at = address + beat * size
            data = int.from_bytes(self.memory[at:at + size].tobytes(), "little")
            self.beats.append((when, data, beat == beats - 1, self._error(at, size)))

    def _error(self, address, size):
        if address >= 1 << 32:
            return PortError.WINDOW
        for first, end, error in self.errors:
            if address < end and address + size > first:
                return error
        return PortError.NONE


class WriteMemory:
    """The memory port as a WriteClient sees it; ``memory`` takes the bytes with strobes."""

    def __init__(self, client, memory, config, random, *, latency=1, rate=1.0, errors=()):
        self.client, self.memory, self.config = client, memory, config
        self.random, self.latency, self.rate = random, latency, rate
        self.errors = list(errors)
        self.bursts = deque()  # [address, beats left, error]
        self.responses = deque()  # (cycle, error)
        self.written = set()
        self.beats = []  # cycle of each
        self.outstanding = self.most_outstanding = self.last_done = 0

    def edge(self, cycle):
        client, size = self.client, self.config.bus_bytes
        if client.data_valid and client.data_ready:
            burst = self.bursts[0]
            for byte in range(size):
                if client.data_strobe[byte] and not burst[2]:
                    self.memory[burst[0] + byte] = int(client.data) >> 8 * byte & 255
                    self.written.add(burst[0] + byte)
            self.beats.append(cycle)
            burst[0], burst[1] = burst[0] + size, burst[1] - 1
            if not burst[1]:
                self.responses.append((cycle + self.latency, self.bursts.popleft()[2]))
        if client.request_valid and client.request_ready:
            address, beats = int(client.request_address), int(client.request_beats)
            assert 1 <= beats <= 16 and address % size == 0
            assert address // (16 * size) == (address + (beats - 1) * size) // (16 * size)
            self.outstanding += 1
            self.most_outstanding = max(self.most_outstanding, self.outstanding)
            self.bursts.append([address, beats, self._error(address, beats * size)])
        client.done.next = False
        if self.responses and self.responses[0][0] <= cycle and self.random.random() < self.rate:
            client.done.next, client.done_error.next = True, self.responses.popleft()[1]
            self.outstanding -= 1
            self.last_done = cycle + 1
        # data is taken for requests that were taken in earlier cycles
        client.data_ready.next = bool(self.bursts) and self.random.random() < self.rate
        client.request_ready.next = self.random.random() < self.rate

    def _error(self, address, size):
        if address >= 1 << 32:
            return PortError.WINDOW
        for first, end, error in self.errors:
            if address < end and address + size > first:
                return error
        return PortError.NONE


class TileRecorder:
    """A scratchpad in Python at a loader's TileWrite and PadWrite, with pauses."""

    def __init__(self, write, pad, config, random, *, rate=1.0):
        self.write, self.pad, self.config = write, pad, config
        self.random, self.rate = random, rate
        self.contents = {
            kind: np.full((1 << 17, config.tile_bytes(kind)), 0xEE, np.uint8)
            for kind in MemoryType
        }

    def edge(self, _cycle):
        write, pad, size = self.write, self.pad, self.config.bus_bytes
        if pad.valid and pad.ready:
            self.contents[MemoryType(int(pad.memory_type))][int(pad.index)] = 0
        if write.valid and write.ready:
            kind = MemoryType(int(write.memory_type))
            contents, element = self.contents[kind], self.config.tile_bytes(kind)
            data = np.frombuffer(int(write.data).to_bytes(size, "little"), np.uint8)
            if element >= size:
                start = int(write.column) * size
                contents[int(write.index), start:start + size] = data
            else:
                for lane in range(size // element):
                    if write.lanes[lane]:
                        at = (int(write.index) + lane) % LANE_LIMIT
                        contents[at] = data[lane * element:(lane + 1) * element]
        write.ready.next = self.random.random() < self.rate
        pad.ready.next = self.random.random() < self.rate


def random_load(random, config, kind, memory_bytes, *, small=12):
    """A random legal Load of ``kind`` with its data inside ``memory_bytes`` from base 0."""
    from myvta.isa.instructions import Load

    element, depth = config.tile_bytes(kind), config.depth(kind)
    while True:
        load = Load(
            memory_type=kind, sram_base=random.randrange(depth),
            dram_base=random.randrange(memory_bytes // element),
            y_size=random.choice((0, 1, 1, 2, 3, 5)), x_size=random.randrange(small),
            x_stride=random.randrange(2 * small),
            y_pad_0=random.choice((0, 0, 1, 2)), y_pad_1=random.choice((0, 0, 1, 3)),
            x_pad_0=random.choice((0, 0, 1, 2)), x_pad_1=random.choice((0, 0, 1, 5)),
            push_prev=random.randrange(2), push_next=random.randrange(2),
        )
        reach = load.dram_base + max(load.y_size - 1, 0) * load.x_stride + load.x_size
        if reach * element <= memory_bytes and load.sram_base + footprint(load) <= depth:
            return load
