"""Cycles of DWC: 3x3 depthwise convolutions of unit stride over rows of 64 outputs."""

from __future__ import annotations

from collections.abc import Iterator

from cycle_cases import Case

from myvta.isa.config import Config
from myvta.isa.instructions import Dwc, Instruction, Load, Uop
from myvta.isa.opcodes import MemoryType

__all__ = ["CONFIGURATIONS", "depthwise_cases"]

CONFIGURATIONS = ("default", "1x32x32")
"""Named configurations to measure: 8 taps, where 3x3 takes two steps, and 16."""
_STEPS, _WIDTH, _PITCH = 4096, 64, 67


def depthwise_cases(config: Config) -> Iterator[Case]:
    """Yield a layer of 4096 output tiles, and with a pitch that puts rows into the same bank."""
    for pitch, conflicts in ((_PITCH, 1), (_WIDTH + 4, min(config.window[0], 3))):
        parts = _parts(config)
        uops = tuple(Uop(src=row * pitch, wgt=row) for row, _ in parts)
        before = (Load(memory_type=MemoryType.UOP, x_size=len(uops)),)
        name = "" if conflicts == 1 else ", rows in one bank"
        # a part of one row has no conflict
        ideal = sum(_STEPS * (conflicts if rows > 1 else 1) for _, rows in parts)
        yield Case(
            f"DWC 3x3, 4096 tiles{name}, {config.taps} taps", _layer(config, parts, pitch), ideal,
            factor=1.05, extra=12, before=before, uops=uops,
        )


def _parts(config: Config) -> list[tuple[int, int]]:
    """Return the first row and the rows of each instruction."""
    step = min(config.window[0], 3)
    return [(row, min(step, 3 - row)) for row in range(0, 3, step)]


def _layer(config: Config, parts: list[tuple[int, int]], pitch: int) -> tuple[Instruction, ...]:
    """Return the instructions: as many rows of outputs at a time as INP holds inputs of."""
    rows = 1 << (config.depth(MemoryType.INP) // pitch - 2).bit_length() - 1
    return tuple(
        Dwc(
            uop_bgn=number, uop_end=number + 1, iter_out=rows, iter_in=_WIDTH,
            dst_factor_out=_WIDTH, dst_factor_in=1, src_factor_out=pitch, src_factor_in=1,
            row_pitch=pitch, window=config.window_code(height, 3), overwrite=int(not number),
        )
        for _ in range(_STEPS // (rows * _WIDTH)) for number, (_, height) in enumerate(parts)
    )
