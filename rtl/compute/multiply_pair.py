"""Two products from one multiplier: weights ``high`` and ``low`` times the same input.

With ``S = inp_width + wgt_width``, ``(high * 2^S + low) * x`` has ``low * x`` in its low S bits
and ``high * x`` above, less a borrow when ``low * x`` is negative.  Adding ``2^(S-1)`` makes the
low part non-negative, so there is no borrow and the upper part is exact.  For 8-bit operands this
is a 25 x 8 multiplication with a constant added: one DSP48E1.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word

__all__ = ["pair_bits", "pair_multiplier", "weight_pair"]


def pair_bits(config: Config) -> int:
    """Return the width of two packed weights."""
    return config.inp_width + 2 * config.wgt_width + 1


@block
def weight_pair(
    clock: Any, enable: Any, wgt: Any, pair: Any, *, config: Config, low_lo: int, high_lo: int
) -> Any:
    """Register ``high * 2^S + low``, two weights of the tile in s3."""
    spacing = config.inp_width + config.wgt_width
    low_hi, high_hi = low_lo + config.wgt_width, high_lo + config.wgt_width
    # as wide as the sum: VHDL shifts keep the width of their operand
    low, high, shifted = (signed_word(pair_bits(config)) for _ in range(3))

    @always_comb
    def widen():
        low.next = wgt[low_hi:low_lo].signed()
        high.next = wgt[high_hi:high_lo].signed()

    @always_comb
    def align():
        shifted.next = high << spacing

    @always(clock.posedge)
    def add():
        if enable:
            pair.next = shifted + low

    return widen, align, add


@block
def pair_multiplier(
    clock: Any, inp: Any, pair: Any, low_product: Any, high_product: Any,
    *, config: Config, inp_lo: int,
) -> Any:
    """Registered products of one input with both weights of ``pair``."""
    spacing = config.inp_width + config.wgt_width
    inp_hi, half = inp_lo + config.inp_width, 1 << (spacing - 1)
    both_bits = 2 * spacing
    both = signed_word(both_bits)
    low = word(spacing)

    @always(clock.posedge)
    def multiply():
        both.next = pair * inp[inp_hi:inp_lo].signed() + half

    @always_comb
    def split():
        high_product.next = both[both_bits:spacing].signed()
        low.next = both[spacing:] ^ half

    @always_comb
    def view_signed():
        low_product.next = low.signed()

    return multiply, split, view_signed
