"""Nodes that the host runs, packed by their front end."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HostPayload"]


@dataclass(frozen=True)
class HostPayload:
    """Nodes of the host; only the front end of that name interprets ``data``."""

    front_end: str
    data: bytes
