"""MAC array: one tile product a cycle, ``dot[b][o] = sum_c INP[b][c] * WGT[o][c]``.

Operand tiles arrive with s3 (memory output) and are registered into s4, products into s5, and
three levels of sums into s6, s7 and s8: ``dot`` belongs to the step in s8.  The pipeline never
waits.  Lanes lie ``b * block_out + o`` as in an accumulator tile; each is wide enough for the
exact sum, so only the accumulation outside wraps (vta_isa.md section 4.3).
"""

from __future__ import annotations

from myhdl import always, block

from ..isa.config import Config
from .bundles import signed_word, word
from .pack import join

__all__ = ["dot_bits", "mac_array"]


def dot_bits(config: Config) -> int:
    """Return the bits of one exact dot product of ``block_in`` operand products."""
    return config.inp_width + config.wgt_width + config.log_block


@block
def multiplier(clock, enable, inp, wgt, product, *, inp_lo, inp_width, wgt_lo, wgt_width):
    """Registered signed product of one operand of each tile."""
    inp_hi, wgt_hi = inp_lo + inp_width, wgt_lo + wgt_width

    @always(clock.posedge)
    def multiply():
        if enable:
            product.next = inp[inp_hi:inp_lo].signed() * wgt[wgt_hi:wgt_lo].signed()

    return multiply


@block
def sum_two(clock, enable, a, b, total):
    """Registered sum."""

    @always(clock.posedge)
    def add():
        if enable:
            total.next = a + b

    return add


@block
def sum_four(clock, enable, a, b, c, d, total):
    """Registered sum."""

    @always(clock.posedge)
    def add():
        if enable:
            total.next = a + b + c + d

    return add


@block
def delay(clock, enable, a, total):
    """Register: a level of the tree with nothing left to add."""

    @always(clock.posedge)
    def copy():
        if enable:
            total.next = a

    return copy


@block
def lane_sum(clock, s5_enable, s6_enable, s7_enable, products, dot, *, width):
    """Three registered levels of sums over the products of one lane."""
    parts, terms = [], list(products)
    radices = {4: (4, 1, 1), 8: (4, 2, 1), 16: (4, 2, 2), 32: (4, 4, 2)}[len(terms)]
    for enable, radix in zip((s5_enable, s6_enable, s7_enable), radices, strict=True):
        level = []
        for at in range(0, len(terms), radix):
            total = dot if radix == len(terms) and enable is s7_enable else signed_word(width)
            group = terms[at : at + radix]
            build = {1: delay, 2: sum_two, 4: sum_four}[radix]
            parts.append(build(clock, enable, *group, total))
            level.append(total)
        terms = level
    return parts


@block
def mac_array(clock, s3_enable, s4_enable, s5_enable, s6_enable, s7_enable, inp, wgt, dot, *, config):
    """Wire ``batch * block_out`` lanes of ``block_in`` products; ``sN_enable``: a GEMM step is there.

    ``inp``, ``wgt``: tiles of the step in s3.  ``dot``: packed lanes of ``dot_bits`` each, s8.
    """
    width = dot_bits(config)
    inp_bits, wgt_bits = config.inp_width, config.wgt_width
    s4_inp, s4_wgt = word(len(inp)), word(len(wgt))
    lanes, parts = [], []
    for b in range(config.batch):
        for o in range(config.block_out):
            products = [signed_word(inp_bits + wgt_bits) for _ in range(config.block_in)]
            for c, product in enumerate(products):
                parts.append(multiplier(
                    clock, s4_enable, s4_inp, s4_wgt, product,
                    inp_lo=(b * config.block_in + c) * inp_bits, inp_width=inp_bits,
                    wgt_lo=(o * config.block_in + c) * wgt_bits, wgt_width=wgt_bits,
                ))
            lane = word(width)  # unsigned: VHDL concatenates only words
            parts.append(lane_sum(
                clock, s5_enable, s6_enable, s7_enable, products, lane, width=width,
            ))
            lanes.append(lane)

    @always(clock.posedge)
    def capture():
        if s3_enable:
            s4_inp.next = inp
            s4_wgt.next = wgt

    return parts, capture, join(lanes, dot)

