"""A scratchpad driven at random through its ports and compared with an array."""

from random import Random

import numpy as np
from dma_bench import shallow
from myhdl import Signal, block, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import MemoryType
from myvta.model.tiles import unpack_operands
from myvta.rtl.lib.bundles import ForwardWrite, PadWrite, TileWrite
from myvta.rtl.lib.elements import MAX_LANES
from myvta.rtl.load.weights4_unpack import weights4_unpack

INDICES = 1 << 17
LOG_DEPTH = 5
REACH = 24
"""Elements that the random traffic uses, of 32 in the memory."""


@block
def unpacked(
    memory, clock, write, pad, read_enable, read_address, read_data, *, config, memory_type,
    forward,
):
    """A WGT memory behind the unpacking of 4-bit weights, as in the core."""
    wide = TileWrite(config, MAX_LANES, beats=2)
    return (
        weights4_unpack(write, wide, config=config),
        memory(
            clock, wide, pad, read_enable, read_address, read_data, config=config,
            memory_type=memory_type, forward=forward,
        ),
    )


class Bench:
    """A small memory of one type between the signals of a loader, a reader and, with the extension
    ``forward``, the store engine.

    ``registered``: a beat passes a register on its way into the memory; None: as in columns.
    """

    def __init__(self, memory, name, log_bus, kind, registered=None, **extensions):
        log_size = LOG_DEPTH + NAMED[name].log_tile_bits(kind) - 3
        config = NAMED[name].replace(
            log_bus_width=log_bus, **{f"log_{kind.name.lower()}_buff_size": log_size}, **extensions,
        )
        self.config = config
        self.kind, self.element, self.beat = kind, config.tile_bytes(kind), config.bus_bytes
        self.columns = max(self.element // self.beat, 1)
        self.lanes = max(self.beat // self.element, 1)
        self.registered = registered
        self.clock, self.reset = clock_and_reset()
        self.write, self.pad = TileWrite(config, MAX_LANES), PadWrite()
        self.read_enable = Signal(False)
        self.read_address = Signal(modbv(0)[config.log_depth(kind):])
        self.read_data = Signal(modbv(0)[8 * self.element:])
        self.kinds = [kind]
        self.forward = ForwardWrite(config) if config.forward else None
        self.result = config.tile_bytes(MemoryType.OUT)
        ports = (
            self.clock, self.write, self.pad, self.read_enable, self.read_address, self.read_data,
        )
        options = {"config": config, "memory_type": kind, "forward": self.forward}
        if config.weights4 and kind == MemoryType.WGT:
            self.kinds.append(MemoryType.WGT_4BIT)
            self.block = unpacked(memory, *ports, **options)
        else:
            self.block = memory(*ports, **options)

    def run(self, on_edge, limit):
        simulate([self.block], self.clock, self.reset, on_edge, limit=limit)


class Traffic:
    """Random beats, results, pads and reads of a Bench, and the array they make.

    A beat of several elements is in the memory after the first edge, a beat of a larger element
    and one that is registered after the second; a result after the first.  Parts of an element
    that is being zeroed may be zero before it is ready.
    """

    def __init__(self, bench, seed):
        self.bench, self.random = bench, Random(seed)
        self.contents = np.zeros((REACH, bench.element), np.uint8)
        self.zeroing = None  # element that is being zeroed
        self.pad_index = None  # that of the pad which is offered
        self.expected = None  # of the last read: data, bytes that may be zero
        self.landing = None  # beat of a column on its way: element, first byte, data
        self.pads = self.waits = self.reads = self.beats = self.results = 0
        self.held = {"write": 0, "forward": 0}  # cycles in a row without being taken

    def edge(self):
        """Check one cycle and drive the next."""
        bench, write, pad = self.bench, self.bench.write, self.bench.pad
        self._check_read()
        offered = bool(write.valid) and write.memory_type in bench.kinds
        beat = self._beat() if offered and write.ready else []
        assert write.ready or bench.forward is not None
        result = self._result()
        wanted = bool(pad.valid) and pad.memory_type in bench.kinds
        if wanted:
            self.pads, self.zeroing = self.pads + bool(pad.ready), int(pad.index)
            busy = self.landing if self.in_columns else beat
            assert pad.ready or busy or result, "without data a pad is taken at once"
            self.waits += not pad.ready
        self._land(beat, result)
        if wanted and pad.ready:
            self.contents[int(pad.index)], self.zeroing = 0, None
        self._wait("write", offered and not write.ready, 2)
        self._drive_pad(not pad.valid or bool(pad.ready) or not wanted)
        if not offered or write.ready:
            self._drive_write()
        if bench.forward is not None and (not bench.forward.valid or bench.forward.ready):
            self._drive_forward()
        bench.read_enable.next = self.random.random() < 0.7
        bench.read_address.next = self.random.randrange(REACH)

    def _wait(self, side, waits, most):
        self.held[side] = self.held[side] + 1 if waits else 0
        assert self.held[side] <= most, f"{side} is not taken for {self.held[side]} cycles"

    def _check_read(self):
        """A read returns the contents before its edge, a cycle later, and holds."""
        bench = self.bench
        if self.expected is not None:
            data, unsure = self.expected
            seen = np.frombuffer(int(bench.read_data).to_bytes(bench.element, "little"), np.uint8)
            assert ((seen == data) | (unsure & (seen == 0))).all()
            self.reads += 1
        if bench.read_enable:
            at = int(bench.read_address)
            self.expected = self.contents[at].copy(), at == self.zeroing

    def _beat(self):
        """The elements of the beat that is taken: element, first byte, data."""
        bench, write = self.bench, self.bench.write
        data = np.frombuffer(int(write.data).to_bytes(bench.beat, "little"), np.uint8)
        if write.memory_type == MemoryType.WGT_4BIT:
            data = unpack_operands(data, 4).astype(np.int8).view(np.uint8)
        lanes = max(data.size // bench.element, 1)
        self.beats += 1
        if lanes == 1:
            return [(int(write.index), int(write.column) * data.size, data)]
        return [
            ((int(write.index) + lane) % INDICES, 0, data[lane * bench.element:][:bench.element])
            for lane in range(lanes) if write.lanes[lane]
        ]

    def _result(self):
        """The result that is taken: element, first byte, data."""
        bench, forward = self.bench, self.bench.forward
        if forward is None:
            return []
        self._wait("forward", forward.valid and not forward.ready, 2)
        if not (forward.valid and forward.ready):
            return []
        self.results += 1
        data = np.frombuffer(int(forward.data).to_bytes(bench.result, "little"), np.uint8)
        element, row = divmod(int(forward.index), bench.element // bench.result)
        return [(element, row * bench.result, data)]

    def _land(self, beat, result):
        landed = beat
        if self.in_columns:
            landed, self.landing = self.landing or [], beat
        for at, start, data in [*landed, *result]:
            self.contents[at, start:start + len(data)] = data

    @property
    def in_columns(self):
        """Whether a beat takes a cycle more."""
        if self.bench.registered is not None:
            return self.bench.registered
        return self.bench.element >= self.bench.beat * len(self.bench.kinds)

    def _drive_pad(self, may_change):
        if may_change:
            bench, random = self.bench, self.random
            self.pad_index = random.choice([at for at in range(REACH) if at not in self._held()])
            bench.pad.valid.next = random.random() < 0.6
            bench.pad.index.next = self.pad_index
            bench.pad.memory_type.next = self._type()

    def _held(self):
        """The elements of a beat and of a result that wait to be taken."""
        bench, write, forward = self.bench, self.bench.write, self.bench.forward
        held = set()
        if write.valid and not write.ready:
            held.update((int(write.index) + lane) % INDICES for lane in range(MAX_LANES))
        if forward is not None and forward.valid and not forward.ready:
            held.add(int(forward.index) // (bench.element // bench.result))
        return held

    def _other(self):
        """An element that does not meet the pad: data and padding of one LOAD never do."""
        index = self.random.randrange(REACH)
        return (index + 1) % REACH if index == self.pad_index else index

    def _drive_write(self):
        bench, write, random = self.bench, self.bench.write, self.random
        kind = self._type()
        write.valid.next = random.random() < 0.6
        write.memory_type.next = kind
        write.data.next = random.getrandbits(8 * bench.beat)
        bytes_ = 2 * bench.beat if kind == MemoryType.WGT_4BIT else bench.beat
        write.column.next = random.randrange(max(bench.element // bytes_, 1))
        lanes = max(bytes_ // bench.element, 1)
        if lanes == 1:
            index, mask = self._other(), 1 | random.getrandbits(MAX_LANES) & -2
        else:
            index, mask = random.randrange(1 - lanes, REACH), 0
            for lane in range(lanes):
                if 0 <= index + lane < REACH and index + lane != self.pad_index:
                    mask |= random.randrange(2) << lane
        write.index.next, write.lanes.next = index % INDICES, mask

    def _drive_forward(self):
        bench, forward = self.bench, self.bench.forward
        rows = bench.element // bench.result
        forward.valid.next = self.random.random() < 0.6
        forward.index.next = self._other() * rows + self.random.randrange(rows)
        forward.data.next = self.random.getrandbits(8 * bench.result)

    def _type(self):
        """One of the memory's types or, where nothing else routes beats, another."""
        kind = self.random.choice(self.bench.kinds)
        stray = self.bench.forward is None and len(self.bench.kinds) == 1
        return kind ^ 1 if stray and self.random.random() < 0.1 else kind


def zero_all(bench):
    """Return an ``on_edge`` that zeroes every element within reach, and is true at the end."""
    zeroed = set()

    def on_edge(_cycle):
        pad = bench.pad
        if pad.valid and pad.ready:
            zeroed.add(int(pad.index))
        pad.valid.next = len(zeroed) < REACH
        pad.index.next, pad.memory_type.next = min(len(zeroed), REACH - 1), bench.kind
        return len(zeroed) == REACH and not pad.valid

    return on_edge


def run_against_array(memory, name, log_bus, kind, cycles, registered=None, **extensions):
    """Drive a memory for ``cycles``, checking each; return the Traffic with its counts."""
    bench = shallow(Bench, memory, name, log_bus, kind, registered, **extensions)
    traffic, zero, state = Traffic(bench, f"{name}{kind}"), zero_all(bench), {"start": None}

    def on_edge(cycle):
        if state["start"] is None:
            state["start"] = cycle if zero(cycle) else None
            return False
        traffic.edge()
        return cycle == state["start"] + cycles

    bench.run(on_edge, cycles + 10 * REACH)
    return traffic
