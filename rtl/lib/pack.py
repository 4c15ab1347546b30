"""Give a concatenation of signals a name of its own."""

from __future__ import annotations

from typing import Any

from myhdl import ConcatSignal, always_comb, block

__all__ = ["join", "pack"]


@block
def pack(parts: Any, packed: Any) -> Any:
    """Drive the word ``packed`` from ``parts``, a ConcatSignal (shadow signals stay local)."""

    @always_comb
    def drive():
        packed.next = parts

    return drive


@block
def join(parts: Any, packed: Any) -> Any:
    """Put a list of words together, the first in the low bits."""
    joined = ConcatSignal(*reversed(parts)) if len(parts) > 1 else parts[0]
    return pack(joined, packed)
