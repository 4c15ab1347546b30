"""AXI4-Lite master for one register access at a time.

Contract
    An access begins in a cycle with ``start``, whose fields are kept until ``done`` pulses.
    ``failed`` and, after a read, ``value`` are valid with ``done`` and hold until the next start.
    Address and data are offered at once and are stable until they are accepted; VALID never waits
    for READY.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..rtl.lib.bundles import AxiLite, bit

__all__ = ["lite_master"]

_ALL_BYTES = 0xF


@block
def lite_master(
    clock: Any, reset: Any, start: Any, write: Any, address: Any, data: Any, value: Any,
    failed: Any, done: Any, m_axi: AxiLite,
) -> Any:
    """Read or write a register."""
    waiting = bit()  # for the response

    @always_comb
    def listen() -> None:
        m_axi.bready.next = waiting
        m_axi.rready.next = waiting

    @always_seq(clock.posedge, reset)
    def access() -> None:
        done.next = False
        if m_axi.awready:
            m_axi.awvalid.next = False
        if m_axi.wready:
            m_axi.wvalid.next = False
        if m_axi.arready:
            m_axi.arvalid.next = False
        if start:
            waiting.next = True
            if write:
                m_axi.awvalid.next = True
                m_axi.awaddr.next = address
                m_axi.wvalid.next = True
                m_axi.wdata.next = data
                m_axi.wstrb.next = _ALL_BYTES
            else:
                m_axi.arvalid.next = True
                m_axi.araddr.next = address
        elif waiting and m_axi.bvalid:
            waiting.next = False
            failed.next = m_axi.bresp[1]
            done.next = True
        elif waiting and m_axi.rvalid:
            waiting.next = False
            failed.next = m_axi.rresp[1]
            value.next = m_axi.rdata
            done.next = True

    return listen, access
