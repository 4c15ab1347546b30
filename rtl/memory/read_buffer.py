"""Buffer the read data of a client until the client takes it.

Contract
    ``client`` is the client's side, ``port`` the memory port's.  Requests pass unchanged and
    combinationally; beats arrive in order, one per cycle, at the earliest one cycle later.
    :func:`read_buffer` holds ``depth`` beats: as long as the client requests no more than that
    before it takes them, ``port.data_ready`` stays high and memory never has to wait.
    :func:`read_register` holds two: it only isolates the client from the wires of the port.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ..lib.bundles import ReadClient, Stream
from ..lib.pack import bits_of, join, split
from ..lib.queue import queue
from ..lib.skid_buffer import skid_buffer

__all__ = ["read_buffer", "read_register"]


def _beat(client: ReadClient) -> list[Any]:
    """Return the fields of a beat, from bit 0."""
    return [client.data, client.data_error, client.data_last]


@block
def connect(client: ReadClient, port: ReadClient, arrived: Stream, kept: Stream) -> Any:
    """Forward requests; write beats into ``arrived`` and deliver those of ``kept``."""

    @always_comb
    def request() -> None:
        port.request_valid.next = client.request_valid
        port.request_address.next = client.request_address
        port.request_beats.next = client.request_beats
        client.request_ready.next = port.request_ready

    @always_comb
    def receive() -> None:
        arrived.valid.next = port.data_valid
        port.data_ready.next = arrived.ready

    @always_comb
    def deliver() -> None:
        client.data_valid.next = kept.valid
        kept.ready.next = client.data_ready

    return (
        request, receive, deliver, join(_beat(port), arrived.data),
        split(kept.data, _beat(client)),
    )


@block
def read_buffer(
    clock: Any, reset: Any, client: ReadClient, port: ReadClient, *, depth: int,
) -> Any:
    """Queue beats."""
    width = bits_of(_beat(client))
    arrived, kept = Stream(width), Stream(width)
    return (
        connect(client, port, arrived, kept),
        queue(clock, reset, arrived, kept, width=width, depth=depth),
    )


@block
def read_register(clock: Any, reset: Any, client: ReadClient, port: ReadClient) -> Any:
    """Register beats."""
    width = bits_of(_beat(client))
    arrived, kept = Stream(width), Stream(width)
    return (
        connect(client, port, arrived, kept),
        skid_buffer(clock, reset, arrived, kept, width=width),
    )
