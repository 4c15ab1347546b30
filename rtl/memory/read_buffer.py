"""Keep the data a client has asked for until it takes it.

Contract
    ``client`` is what the client sees, ``port`` the memory port's side.  Requests pass
    unchanged, combinationally; beats come at the earliest one cycle late, in order, one a cycle.
    :func:`read_buffer` keeps ``depth`` beats: ``port.data_ready`` stays high as long as the client
    asks for no more than that before it takes them, and never holds up memory.
    :func:`read_register` keeps two: it only parts the client from the wires of the port.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block, concat

from ...isa.config import Config
from ..lib.bundles import ReadClient, Stream
from ..lib.queue import queue
from ..lib.skid_buffer import skid_buffer

__all__ = ["read_buffer", "read_register"]


@block
def connect(
    client: ReadClient, port: ReadClient, arrived: Stream, kept: Stream, *, bus: int
) -> Any:
    """Pass requests on; put beats into ``arrived`` and take them out of ``kept``."""
    error_high = bus + 2

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

    return request, receive, deliver


@block
def read_buffer(
    clock: Any, reset: Any, client: ReadClient, port: ReadClient, *, config: Config, depth: int,
) -> Any:
    """Queue ``{last, error, data}``."""
    bus, width = config.bus_width, config.bus_width + 3
    arrived, kept = Stream(width), Stream(width)
    return (
        connect(client, port, arrived, kept, bus=bus),
        queue(clock, reset, arrived, kept, width=width, depth=depth),
    )


@block
def read_register(
    clock: Any, reset: Any, client: ReadClient, port: ReadClient, *, config: Config,
) -> Any:
    """Register ``{last, error, data}``."""
    bus, width = config.bus_width, config.bus_width + 3
    arrived, kept = Stream(width), Stream(width)
    return (
        connect(client, port, arrived, kept, bus=bus),
        skid_buffer(clock, reset, arrived, kept, width=width),
    )
