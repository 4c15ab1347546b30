"""MAC array: one tile product per cycle, ``dot[b][o] = sum_c INP[b][c] * WGT[o][c]``.

Weights arrive with s3 (memory output), inputs are registered into s4 (:mod:`.array_operands`); the
last level of sums is combinational, and its result belongs to the step :func:`mac_latency` stages
after s3.  The pipeline never waits.  Lanes are ordered ``b * block_out + o`` as in an accumulator
tile; each is wide enough for the exact sum, so only the accumulation outside wraps (vta_isa.md
section 4.3).

Large arrays multiply two weights with one multiplier and add up in the multipliers' own adders
(:mod:`.pair_chain`), since both are then the scarce resource of an FPGA.  Others have a multiplier
for each product, and adders.  Neither products nor sums have an enable: they are stable while the
operands are, and a product's register without one fits inside the multiplier of any family
(:mod:`..fpga.ecp5_multipliers`).
"""

from __future__ import annotations

from itertools import chain, product
from typing import Any

from myhdl import always, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word
from ..lib.pack import join
from .lane_sum import lane_sum
from .pair_chain import (
    CHAIN,
    CHAIN_LATENCY,
    delayed_element,
    pair_bits,
    pair_chain,
    weight_chain,
)

__all__ = ["dot_bits", "mac_array", "mac_latency"]


def radices(config: Config) -> tuple[int, ...]:
    """Return how many terms each registered level of a lane's sums adds up to one."""
    if config.multiplies_pairs:
        return {8: (), 16: (2,), 32: (2, 2)}[config.block_in]
    return {4: (4, 1), 8: (4, 2), 16: (4, 2), 32: (4, 4)}[config.block_in]


def mac_latency(config: Config) -> int:
    """Return the stages from a step's operand tiles (out of the scratchpads) to its ``dot``."""
    products = CHAIN_LATENCY if config.multiplies_pairs else 1
    return 1 + products + len(radices(config))


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
def single_products(
    clock: Any, enable: Any, operands: Any, wgt: Any, terms: Any, *, config: Config
) -> Any:
    """Drive ``terms[b][o][c]``, products, with one multiplier each."""
    inp_bits, wgt_bits, block_in = config.inp_width, config.wgt_width, config.block_in
    s4_wgt = word(len(wgt))
    parts = [
        multiplier(
            clock, operands[b * config.block_out + o], s4_wgt, terms[b][o][c],
            inp_lo=c * inp_bits, inp_width=inp_bits,
            wgt_lo=(o * block_in + c) * wgt_bits, wgt_width=wgt_bits,
        )
        for b, o, c in product(range(config.batch), range(config.block_out), range(block_in))
    ]

    @always(clock.posedge)
    def capture_weights():
        if enable:
            s4_wgt.next = wgt

    return parts, capture_weights


@block
def delayed_operands(clock: Any, operands: Any, elements: list[Any], *, width: int) -> Any:
    """Take the elements of an operand word apart, and delay each for its place in a chain."""
    return [
        delayed_element(clock, operands, element, lo=at * width, stages=at % CHAIN)
        for at, element in enumerate(elements)
    ]


@block
def paired_sums(
    clock: Any, enable: Any, operands: Any, wgt: Any, terms: Any, *, config: Config
) -> Any:
    """Drive ``terms[b][o][c // CHAIN]`` with a chain of multipliers for every two neighbours ``o``.

    The first of them is the low one in the first half of the chains, and the high one in the
    others: so the offsets of its sums cancel.
    """
    block_in, inp_width, parts, elements = config.block_in, config.inp_width, [], {}
    groups, chains = config.block_out // 2, config.block_in // CHAIN
    for words in operands:
        # one register for all groups that have the same word
        if id(words) not in elements:
            elements[id(words)] = [word(inp_width) for _ in range(block_in)]
            parts.append(delayed_operands(clock, words, elements[id(words)], width=inp_width))
    for group, place in product(range(groups), range(chains)):
        at = place * CHAIN
        lanes = 2 * group, 2 * group + 1
        low, high = lanes if place < chains // 2 else lanes[::-1]
        pairs, high_bits = [signed_word(pair_bits(config)) for _ in range(CHAIN)], word(CHAIN)
        parts.append(weight_chain(
            clock, enable, wgt, pairs, high_bits, config=config,
            low_lo=(low * block_in + at) * config.wgt_width,
            high_lo=(high * block_in + at) * config.wgt_width,
        ))
        parts += [
            pair_chain(
                clock, operands[b * groups + group],
                elements[id(operands[b * groups + group])][at : at + CHAIN], pairs, high_bits,
                terms[b][low][place], terms[b][high][place], config=config, lo=at * inp_width,
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
    width, paired = dot_bits(config), config.multiplies_pairs
    count = config.block_in // CHAIN if paired else config.block_in
    terms = [
        [[signed_word(width) for _ in range(count)] for _ in range(config.block_out)]
        for _ in range(config.batch)
    ]
    lanes = [word(width) for _ in range(config.lanes)]  # unsigned: VHDL concatenates only words
    build = paired_sums if paired else single_products
    return (
        build(clock, enable, operands, wgt, terms, config=config),
        [
            lane_sum(clock, lane_terms, lane, radices=radices(config), width=width)
            for lane_terms, lane in zip(chain(*terms), lanes, strict=True)
        ],
        join(lanes, dot),
    )
