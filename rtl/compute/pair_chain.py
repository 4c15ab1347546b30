"""Chain of multipliers: sums of products for two lanes, ``low`` and ``high``, that share inputs.

A multiplier of 25 x 18 bits multiplies one input by two weights, packed as ``high * 2^S + low``
with ``S = inp_width + wgt_width``.  :data:`CHAIN` of them add up, each with the adder behind it::

    total = H * 2^S + L     H = sum of high * x, L = sum of low * x, over CHAIN elements

``L`` lies in ``-2^S < L <= 2^S``, one bit more than a field of S bits holds, and the packed weights
leave no room for a wider one.  But whether H is odd follows from the lowest bits of its factors:
the chain starts with an offset that makes H even, so its lowest bit may hold L's highest one::

    offset = (odd - 2^S) * 2^S + (2^S - 1)
    total's low S + 1 bits = L + (2^S - 1)                  never negative: no borrow
    the bits above         = (H - (2^S - 1) - even) / 2     even: 1 - odd

Hence ``{bits above, even} = H - (2^S - 1)``, exactly.  A lane that is ``low`` in as many chains as
it is ``high`` in (:mod:`.mac_array`) needs no correction: the offsets cancel.

Element ``k`` of a chain is multiplied k cycles after element 0.  On 7-series (8-bit operands) an
element is one DSP48E1 with all its registers: the packed weights come from the pre-adder, inputs
and the lower weights are delayed in front of it, offset and preceding sum enter as C or PCIN.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block, concat

from ...isa.config import Config
from ..lib.bundles import bit, signed_word, word
from ..lib.field_register import field_register
from ..lib.pack import take

__all__ = [
    "CHAIN", "CHAIN_LATENCY", "delayed_element", "pair_bits", "pair_chain", "weight_chain",
]

CHAIN = 4
CHAIN_LATENCY = 1 + CHAIN
"""Stages from the registered operands of element 0 to the sums of all elements."""


def spacing(config: Config) -> int:
    """Return S, the distance of the two packed weights in bits."""
    return config.inp_width + config.wgt_width


def pair_bits(config: Config) -> int:
    """Return the width of two packed weights."""
    return spacing(config) + config.wgt_width + 1


@block
def delayed_element(
    clock: Any, tile: Any, element: Any, *, lo: int, stages: int, enable: Any = None
) -> Any:
    """``element`` is the part of ``tile`` from bit ``lo`` up, ``stages`` cycles later.

    With ``enable`` the first stage holds while that is low.
    """
    if stages == 0:
        return take(tile, element, lo=lo)
    registers = [word(len(element)) for _ in range(stages - 1)] + [element]
    arriving = word(len(element))
    return (
        take(tile, arriving, lo=lo),
        field_register(clock, arriving, registers[0], enable=enable),
        [
            field_register(clock, sink, source)
            for sink, source in zip(registers, registers[1:], strict=False)
        ],
    )


@block
def weight_pair(clock: Any, low: Any, high: Any, pair: Any, *, config: Config) -> Any:
    """Register ``high * 2^S + low``."""
    distance = spacing(config)
    # as wide as the sum: VHDL shifts keep the width of their operand
    wide_low, wide_high, shifted = (signed_word(pair_bits(config)) for _ in range(3))

    @always_comb
    def widen():
        wide_low.next = low.signed()
        wide_high.next = high.signed()

    @always_comb
    def align():
        shifted.next = wide_high << distance

    @always(clock.posedge)
    def add():
        pair.next = wide_low + shifted

    return widen, align, add


@block
def shared_weight_pair(clock: Any, low: Any, high: Any, pair: Any, *, config: Config) -> Any:
    """Register ``high * 2^S + low`` for the multipliers of several batch rows.

    Written as a borrow from ``high``: yosys would move the adder of :func:`weight_pair` into one
    of the multipliers and leave the others without.
    """
    distance = spacing(config)
    upper_bits, low_sign = pair_bits(config) - distance, config.wgt_width - 1
    wide_low, upper = signed_word(distance), signed_word(upper_bits)
    wide_high, borrow = signed_word(upper_bits), signed_word(upper_bits)
    packed = word(pair_bits(config))

    @always_comb
    def widen():
        wide_low.next = low.signed()
        wide_high.next = high.signed()
        borrow.next = 0
        if low[low_sign]:
            borrow.next = -1

    @always_comb
    def subtract():
        upper.next = wide_high + borrow

    @always_comb
    def pack():
        packed.next = concat(upper[upper_bits:], wide_low[distance:])

    @always(clock.posedge)
    def register_pair():
        pair.next = packed.signed()

    return widen, subtract, pack, register_pair


@block
def lowest_bits(clock: Any, wgt: Any, bits: Any, *, lo: int, width: int) -> Any:
    """Register the lowest bits of CHAIN weights of ``width`` bits, from bit ``lo`` up."""
    first, second, third, fourth = (lo + k * width for k in range(CHAIN))

    @always(clock.posedge)
    def capture():
        bits.next = concat(wgt[fourth], wgt[third], wgt[second], wgt[first])

    return capture


@block
def weight_chain(
    clock: Any, enable: Any, wgt: Any, pairs: list[Any], high_bits: Any, *, config: Config,
    low_lo: int, high_lo: int,
) -> Any:
    """Pack the weights of a chain: CHAIN neighbours from ``low_lo`` and from ``high_lo`` up.

    ``wgt``: the weight tile that arrives, with ``enable`` that of a GEMM step.  ``pairs``: packed
    weights, that of element k k cycles after that of element 0.  ``high_bits``: lowest bits of the
    high weights, with the first pair.
    """
    width, pack = config.wgt_width, weight_pair if config.batch == 1 else shared_weight_pair
    parts = []
    for k, pair in enumerate(pairs):
        low, high = word(width), word(width)
        # held, not only delayed: a register with an enable is no part of a shift register of LUTs
        parts.append([
            delayed_element(clock, wgt, element, lo=lo + k * width, stages=k, enable=enable)
            for element, lo in ((low, low_lo), (high, high_lo))
        ])
        parts.append(pack(clock, low, high, pair, config=config))
    return parts, lowest_bits(clock, wgt, high_bits, lo=high_lo, width=width)


@block
def chain_offset(
    clock: Any, operands: Any, high_bits: Any, offset: Any, total_odd: Any, *, config: Config,
    lo: int,
) -> Any:
    """Derive the offset from the lowest bits of H's factors; ``total_odd``: ``odd``, delayed."""
    distance, width = spacing(config), config.inp_width
    first, second, third, fourth = (lo + k * width for k in range(CHAIN))
    top, ones, upper_constant = len(offset), (1 << distance) - 1, 3 << distance
    odd, upper, packed = bit(), word(len(offset) - distance), word(len(offset))
    delayed = [odd] + [bit() for _ in range(CHAIN - 1)] + [total_odd]

    @always(clock.posedge)
    def add_modulo_two():
        odd.next = (
            (operands[first] and high_bits[0]) != (operands[second] and high_bits[1])
        ) != (
            (operands[third] and high_bits[2]) != (operands[fourth] and high_bits[3])
        )

    @always_comb
    def select_upper():
        # odd - 2^S
        upper.next = upper_constant
        upper.next[0] = odd

    @always_comb
    def pack():
        packed.next[top:distance] = upper
        packed.next[distance:] = ones

    @always_comb
    def view_signed():
        offset.next = packed.signed()

    return add_modulo_two, select_upper, pack, view_signed, [
        field_register(clock, sink, source)
        for sink, source in zip(delayed, delayed[1:], strict=False)
    ]


