"""Instructions in order, with the dependency tokens between their modules (vta_isa.md 3).

A push is a flag of the source's last instruction, a pop a flag of the sink's next one; where there
is no such instruction, or its flag is taken, a no-op carries the token.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.instructions import (
    EncodeError,
    Finish,
    Instruction,
    Load,
    Store,
    Undefined,
    encode,
    route,
)
from ...isa.opcodes import MemoryType, Module, Opcode
from ...isa.token_queues import TokenQueue, queues_popped, queues_pushed, token_queue
from ..errors import StreamError

__all__ = ["TokenStream"]

_NO_OPS: dict[Module, Instruction] = {
    Module.LOAD: Load(memory_type=MemoryType.INP),
    Module.COMPUTE: Load(memory_type=MemoryType.UOP),
    Module.STORE: Store(),
}


class TokenStream:
    """Append instructions, push and pop tokens between them.

    Parameters
    ----------
    config : Config
    serial : bool
        One engine at a time: the stream orders every change of engine with its own tokens, and
        :meth:`push` and :meth:`pop` do nothing.

    Raises
    ------
    StreamError
        From every method: a value that does not fit its field (named, with its range), or a stream
        that is already finished.
    """

    def __init__(self, config: Config, *, serial: bool = False):
        self.config, self.serial = config, serial
        self.clear()

    def clear(self) -> None:
        """Forget everything and start an empty stream."""
        self._items: list[Instruction] = []
        self._words: list[int] = []
        self._notes: list[str] = []
        self._last: dict[Module, int] = {}  # position of the module's last instruction
        self._pending: dict[Module, list[str]] = {module: [] for module in Module}
        self._tokens: Counter[tuple[Module, Module]] = Counter()
        self._engine: Module | None = None
        self._note = ""
        self._finished = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def tokens(self) -> dict[tuple[Module, Module], int]:
        """Pushes minus pops so far by (source, sink)."""
        return dict(self._tokens)

    def note(self, text: str) -> None:
        """Annotate the instructions that follow, until the next call."""
        self._note = text

    def push(self, source: Module, sink: Module) -> None:
        """Let ``source`` push a token to ``sink`` once its last instruction has completed."""
        self._open()
        queue = _queue(source, sink)
        if not self.serial:
            self._push(queue)

    def pop(self, source: Module, sink: Module) -> None:
        """Let ``sink``'s next instruction wait for, and take, a token from ``source``."""
        self._open()
        queue = _queue(source, sink)
        if not self.serial:
            self._pop(queue)

    def _push(self, queue: TokenQueue) -> None:
        source, flag = queue.source, queue.push
        last = self._last.get(source)
        if last is None or self._pending[source] or self._words[last] & self._flag_bit(flag):
            self._issue(_NO_OPS[source])
            last = self._last[source]
        self._items[last] = self._flagged(self._items[last], [flag])
        self._words[last] |= self._flag_bit(flag)
        self._tokens[source, queue.sink] += 1

    def _pop(self, queue: TokenQueue) -> None:
        sink, flag = queue.sink, queue.pop
        if flag in self._pending[sink]:
            self._issue(_NO_OPS[sink])
        self._pending[sink].append(flag)
        self._tokens[queue.source, sink] -= 1

    def _hop(self, source: Module, sink: Module) -> None:
        if Module.COMPUTE not in (source, sink):
            self._hop(source, Module.COMPUTE)
            source = Module.COMPUTE
        queue = _queue(source, sink)
        self._push(queue)
        self._pop(queue)

    def _flag_bit(self, flag: str) -> int:
        return layout(Opcode.FINISH, self.config)[flag].put(1)  # the same place in every format

    def _flagged(self, instruction: Instruction, flags: list[str]) -> Instruction:
        if isinstance(instruction, Undefined):
            return Undefined(instruction.word | sum(map(self._flag_bit, flags)))
        changes: dict[str, Any] = dict.fromkeys(flags, 1)
        return replace(instruction, **changes)

    def emit(self, instruction: Instruction) -> None:
        """Append an instruction; tokens waiting for its module are added to its own flags."""
        module = route(instruction)
        if any(getattr(instruction, flag, 0) for flag in self._pending[module]):
            self._issue(_NO_OPS[module])
        for queue in queues_pushed(module, instruction):
            self._tokens[queue.source, queue.sink] += 1
        for queue in queues_popped(module, instruction):
            self._tokens[queue.source, queue.sink] -= 1
        self._add(instruction)

    def _end(self) -> None:
        """Append FINISH, which waits for every engine by itself.

        Other implementations of the base ISA need a token for that: a serial stream gives it.
        """
        self._open()
        if self.serial and not self.config.extended and self._engine not in (None, Module.COMPUTE):
            self._hop(self._engine, Module.COMPUTE)
        for module in (Module.LOAD, Module.STORE):
            if self._pending[module]:
                self._issue(_NO_OPS[module])
        for (source, sink), count in self._tokens.items():
            if count < 0:
                raise StreamError(
                    f"{sink.name} pops {-count} tokens more than {source.name} pushes: deadlock"
                )
        self._note = ""
        self._issue(Finish())
        self._finished = True

    def _open(self) -> None:
        if self._finished:
            raise StreamError("the stream is finished: clear() starts another")

    def _add(self, instruction: Instruction) -> None:
        """Append an instruction of the caller's."""
        self._open()
        module = route(instruction)
        if self.serial and self._engine not in (None, module):
            self._hop(self._engine, module)
        self._engine = module
        self._issue(instruction)

    def _issue(self, instruction: Instruction) -> None:
        """Append an instruction that takes its module's waiting pops and later pushes."""
        module = route(instruction)
        pending = self._pending[module]
        if pending:
            instruction = self._flagged(instruction, pending)
        self._last[module] = self._append(instruction)
        pending.clear()

    def _append(self, instruction: Instruction) -> int:
        self._words.append(self._encode(instruction))
        self._items.append(instruction)
        self._notes.append(self._note)
        return len(self._items) - 1

    def _encode(self, instruction: Instruction) -> int:
        try:
            return encode(instruction, self.config)
        except EncodeError as error:
            raise StreamError(str(error)) from None


def _queue(source: Module, sink: Module) -> TokenQueue:
    try:
        return token_queue(source, sink)
    except ValueError as error:
        raise StreamError(str(error)) from None
