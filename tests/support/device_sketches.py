"""Sketches of random programs: kinds of instructions with numbers, drawn for a configuration.

:mod:`device_random` turns them into instructions.
"""

from dataclasses import dataclass

__all__ = ["MIX", "NEEDS", "Shape", "draw", "draw_shape", "spread"]

MIX = {
    "load": 4, "load uop": 1, "load acc": 2, "store": 3, "gemm": 5, "alu": 5, "rqt": 4, "idle": 1,
    "forward": 4, "load wgt4": 2, "dwc": 5, "red": 2, "load lut": 2,
}
"""How often each kind of sketch is drawn."""
NEEDS = {
    "rqt": "requantize", "forward": "forward", "load wgt4": "weights4", "red": "reduce",
    "load lut": "lookup", "dwc": "depthwise",
}
"""The extension that a kind of sketch needs."""
_NUMBERS = 14


@dataclass(frozen=True)
class Shape:
    """What a random program is made of, besides its sketches.

    Attributes
    ----------
    seed : int
        Of the bytes in memory and of the micro-ops.
    tiles : int
        Size of the arenas in INP and ACC; half of it in WGT, as many micro-ops.
    high : bool
        The arenas are at the end of the scratchpads, not at their start.
    chained : bool
        Every instruction waits for the one before; else only where they conflict.
    """

    seed: int
    tiles: int = 16
    high: bool = False
    chained: bool = False


def draw(config, dice, length, mix=None):
    """Return up to so many random sketches."""
    kinds = [kind for kind, weight in (mix or MIX).items() for _ in range(weight)
             if kind not in NEEDS or getattr(config, NEEDS[kind])]
    return [
        (dice.choice(kinds), tuple(dice.randrange(0x10000) for _ in range(_NUMBERS)))
        for _ in range(dice.randint(1, length))
    ]


def draw_shape(dice, seed, tiles=(8, 16, 40)):
    """Return a random shape."""
    return Shape(seed, dice.choice(tiles), high=dice.random() < 0.5, chained=dice.random() < 0.5)


def spread(numbers, columns, rows, tiles):
    """Return a stride and a place such that all rows are within so many tiles."""
    stride = next(numbers) % 12
    if rows > 1:
        stride = min(stride, max(0, tiles - columns) // (rows - 1))
    reach = max(0, rows - 1) * stride + columns
    return stride, next(numbers) % max(1, tiles - reach + 1)
