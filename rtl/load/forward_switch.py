"""Switch of forwarded results between the two operand scratchpads."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ...isa.opcodes import MemoryType
from ..lib.bundles import ForwardWrite

__all__ = ["forward_switch"]


@block
def forward_switch(forward: ForwardWrite, inp: ForwardWrite, wgt: ForwardWrite | None) -> Any:
    """Offer a result of type INP to ``inp`` and one of type WGT to ``wgt``; combinational.

    ``wgt`` is None where a result is no row of WGT.
    """

    @always_comb
    def offer_inp() -> None:
        inp.valid.next = forward.valid and (forward.memory_type == MemoryType.INP)
        inp.index.next = forward.index
        inp.data.next = forward.data

    if wgt is None:
        @always_comb
        def answer() -> None:
            forward.ready.next = inp.ready

        return offer_inp, answer

    @always_comb
    def offer_wgt() -> None:
        wgt.valid.next = forward.valid and (forward.memory_type == MemoryType.WGT)
        wgt.index.next = forward.index
        wgt.data.next = forward.data

    @always_comb
    def choose_answer() -> None:
        forward.ready.next = inp.ready
        if forward.memory_type == MemoryType.WGT:
            forward.ready.next = wgt.ready

    return offer_inp, offer_wgt, choose_answer
