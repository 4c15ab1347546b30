"""Inputs of the MAC array out of INP (``check`` on): a tile, or with DWC a window of tiles."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ...isa.config import Config
from ..lib.bundles import OperandRead
from ..load.scratchpad_window import WindowRead
from .address_generator import StepSums
from .array_operands import array_operands
from .stages import Stages
from .step import Step
from .window_operands import window_operands
from .window_schedule import WindowControl, window_schedule
from .window_shape import WindowSums, window_sums

__all__ = ["input_tile", "input_window"]


@block
def input_tile(
    clock: Any, s: list[Step], inp: OperandRead, operands: list[Any], *, config: Config
) -> Any:
    """Read the tile of a GEMM; ``operands`` belong to the stage after ``tiles``."""
    at = Stages.of(config)
    reading, multiplying = s[at.read], s[at.tiles]

    @always_comb
    def read():
        inp.enable.next = reading.mac
        inp.address.next = reading.inp

    return read, array_operands(clock, multiplying.mac, inp.data, operands, config=config)


@block
def input_window(
    clock: Any, reset: Any, advance: Any, s: list[Step], sums: StepSums, window: WindowSums,
    inp: WindowRead, ready: Any, operands: list[Any], *, config: Config,
) -> Any:
    """Read the tiles of a GEMM or DWC, which may leave ``schedule`` when it is ``ready``."""
    control = WindowControl(config)
    return (
        window_sums(clock, advance, s[Stages.index], window, config=config),
        window_schedule(
            clock, reset, advance, s, sums, window, inp, ready, control, config=config,
        ),
        window_operands(clock, inp, control, operands, config=config),
    )
