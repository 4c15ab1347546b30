"""Arbiter of two AXI4 masters at one slave.

Contract
    Reads and writes are arbitrated separately.  The master that owns a direction keeps it until the
    other one requests; then it gets no new address through, and ownership changes once its bursts
    are answered.  So a master waits for at most one more address of the other, and responses need
    no tags.  A payload presented to the slave is stable until it is accepted.  Wires only: no cycle
    is added.  Masters assert AWVALID no later than the first WVALID of that burst; the slave
    accepts W only after its AW.
"""

from __future__ import annotations

from typing import Any

from myhdl import Signal, always_comb, always_seq, block, intbv

from ..rtl.lib.bundles import Axi4, bit

__all__ = ["axi_arbiter"]

_BURSTS = 256


@block
def ownership(
    clock: Any, reset: Any, first_asks: Any, second_asks: Any, shown: Any, taken: Any,
    answered: Any, second: Any, passing: Any,
) -> Any:
    """Decide which master owns a direction: ``second``; ``passing``: addresses may go through."""
    closed = bit()
    outstanding = Signal(intbv(0, min=0, max=_BURSTS))

    @always_comb
    def limit() -> None:
        passing.next = not closed and outstanding < _BURSTS - 1

    @always_seq(clock.posedge, reset)
    def hand_over() -> None:
        if taken and not answered:
            outstanding.next = outstanding + 1
        elif answered and not taken:
            outstanding.next = outstanding - 1
        if not closed:
            if (taken or not shown) and ((second and first_asks) or (not second and second_asks)):
                closed.next = True
        elif outstanding == 0:
            second.next = not second
            closed.next = False

    return limit, hand_over


@block
def arbitrate_reads(clock: Any, reset: Any, one: Axi4, two: Axi4, s_axi: Axi4) -> Any:
    """Arbitrate AR and R."""
    second, passing, shown, taken, answered = (bit() for _ in range(5))

    @always_comb
    def ask() -> None:
        shown.next = passing and ((not second and one.arvalid) or (second and two.arvalid))

    @always_comb
    def address() -> None:
        s_axi.arvalid.next = shown
        s_axi.araddr.next = one.araddr
        s_axi.arlen.next = one.arlen
        s_axi.arsize.next = one.arsize
        s_axi.arburst.next = one.arburst
        if second:
            s_axi.araddr.next = two.araddr
            s_axi.arlen.next = two.arlen
            s_axi.arsize.next = two.arsize
            s_axi.arburst.next = two.arburst
        one.arready.next = passing and not second and s_axi.arready
        two.arready.next = passing and second and s_axi.arready

    @always_comb
    def data() -> None:
        one.rdata.next = s_axi.rdata
        two.rdata.next = s_axi.rdata
        one.rresp.next = s_axi.rresp
        two.rresp.next = s_axi.rresp
        one.rlast.next = s_axi.rlast
        two.rlast.next = s_axi.rlast
        one.rvalid.next = s_axi.rvalid and not second
        two.rvalid.next = s_axi.rvalid and second
        s_axi.rready.next = (not second and one.rready) or (second and two.rready)

    @always_comb
    def watch() -> None:
        taken.next = shown and s_axi.arready
        answered.next = s_axi.rvalid and s_axi.rready and s_axi.rlast

    owner = ownership(
        clock, reset, first_asks=one.arvalid, second_asks=two.arvalid, shown=shown, taken=taken,
        answered=answered, second=second, passing=passing,
    )
    return ask, address, data, watch, owner


@block
def arbitrate_writes(clock: Any, reset: Any, one: Axi4, two: Axi4, s_axi: Axi4) -> Any:
    """Arbitrate AW, W and B."""
    second, passing, shown, taken, answered = (bit() for _ in range(5))

    @always_comb
    def ask() -> None:
        shown.next = passing and ((not second and one.awvalid) or (second and two.awvalid))

    @always_comb
    def address() -> None:
        s_axi.awvalid.next = shown
        s_axi.awaddr.next = one.awaddr
        s_axi.awlen.next = one.awlen
        s_axi.awsize.next = one.awsize
        s_axi.awburst.next = one.awburst
        if second:
            s_axi.awaddr.next = two.awaddr
            s_axi.awlen.next = two.awlen
            s_axi.awsize.next = two.awsize
            s_axi.awburst.next = two.awburst
        one.awready.next = passing and not second and s_axi.awready
        two.awready.next = passing and second and s_axi.awready

    @always_comb
    def data() -> None:
        s_axi.wdata.next = one.wdata
        s_axi.wstrb.next = one.wstrb
        s_axi.wlast.next = one.wlast
        s_axi.wvalid.next = one.wvalid
        if second:
            s_axi.wdata.next = two.wdata
            s_axi.wstrb.next = two.wstrb
            s_axi.wlast.next = two.wlast
            s_axi.wvalid.next = two.wvalid
        one.wready.next = s_axi.wready and not second
        two.wready.next = s_axi.wready and second

    @always_comb
    def answer() -> None:
        one.bresp.next = s_axi.bresp
        two.bresp.next = s_axi.bresp
        one.bvalid.next = s_axi.bvalid and not second
        two.bvalid.next = s_axi.bvalid and second
        s_axi.bready.next = (not second and one.bready) or (second and two.bready)

    @always_comb
    def watch() -> None:
        taken.next = shown and s_axi.awready
        answered.next = s_axi.bvalid and s_axi.bready

    owner = ownership(
        clock, reset, first_asks=one.awvalid, second_asks=two.awvalid, shown=shown, taken=taken,
        answered=answered, second=second, passing=passing,
    )
    return ask, address, data, answer, watch, owner


@block
def axi_arbiter(clock: Any, reset: Any, one: Axi4, two: Axi4, s_axi: Axi4) -> Any:
    """Let ``one`` and ``two`` use ``s_axi``."""
    return (
        arbitrate_reads(clock, reset, one, two, s_axi),
        arbitrate_writes(clock, reset, one, two, s_axi),
    )
