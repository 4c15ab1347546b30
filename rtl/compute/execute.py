"""Execute (stages s4 to s9): the arithmetic of a step, from operand tiles to its result.

Short operations select their operands in s7 and compute in s8; long ones work from s4 to s8.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, block

from ...isa.config import Config
from ..lib.bundles import signed_word, word
from ..lib.pack import join
from .alu_lane import Operation, alu_lane, alu_operands, alu_operation
from .long_operands import LongOperands, long_operands, parameter_tiles
from .mac_array import dot_bits
from .multiply_lane import (
    MULTIPLIER_BITS,
    multiply_lane,
    multiply_operands,
    quotient_lane,
    requantize_operands,
)
from .operands import Operand, forward
from .requantize_lane import requantize_lane, rqt_immediate
from .rqt_parameters import ParameterRead
from .step import Step

__all__ = ["execute"]


@block
def execute(
    clock: Any, even_data: Any, odd_data: Any, parameter: ParameterRead, dot: Any, s: list[Step],
    s9_result: Any, *, config: Config,
) -> Any:
    """Wire the lanes; ``dot`` belongs to s7, the result to s9."""
    s3, s4, s6, s7, s8 = s[3], s[4], s[6], s[7], s[8]
    tile_bits = 32 * config.lanes
    dst, src = Operand(tile_bits), Operand(tile_bits)
    operands = LongOperands(tile_bits)
    result = word(tile_bits)
    results = [word(32) for _ in range(config.lanes)]
    operation = Operation()
    parts = [
        forward(
            clock, even_data=even_data, odd_data=odd_data, s=s, s9_result=s9_result, dst=dst,
            src=src,
        ),
        long_operands(clock, even_data, odd_data, s3, s4, operands),
        alu_operation(clock, s7, operation), join(results, result),
    ]
    if config.requantize:
        bias, multiplier = word(tile_bits), word(tile_bits)
        shift, lost_mask = word(5 * config.lanes), word(tile_bits)
        parts.append(rqt_immediate(clock, s7, s8.imm))
        parts.append(parameter_tiles(
            clock, even_data=even_data, odd_data=odd_data, parameter=parameter, s6=s6, bias=bias,
            multiplier=multiplier, shift=shift, lost_mask=lost_mask, config=config,
        ))
    for lane in range(config.lanes):
        p, m, s7_product = word(32), word(MULTIPLIER_BITS), word(32)
        s6_upper, requantized = signed_word(50), None
        first, second = word(32), word(32)
        if config.requantize:
            requantized = word(32)
            s7_quotient = signed_word(35)
            parts.append(quotient_lane(clock, s6, s6_upper, s7_quotient))
            parts.append(requantize_operands(s4, operands, bias, multiplier, p, m, lane=lane))
            parts.append(requantize_lane(
                clock, s7=s7, s8=s8, s7_quotient=s7_quotient, shift_tile=shift, lost_mask=lost_mask,
                result=requantized, config=config, lane=lane,
            ))
        else:
            parts.append(multiply_operands(s4, operands, p, m, lane=lane))
        parts.append(multiply_lane(
            clock, s4=s4, s6=s6, p=p, m=m, s6_upper=s6_upper, s7_product=s7_product,
        ))
        parts.append(alu_operands(
            clock, s7=s7, even_data=even_data, odd_data=odd_data, dst=dst, src=src, dot=dot,
            product=s7_product, result=results[lane], first=first, second=second, lane=lane,
            dot_width=dot_bits(config),
        ))
        parts.append(alu_lane(operation, first, second, requantized, results[lane]))

    @always(clock.posedge)
    def register_result():
        if s8.valid:
            s9_result.next = result

    return parts, register_result
