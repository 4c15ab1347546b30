"""A finished stream of instructions, with its micro-op image and its listing."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.asm.disassembler import format_instruction
from ...isa.config import Config
from ...isa.instructions import Instruction, route

__all__ = ["InstructionStream"]


@dataclass(frozen=True)
class InstructionStream:
    """A finished stream.

    Attributes
    ----------
    instructions, notes : tuple
        Instructions in order, FINISH last, and the annotation of each (``""``: none).
    code : bytes
        The instructions encoded, 16 bytes each.
    uops : bytes
        Micro-op image; may be placed anywhere, with UOP_BASE pointing to it.
    """

    config: Config
    instructions: tuple[Instruction, ...]
    notes: tuple[str, ...]
    code: bytes
    uops: bytes

    def __len__(self) -> int:
        return len(self.instructions)

    def listing(self) -> str:
        """Return one line per instruction: index, module, instruction, note."""
        return "\n".join(
            f"{index:6d} {route(item).name.lower():7s} {format_instruction(item, self.config)}"
            + (f"  ; {note}" if note else "")
            for index, (item, note) in enumerate(zip(self.instructions, self.notes, strict=True))
        )
