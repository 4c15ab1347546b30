"""MAC array: one tile product per cycle, ``dot[b][o] = sum_c INP[b][c] * WGT[o][c]``.

Operand tiles arrive with s3 (memory output) and are registered into s4, inputs in
:mod:`.array_operands`; products are registered into s5, and two levels of sums into s6 and s7; the
last level is combinational: ``dot`` belongs to the step in s7.  The pipeline never waits.  Lanes
are ordered ``b * block_out + o`` as in an accumulator tile; each is wide enough for the exact sum,
so only the accumulation outside wraps (vta_isa.md section 4.3).

Products and sums have no enable: they are stable while the operands are, and a product's register
without one fits inside the multiplier of any family (:mod:`..fpga.ecp5_multipliers`).

Large arrays multiply two weights with one multiplier (:mod:`.multiply_pair`), since multipliers
are then the scarce resource of an FPGA.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word
from ..lib.pack import join
from .array_operands import group_lanes, multiplies_pairs
from .multiply_pair import pair_bits, pair_multiplier, weight_pair

__all__ = ["dot_bits", "mac_array", "mac_latency"]


def mac_latency(config: Config) -> int:
    """Return the stages from a step's operand tiles (out of the scratchpads) to its ``dot``."""
    del config
    return 4


def dot_bits(config: Config) -> int:
    """Return the bits of one exact dot product of ``block_in`` operand products."""
    return config.inp_width + config.wgt_width + config.log_block


@block
def multiplier(
    clock: Any, inp: Any, wgt: Any, product: Any,
    *, inp_lo: int, inp_width: int, wgt_lo: int, wgt_width: int,
) -> Any:
    """Registered signed product of one operand of each tile."""
    inp_hi, wgt_hi = inp_lo + inp_width, wgt_lo + wgt_width

    @always(clock.posedge)
    def multiply():
        product.next = inp[inp_hi:inp_lo].signed() * wgt[wgt_hi:wgt_lo].signed()

    return multiply


@block
def sum_two(clock: Any, a: Any, b: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        total.next = a + b

    return add


@block
def sum_four(clock: Any, a: Any, b: Any, c: Any, d: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        total.next = a + b + c + d

    return add


@block
def delay(clock: Any, a: Any, total: Any) -> Any:
    """Register: a level of the tree for a single term."""

    @always(clock.posedge)
    def copy():
        total.next = a

    return copy


@block
def last_sum(terms: Any, dot: Any) -> Any:
    """The last level: the sum of one or two terms, combinational."""
    if len(terms) == 1:
        a = terms[0]

        @always_comb
        def add():
            dot.next = a

        return add

    b, c = terms

    @always_comb
    def add_two():
        dot.next = b + c

    return add_two


@block
def lane_sum(clock: Any, products: Any, dot: Any, *, width: int) -> Any:
    """Two registered levels of sums over the products of one lane, and the last one."""
    parts, terms = [], list(products)
    for radix in {4: (4, 1), 8: (4, 2), 16: (4, 2), 32: (4, 4)}[len(terms)]:
        level = []
        for at in range(0, len(terms), radix):
            total = signed_word(width)
            build = {1: delay, 2: sum_two, 4: sum_four}[radix]
            parts.append(build(clock, *terms[at : at + radix], total))
            level.append(total)
        terms = level
    return parts, last_sum(terms, dot)


@block
def single_products(
    clock: Any, enable: Any, operands: Any, wgt: Any, products: Any, *, config: Config
) -> Any:
    """Drive ``products[b][o][c]`` with one multiplier each."""
    inp_bits, wgt_bits, block_in = config.inp_width, config.wgt_width, config.block_in
    s4_wgt = word(len(wgt))
    parts = [
        multiplier(
            clock, operands[b * config.block_out + o], s4_wgt, products[b][o][c],
            inp_lo=c * inp_bits, inp_width=inp_bits,
            wgt_lo=(o * block_in + c) * wgt_bits, wgt_width=wgt_bits,
        )
        for b in range(config.batch)
        for o in range(config.block_out)
        for c in range(block_in)
    ]

    @always(clock.posedge)
    def capture_weights():
        if enable:
            s4_wgt.next = wgt

    return parts, capture_weights


@block
def paired_products(
    clock: Any, enable: Any, operands: Any, wgt: Any, products: Any, *, config: Config
) -> Any:
    """Drive ``products[b][o][c]`` with a multiplier for every two neighbours ``o``."""
    block_in, parts = config.block_in, []
    groups = config.block_out // group_lanes(config)
    for o in range(0, config.block_out, 2):
        for c in range(block_in):
            pair = signed_word(pair_bits(config))
            parts.append(weight_pair(
                clock, enable, wgt, pair, config=config,
                low_lo=(o * block_in + c) * config.wgt_width,
                high_lo=((o + 1) * block_in + c) * config.wgt_width,
            ))
            parts += [
                pair_multiplier(
                    clock, operands[b * groups + o // 2], pair, products[b][o][c],
                    products[b][o + 1][c], config=config, inp_lo=c * config.inp_width,
                )
                for b in range(config.batch)
            ]
    return parts


@block
def mac_array(
    clock: Any, enable: Any, operands: list[Any], wgt: Any, dot: Any, *, config: Config
) -> Any:
    """Wire ``batch * block_out`` lanes of ``block_in`` products.

    ``operands``: inputs of the step in s4 (:func:`.operand_words`).  ``wgt``: weight tile of the
    step in s3; ``enable``: that is a GEMM step.  ``dot``: packed lanes of ``dot_bits`` each,
    :func:`mac_latency` stages after s3.
    """
    width = dot_bits(config)
    products = [
        [
            [signed_word(config.inp_width + config.wgt_width) for _ in range(config.block_in)]
            for _ in range(config.block_out)
        ]
        for _ in range(config.batch)
    ]
    lanes, sums = [], []
    for b in range(config.batch):
        for o in range(config.block_out):
            lane = word(width)  # unsigned: VHDL concatenates only words
            sums.append(lane_sum(clock, products[b][o], lane, width=width))
            lanes.append(lane)
    build = paired_products if multiplies_pairs(config) else single_products
    multipliers = build(clock, enable, operands, wgt, products, config=config)
    return multipliers, sums, join(lanes, dot)
