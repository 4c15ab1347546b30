"""MAC array: one tile product per cycle, ``dot[b][o] = sum_c INP[b][c] * WGT[o][c]``.

Operand tiles arrive with s3 (memory output) and are registered into s4, products into s5, and two
levels of sums into s6 and s7; the last level is combinational: ``dot`` belongs to the step in s7.
The pipeline never waits.  Lanes are ordered ``b * block_out + o`` as in an accumulator tile; each
is wide enough for the exact sum, so only the accumulation outside wraps (vta_isa.md section 4.3).

Products have no enable: they are stable while their operands are, and a register without
one fits inside the multiplier of any family (:mod:`..fpga.ecp5_multipliers`).

Large arrays multiply two weights with one multiplier (:mod:`.multiply_pair`), since multipliers
are then the scarce resource of an FPGA.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word
from ..lib.pack import join
from .multiply_pair import pair_bits, pair_multiplier, weight_pair

__all__ = ["PAIRED_MULTIPLIERS_FROM", "dot_bits", "mac_array", "multiplies_pairs"]

PAIRED_MULTIPLIERS_FROM = 256
"""Products per step from which two share a multiplier of 25 x 18 bits (7-series, UltraScale).

Arrays with fewer are for devices with multipliers of 18 x 18 bits (ECP5), which compute one
product each, and of which there are enough.
"""


def dot_bits(config: Config) -> int:
    """Return the bits of one exact dot product of ``block_in`` operand products."""
    return config.inp_width + config.wgt_width + config.log_block


def multiplies_pairs(config: Config) -> bool:
    """Return whether one multiplier computes two products."""
    return config.macs_per_step >= PAIRED_MULTIPLIERS_FROM


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
def sum_two(clock: Any, enable: Any, a: Any, b: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        if enable:
            total.next = a + b

    return add


@block
def sum_four(clock: Any, enable: Any, a: Any, b: Any, c: Any, d: Any, total: Any) -> Any:
    """Registered sum."""

    @always(clock.posedge)
    def add():
        if enable:
            total.next = a + b + c + d

    return add


@block
def delay(clock: Any, enable: Any, a: Any, total: Any) -> Any:
    """Register: a level of the tree for a single term."""

    @always(clock.posedge)
    def copy():
        if enable:
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
def lane_sum(
    clock: Any, s5_enable: Any, s6_enable: Any, products: Any, dot: Any, *, width: int
) -> Any:
    """Two registered levels of sums over the products of one lane, and the last one."""
    parts, terms = [], list(products)
    radices = {4: (4, 1), 8: (4, 2), 16: (4, 2), 32: (4, 4)}[len(terms)]
    for enable, radix in zip((s5_enable, s6_enable), radices, strict=True):
        level = []
        for at in range(0, len(terms), radix):
            total = signed_word(width)
            build = {1: delay, 2: sum_two, 4: sum_four}[radix]
            parts.append(build(clock, enable, *terms[at : at + radix], total))
            level.append(total)
        terms = level
    return parts, last_sum(terms, dot)


@block
def single_products(
    clock: Any, s3_enable: Any, s4_inp: Any, wgt: Any, products: Any, *, config: Config
) -> Any:
    """Drive ``products[b][o][c]`` with one multiplier each."""
    inp_bits, wgt_bits, block_in = config.inp_width, config.wgt_width, config.block_in
    s4_wgt = word(len(wgt))
    parts = [
        multiplier(
            clock, s4_inp, s4_wgt, products[b][o][c],
            inp_lo=(b * block_in + c) * inp_bits, inp_width=inp_bits,
            wgt_lo=(o * block_in + c) * wgt_bits, wgt_width=wgt_bits,
        )
        for b in range(config.batch)
        for o in range(config.block_out)
        for c in range(block_in)
    ]

    @always(clock.posedge)
    def capture_weights():
        if s3_enable:
            s4_wgt.next = wgt

    return parts, capture_weights


@block
def paired_products(
    clock: Any, s3_enable: Any, s4_inp: Any, wgt: Any, products: Any, *, config: Config
) -> Any:
    """Drive ``products[b][o][c]`` with a multiplier for every two neighbours ``o``."""
    block_in, parts = config.block_in, []
    for o in range(0, config.block_out, 2):
        for c in range(block_in):
            pair = signed_word(pair_bits(config))
            parts.append(weight_pair(
                clock, s3_enable, wgt, pair, config=config,
                low_lo=(o * block_in + c) * config.wgt_width,
                high_lo=((o + 1) * block_in + c) * config.wgt_width,
            ))
            parts += [
                pair_multiplier(
                    clock, s4_inp, pair, products[b][o][c], products[b][o + 1][c],
                    config=config, inp_lo=(b * block_in + c) * config.inp_width,
                )
                for b in range(config.batch)
            ]
    return parts


@block
def mac_array(
    clock: Any, s3_enable: Any, s5_enable: Any, s6_enable: Any, inp: Any, wgt: Any, dot: Any,
    *, config: Config,
) -> Any:
    """Wire ``batch * block_out`` lanes of ``block_in`` products; sN_enable: a GEMM step is in sN.

    ``inp``, ``wgt``: tiles of the step in s3.  ``dot``: packed lanes of ``dot_bits`` each, s7.
    """
    width = dot_bits(config)
    s4_inp = word(len(inp))
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
            sums.append(lane_sum(
                clock, s5_enable, s6_enable, products[b][o], lane, width=width,
            ))
            lanes.append(lane)
    if multiplies_pairs(config):
        multipliers = paired_products(
            clock, s3_enable, s4_inp, wgt, products, config=config,
        )
    else:
        multipliers = single_products(
            clock, s3_enable, s4_inp, wgt, products, config=config,
        )

    @always(clock.posedge)
    def capture():
        if s3_enable:
            s4_inp.next = inp

    return multipliers, sums, capture, join(lanes, dot)
