"""RQT, requantization: ALU opcode 7, an extension (vta_isa.md 0.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..isa.alu_operations import RQT_TABLE
from ..isa.opcodes import LUT_ENTRIES, ErrorCode, RqtFlag
from .model_errors import DeviceFault

__all__ = ["RqtOptions", "check_parameters", "look_up", "requantize"]

Lanes = NDArray[np.int32]


@dataclass(frozen=True)
class RqtOptions:
    """The options in RQT's immediate; ``table`` is None without LOOKUP."""

    zero_point: int
    relu: bool
    away: bool
    bypass: bool
    table: int | None = None

    @classmethod
    def of(cls, imm: int) -> RqtOptions:
        """Return the options of a 16-bit immediate, signed or not."""
        zero_point = imm & 0xFF
        return cls(
            zero_point=zero_point - 256 if zero_point > 127 else zero_point,
            relu=bool(imm >> RqtFlag.RELU & 1),
            away=bool(imm >> RqtFlag.AWAY & 1),
            bypass=bool(imm >> RqtFlag.BYPASS & 1),
            table=imm >> RQT_TABLE & 3 if imm >> RqtFlag.LOOKUP & 1 else None,
        )


def check_parameters(multiplier: Lanes, shift: Lanes, options: RqtOptions) -> None:
    """Raise Fault (RQT_PARAMETER) for the first step with a lane out of range.

    Parameters
    ----------
    multiplier, shift : int32 [steps, lanes]
    """
    bad = (shift < 0) | (shift > 31)
    if not options.bypass:
        bad |= multiplier < 0
    if bad.any():
        step, lane = np.unravel_index(int(np.argmax(bad)), bad.shape)
        raise DeviceFault(
            ErrorCode.RQT_PARAMETER,
            f"lane {lane}: multiplier {multiplier[step, lane]} must be 0..2^31-1 and "
            f"shift {shift[step, lane]} must be 0..31",
        )


def requantize(
    acc: Lanes, bias: Lanes, multiplier: Lanes, shift: Lanes, options: RqtOptions, out_width: int
) -> Lanes:
    """Return the requantized lanes, int32 [steps, lanes]; parameters have been checked.

    ``p = acc + bias`` wraps at 32 bits; everything after it fits 64 bits: ``|p * m| < 2**62``.
    """
    q = (acc + bias).astype(np.int64)
    if not options.bypass:
        q *= multiplier
        q += 1 << 30
        q >>= 31
    if shift.any():
        n = shift.astype(np.int64)
        half = (np.int64(1) << n) >> 1
        if options.away:  # floor((|q| + half) / 2^n) with the sign of q
            negative = q < 0
            q = (np.abs(q) + half) >> n
            np.negative(q, out=q, where=negative)
        else:
            q += half
            q >>= n
    q += options.zero_point
    minimum = options.zero_point if options.relu else -(1 << (out_width - 1))
    maximum = (1 << (out_width - 1)) - 1
    return np.minimum(np.maximum(q, minimum), maximum).astype(np.int32)


def look_up(values: Lanes, table: NDArray[np.int16]) -> Lanes:
    """Return the entries of a table that requantized lanes select by their low eight bits."""
    return table[values & LUT_ENTRIES - 1].astype(np.int32)
