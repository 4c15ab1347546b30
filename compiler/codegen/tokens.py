"""Tokens for a stream without any: as few as possible, each pushed and popped once.

Engines run their instructions in order, so a wait that an earlier one of the same engine implies
needs no token.  Load and store have no queue between them: such a wait goes through a *relay*, an
no-op of compute.  It is placed where compute will be when the store has most likely completed, so
that compute does not idle for it.  Every wait points backwards in the order of the stream, hence no
launch deadlocks.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace

from ...driver.stream.instruction_stream import InstructionStream
from ...driver.stream.stream import StreamBuilder
from ...isa.fields import layout
from ...isa.instructions import (
    Finish,
    Instruction,
    Load,
    StepInstruction,
    Store,
    encode,
    route,
)
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType, Module, Opcode
from ...isa.token_queues import TOKEN_FLAGS, token_queue
from .dependence import DependenceMap, dependences

__all__ = ["insert_tokens", "serialize", "synchronize"]

_STORE_CYCLES = 100  # from the last beat of a STORE to its token, when memory is slow
_RELAY = Load(memory_type=MemoryType.UOP)


@dataclass
class _Entry:
    """An instruction, encoded without tokens, and the instructions it waits for."""

    item: Instruction
    word: int
    note: str
    waits: DependenceMap
    flags: set[str] = field(default_factory=set)


def synchronize(stream: InstructionStream, overlap: bool) -> InstructionStream:
    """Add tokens to a stream that has none; without ``overlap`` one engine runs at a time."""
    return insert_tokens(stream) if overlap else serialize(stream)


def insert_tokens(stream: InstructionStream) -> InstructionStream:
    """Return the stream with the tokens its instructions need; it must have none yet."""
    entries = _with_relays(stream, dependences(stream))
    awaited: dict[tuple[Module, Module], int] = {}
    for entry in entries:
        module = route(entry.item)
        for source, position in entry.waits.items():
            if source == module or position <= awaited.get((source, module), -1):
                continue
            awaited[source, module] = position
            queue = token_queue(source, module)
            entries[position].flags.add(queue.push)
            entry.flags.add(queue.pop)
    return _rebuilt(stream, entries)


def serialize(stream: InstructionStream) -> InstructionStream:
    """Return the stream with tokens that let only one engine run at a time: nothing overlaps."""
    builder = StreamBuilder(stream.config, serial=True)
    for instruction, note in zip(stream.instructions, stream.notes, strict=True):
        builder.note(note)
        if not isinstance(instruction, Finish):
            builder.emit(instruction)
    return replace(builder.finish(), uops=stream.uops)


def _with_relays(stream: InstructionStream, waits: list[DependenceMap]) -> list[_Entry]:
    """Insert relays; return all instructions with their dependences, as positions in the list."""
    items = stream.instructions
    relays = _Relays(stream, waits)
    after: dict[int, list[int]] = {}  # position -> stores to be relayed after it
    wanted: list[int | None] = []  # the store an instruction's relay is for
    for position, item in enumerate(items):
        module = route(item)
        other = {Module.LOAD: Module.STORE, Module.STORE: Module.LOAD}.get(module)
        source = waits[position].pop(other, None) if other is not None else None
        if source is not None:
            at = relays.place(source, position)
            if at is not None:
                after.setdefault(at, []).append(source)
        wanted.append(source)
    words = [
        int.from_bytes(stream.code[at:at + INSTRUCTION_BYTES], "little")
        for at in range(0, len(stream.code), INSTRUCTION_BYTES)
    ]
    relay_word = encode(_RELAY, stream.config)
    entries: list[_Entry] = []
    moved: list[int] = []  # new position of each instruction
    relay_of: dict[int, int] = {}
    for position, item in enumerate(items):
        moved.append(len(entries))
        entries.append(_Entry(item, words[position], stream.notes[position], {
            module: moved[number] for module, number in waits[position].items()}))
        source = wanted[position]
        if source is not None:
            relay = relay_of[relays.served_by[source]]
            known = entries[-1].waits.get(Module.COMPUTE, -1)
            entries[-1].waits[Module.COMPUTE] = max(known, relay)
        for number in after.get(position, ()):
            relay_of[number] = len(entries)
            entries.append(_Entry(
                _RELAY, relay_word, stream.notes[position],
                {route(items[number]): moved[number]}))
    return entries


class _Relays:
    """Chooses places for relays, in the order of the instructions that need them."""

    def __init__(self, stream: InstructionStream, waits: list[DependenceMap]):
        self.done = [0]  # steps of compute up to each position
        self.ends: dict[int, int] = {}  # steps of compute until a STORE has completed
        self.served_by: dict[int, int] = {}  # store -> the store whose relay serves it
        self._last: dict[Module, int] = {}
        self._items = stream.instructions
        width = stream.config.bus_bytes
        unit = stream.config.tile_bytes(MemoryType.OUT)
        free = 0
        for position, item in enumerate(stream.instructions):
            steps = 0
            if isinstance(item, StepInstruction):
                steps = (item.uop_end - item.uop_bgn) * item.iter_out * item.iter_in
            self.done.append(self.done[-1] + steps)
            if isinstance(item, Store):
                begin = self.done[waits[position].get(Module.COMPUTE, -1) + 1]
                beats = 1 if item.forwards else max(1, unit // width)
                free = max(free, begin) + item.x_size * item.y_size * beats
                self.ends[position] = free + (0 if item.forwards else _STORE_CYCLES)

    def place(self, source: int, position: int) -> int | None:
        """Return the instruction that the relay follows, None if an earlier relay serves."""
        module = route(self._items[source])
        last = self._last.get(module)
        if last is not None and last >= source:
            self.served_by.setdefault(source, last)
            return None
        self._last[module] = source
        self.served_by[source] = source
        at = source
        if source in self.ends:
            at = bisect_left(self.done, self.ends[source], lo=source + 1) - 1
        return max(source, min(at, position - 1))


def _rebuilt(stream: InstructionStream, entries: list[_Entry]) -> InstructionStream:
    fields = layout(Opcode.FINISH, stream.config)  # flags have the same position in every format
    bits = {flag: fields[flag].put(1) for flag in TOKEN_FLAGS}
    instructions, code = [], []
    for entry in entries:
        item = entry.item
        if entry.flags:
            item = replace(item, **dict.fromkeys(entry.flags, 1))  # type: ignore[arg-type]
        instructions.append(item)
        word = entry.word | sum(bits[flag] for flag in entry.flags)
        code.append(word.to_bytes(INSTRUCTION_BYTES, "little"))
    return InstructionStream(
        stream.config, tuple(instructions), tuple(entry.note for entry in entries),
        b"".join(code), stream.uops,
    )
