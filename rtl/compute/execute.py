"""Execute (``arrive`` to ``write``): the arithmetic of a step, from operand tiles to its result.

An ALU operation passes operand selection, adder, multiplier and shifter; its result and the dot
products of a GEMM are joined in ``merge``, and accumulated.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word
from ..lib.field_register import field_register
from ..lib.pack import join
from .accumulate import accumulate, accumulate_lane
from .alu_lane import (
    Operation,
    alu_operation,
    alu_sum,
    multiplier_operands,
    shift_amount,
)
from .lookup import TableWrite
from .mac_array import dot_bits
from .multiply_lane import MULTIPLIER_BITS, PRODUCT_BITS, multiply_lane
from .operands import alu_operands
from .parameter_tiles import parameter_tiles
from .reduce_tree import reduce_tree
from .requantize_lane import requantize_lane, rqt_immediate
from .rqt_parameters import ParameterRead
from .shift_lane import SHIFTED_BITS, Lost, plain_result, right_shift
from .stages import Stages
from .step import Step
from .table_results import table_results

__all__ = ["execute"]


class Parameters:
    """Parameter tiles of RQT; ``shift`` has 5 bits per lane."""

    def __init__(self, config: Config) -> None:
        tile_bits = 32 * config.lanes
        self.bias, self.multiplier = word(tile_bits), word(tile_bits)
        self.shift = word(5 * config.lanes)


@block
def gate_dot(clock: Any, finished: Step, dot: Any, gated: Any, *, lane: int, width: int) -> Any:
    """Register one lane of ``dot`` from stage ``dot`` to the next; zero without a product."""
    lo, hi = width * lane, width * (lane + 1)
    wide = signed_word(32)

    @always_comb
    def extend():
        wide.next = dot[hi:lo].signed()

    @always(clock.posedge)
    def gate():
        gated.next = 0
        if finished.mac and not finished.clear:
            gated.next = wide

    return extend, gate


@block
def either(left: Any, right: Any, joined: Any) -> Any:
    """Join two words, of which one is zero (combinational)."""

    @always_comb
    def join_words():
        joined.next = left | right

    return join_words


@block
def merge_results(clock: Any, sources: list[Any], addend: Any) -> Any:
    """Register the addend in ``merge``: one of at least two sources, of which the others are 0."""
    joined, *others, last = sources
    parts = []
    for other in others:
        both = word(32)
        parts.append(either(joined, other, both))
        joined = both

    @always(clock.posedge)
    def merge():
        addend.next = joined | last

    return parts, merge


@block
def alu_result(
    clock: Any, s: list[Step], operation: Operation, p: Any, q: Any, parameters: Parameters | None,
    imm: Any, plain: Any, requantized: Any, *, config: Config, lane: int,
) -> Any:
    """Wire one lane of the ALU, from the operand tiles to ``plain`` and ``requantized``."""
    at, rqt, rounded, parts = Stages.of(config), operation.rqt, s[Stages.of(config).round], []
    value, factor, m = word(32), word(32), word(MULTIPLIER_BITS)
    product, shifted = word(PRODUCT_BITS if rqt else 32), signed_word(SHIFTED_BITS)
    amounts = [word(5) for _ in range(at.product - at.select + 1)]
    multiplier = shift = lost = rounds = is_product = is_rounded = None
    if rqt is not None and parameters is not None:
        multiplier, shift, lost = parameters.multiplier, parameters.shift, Lost()
        rounds, is_product, is_rounded = rqt.select, rqt.product, rqt.round
        parts.append(requantize_lane(
            clock, rounded=rounded, requantizes=is_rounded, shifted=shifted, lost=lost, imm=imm,
            result=requantized, config=config,
        ))
    return (
        parts,
        alu_sum(clock, operation, p, q, value, factor, lane=lane),
        multiplier_operands(clock, operation, q, factor, multiplier, m, lane=lane),
        shift_amount(clock, operation, q, shift, amounts[0], lane=lane),
        [
            field_register(clock, amount, following)
            for amount, following in zip(amounts, amounts[1:], strict=False)
        ],
        multiply_lane(clock, value, m, rounds, s[at.product - 1].alu, product),
        right_shift(clock, product, amounts[-1], is_product, shifted, lost),
        plain_result(clock, rounded, operation.round_elsewhere, shifted, plain),
    )


@block
def execute(
    clock: Any, even_data: Any, odd_data: Any, parameter: ParameterRead, tables: TableWrite,
    dot: Any, s: list[Step], result: Any, *, config: Config,
) -> Any:
    """Wire the lanes; ``dot`` belongs to stage ``dot``, ``result`` to ``write``."""
    at = Stages.of(config)
    finished, adding = s[at.dot], s[at.add]
    tile_bits = 32 * config.lanes
    p, q, operand, previous = (word(tile_bits) for _ in range(4))
    totals, total = [word(32) for _ in range(config.lanes)], word(tile_bits)
    operation, imm, parameters = Operation(), word(16), None
    parts = [
        alu_operation(clock, s, operation, config=config), join(totals, total),
        accumulate(
            clock, even_data, odd_data, s, result, operand, previous, config=config,
        ),
    ]
    if config.requantize:
        assert operation.rqt is not None
        parameters = Parameters(config)
        parts.append(rqt_immediate(clock, s[at.round], operation.rqt.round, imm))
        parts.append(parameter_tiles(
            clock, even_data=even_data, odd_data=odd_data, parameter=parameter,
            bias=parameters.bias, multiplier=parameters.multiplier, shift=parameters.shift,
            config=config,
        ))
    bias = None if parameters is None else parameters.bias
    parts.append(alu_operands(clock, even_data, odd_data, s, bias, p, q, config=config))
    lanes = range(config.lanes)
    plain, requantized = ([word(32) for _ in lanes] for _ in range(2))
    merged = [plain, requantized] if config.requantize else [plain]  # a word per lane each
    if config.lookup:
        merged = [[word(32) for _ in lanes] for _ in range(3)]
        parts.append(table_results(clock, imm, tables, plain, requantized, merged))
    if config.reduce:
        reduced = [word(32) for _ in range(config.batch)]
        parts.append(reduce_tree(
            clock, q, s[at.operand], reduced, config=config, depth=at.merge - at.operand,
        ))
        merged.append([reduced[lane // config.block_out] for lane in lanes])
    for lane in lanes:
        gated, addend = word(32), word(32)
        parts += [
            gate_dot(clock, finished, dot, gated, lane=lane, width=dot_bits(config)),
            alu_result(
                clock, s, operation, p, q, parameters, imm, plain[lane], requantized[lane],
                config=config, lane=lane,
            ),
            merge_results(clock, [gated, *(words[lane] for words in merged)], addend),
            accumulate_lane(addend, operand, previous, totals[lane], lane=lane),
        ]

    @always(clock.posedge)
    def register_result():
        if adding.valid:
            result.next = total

    return parts, register_result
