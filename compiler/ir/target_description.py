"""The target of a compilation: everything about it that the compiler needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config

__all__ = ["MEMORY_BYTES", "MEMORY_LATENCY", "TargetDescription"]

MEMORY_BYTES = 64 << 20
MEMORY_LATENCY = 64


@dataclass(frozen=True)
class TargetDescription:
    """A configuration and its memory.

    Attributes
    ----------
    config
        Operands, buffers, extensions, and the width of the memory port.
    memory_latency
        Cycles from a read request to its first beat that schedules are chosen for.
    memory_bytes
        Bytes of device memory a program may take.

    Raises
    ------
    ValueError
        The latency is less than a cycle, or there is no memory.
    """

    config: Config
    memory_latency: int = MEMORY_LATENCY
    memory_bytes: int = MEMORY_BYTES

    def __post_init__(self) -> None:
        for name in ("memory_latency", "memory_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