@block
def chain_element(clock: Any, inp: Any, pair: Any, before: Any, total: Any) -> Any:
    """Register the product, and the sum of it and of ``before`` one cycle later."""
    product = signed_word(len(total) - 1)

    @always(clock.posedge)
    def multiply():
        product.next = pair * inp.signed()

    @always(clock.posedge)
    def add():
        # all three as wide as they have to be: yosys extends a narrower one with zeros
        total.next = product + before

    return multiply, add


@block
def unpack(total: Any, odd: Any, low_sum: Any, high_sum: Any, *, distance: int) -> Any:
    """Take both sums out of a chain's total (combinational)."""
    middle, top = distance + 1, len(total)
    even, upper = bit(), word(top - middle + 1)

    @always_comb
    def invert():
        even.next = not odd

    @always_comb
    def split():
        low_sum.next = total[middle:]
        upper.next = concat(total[top:middle], even)

    @always_comb
    def view_signed():
        high_sum.next = upper.signed()

    return invert, split, view_signed


@block
def pair_chain(
    clock: Any, operands: Any, elements: list[Any], pairs: list[Any], high_bits: Any,
    low_sum: Any, high_sum: Any, *, config: Config, lo: int,
) -> Any:
    """Multiply CHAIN inputs by packed weights and add up, in CHAIN_LATENCY cycles.

    ``operands``: the word of inputs, those of this chain from bit ``lo`` up; ``elements``: these,
    number k delayed by k cycles.  ``pairs``, ``high_bits``: from :func:`weight_chain`.
    ``low_sum``: L plus ``2^S - 1``; ``high_sum``: H less as much.
    """
    distance, odd = spacing(config), bit()
    totals = [signed_word(2 * distance + 2) for _ in range(CHAIN + 1)]
    offset, total = totals[0], totals[CHAIN]
    return (
        chain_offset(clock, operands, high_bits, offset, odd, config=config, lo=lo),
        [
            chain_element(clock, elements[k], pairs[k], totals[k], totals[k + 1])
            for k in range(CHAIN)
        ],
        unpack(total, odd, low_sum, high_sum, distance=distance),
    )
