"""Memory port: the AXI4 master shared by fetch, compute, load and store, the only way to memory.

Contract
    Clients use :class:`ReadClient` and :class:`WriteClient`; see :mod:`.read_port` and
    :mod:`.write_port` for order, latency and errors.  Reads and writes do not wait for each
    other.  A burst outside [window_base, window_limit] is never issued; the low 12 bits of the
    base are zeros, those of the limit ones.  The window must not change while a burst is in flight.
    ``halt``: accepts and issues nothing new, discards read data, completes issued writes with all
    strobes 0.  Once ``idle`` is high under ``halt`` it stays high, and the clients may be reset.
    If ``halt`` falls before that, ``draining`` is high and the port continues as under ``halt``
    until it is idle: late responses of memory never reach a new burst or a client.
    ``moved``: a transfer takes place on one of the five channels in this cycle.
    ``reset`` is the reset of the device, not of the modules: a burst in flight must end on the bus.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ..lib.bundles import Axi4, PortStatus, ReadClient, WriteClient, bit
from .read_port import read_port
from .write_port import write_port

__all__ = ["memory_port"]


@block
def memory_port(
    clock: Any, reset: Any, halt: Any, window_base: Any, window_limit: Any, fetch: ReadClient,
    compute: ReadClient, load: ReadClient, store: WriteClient, m_axi: Axi4, status: PortStatus, *,
    config: Config,
) -> Any:
    """Combine the read half and the write half."""
    reads_idle, writes_idle, drains = bit(), bit(), bit()

    reads = read_port(
        clock, reset, halt=drains, window_base=window_base, window_limit=window_limit, fetch=fetch,
        compute=compute, load=load, m_axi=m_axi, idle=reads_idle, config=config,
    )
    writes = write_port(
        clock, reset, halt=drains, window_base=window_base, window_limit=window_limit, store=store,
        m_axi=m_axi, idle=writes_idle, config=config,
    )

    @always_comb
    def join() -> None:
        status.idle.next = reads_idle and writes_idle
        drains.next = halt or status.draining

    @always_seq(clock.posedge, reset)
    def remember() -> None:
        status.draining.next = drains and not status.idle

    @always_comb
    def watch() -> None:
        status.moved.next = (
            (m_axi.arvalid and m_axi.arready) or (m_axi.rvalid and m_axi.rready)
            or (m_axi.awvalid and m_axi.awready) or (m_axi.wvalid and m_axi.wready)
            or (m_axi.bvalid and m_axi.bready)
        )

    return reads, writes, join, remember, watch
