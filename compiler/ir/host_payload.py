"""Nodes that the host runs, as the front end that read them has packed them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HostPayload"]


@dataclass(frozen=True)
class HostPayload:
    """Nodes of the host: ``data`` is opaque to all but the front end of that name."""

    front_end: str
    data: bytes
