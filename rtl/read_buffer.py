"""Keep the data a client has asked for until it takes it, so that it never holds up memory.

Contract
    ``client`` is what the client sees, ``port`` the memory port's side.  Requests pass
    unchanged, combinationally; beats pass through a queue of ``depth``: at the earliest two cycles
    after they came, in order, one a cycle.  ``port.data_ready`` stays high as long as the client
    asks for no more beats than ``depth`` before it takes them.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block, concat

from ..isa.config import Config
from .bundles import ReadClient, Stream
from .queue import queue

__all__ = ["read_buffer"]


@block
def read_buffer(
    clock: Any, reset: Any, client: ReadClient, port: ReadClient, *, config: Config, depth: int,
) -> Any:
    """Queue ``{last, error, data}``."""
    bus = config.bus_width
    error_high, width = bus + 2, bus + 3
    arrived, kept = Stream(width), Stream(width)

    @always_comb
    def request() -> None:
        port.request_valid.next = client.request_valid
        port.request_address.next = client.request_address
        port.request_beats.next = client.request_beats
        client.request_ready.next = port.request_ready

    @always_comb
    def receive() -> None:
        arrived.valid.next = port.data_valid
        arrived.data.next = concat(port.data_last, port.data_error, port.data)
        port.data_ready.next = arrived.ready

    @always_comb
    def deliver() -> None:
        client.data_valid.next = kept.valid
        client.data.next = kept.data[bus:]
        client.data_error.next = kept.data[error_high:bus]
        client.data_last.next = kept.data[error_high]
        kept.ready.next = client.data_ready

    return request, receive, deliver, queue(clock, reset, arrived, kept, width=width, depth=depth)
