"""Operands of the MAC array: the input tile of the step in s3, registered for the multipliers.

A *group* is the lanes of one batch row whose products share their inputs: two neighbours where they
share multipliers (:mod:`.pair_chain`), else a single lane.  Every group has a word of
``block_in`` operands; in a matrix product all groups of a row multiply the same inputs, so here
they share one register.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, block

from ...isa.config import Config
from ..lib.bundles import word

__all__ = ["array_operands", "group_lanes", "operand_words"]


def group_lanes(config: Config) -> int:
    """Return the lanes of a group."""
    return 2 if config.multiplies_pairs else 1


def operand_words(config: Config) -> list[Any]:
    """Return the operand words of all groups, by batch row, then group.

    Groups of a row are the same signal, except with DWC, where each has inputs of its own.
    """
    groups = config.block_out // group_lanes(config)
    if config.depthwise:
        return [word(config.block_in * config.inp_width) for _ in range(config.batch * groups)]
    rows = [word(config.block_in * config.inp_width) for _ in range(config.batch)]
    return [row for row in rows for _ in range(groups)]


@block
def capture_row(clock: Any, enable: Any, inp: Any, operands: Any, *, row: int) -> Any:
    """Register one batch row of ``inp``."""
    lo, hi = row * len(operands), (row + 1) * len(operands)

    @always(clock.posedge)
    def capture():
        if enable:
            operands.next = inp[hi:lo]

    return capture


@block
def array_operands(
    clock: Any, enable: Any, inp: Any, operands: list[Any], *, config: Config
) -> Any:
    """Register ``inp``, the tile of the step in s3, into ``operands`` (:func:`operand_words`).

    ``enable``: a GEMM step is in s3.
    """
    groups = len(operands) // config.batch
    return [
        capture_row(clock, enable, inp, operands[row * groups], row=row)
        for row in range(config.batch)
    ]
