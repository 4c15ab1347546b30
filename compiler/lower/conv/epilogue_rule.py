"""Rules of operators that can be computed on the outputs of a convolution, in the accumulator.

Such an operator declares its rule in its own file; nothing here depends on a particular operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ....driver.stream.stream import StreamBuilder
from ....isa.config import Config
from ....isa.opcodes import AluOpcode
from ...ir.attributes import SlidingWindow
from ...ir.quantized_graph import QuantizedNode
from ...schedule.conv_problem import EpilogueSpec
from .epilogue_ops import Field

__all__ = [
    "EmitValues", "EpilogueNode", "EpiloguePlaces", "EpilogueRule", "WindowRule",
    "reaches_outside", "sliding_windows",
]

_TAPS = 81  # of windows, unless one covers everything: each is an instruction or more micro-ops

Pair = tuple[int, int]


@dataclass(frozen=True)
class EpiloguePlaces:
    """Tiles of ACC: ``scratch`` the first scratch tile, ``table`` that of a node's parameters."""

    scratch: int
    table: int


class EmitValues(Protocol):
    """``emit(builder, node, places, field)`` emits an operator on every value of a field."""

    def __call__(
        self, builder: StreamBuilder, node: Any, places: EpiloguePlaces, field: Field
    ) -> None: ...


@dataclass(frozen=True, eq=False)
class WindowRule:
    """Windows of an operator over the outputs of a convolution.

    Attributes
    ----------
    opcode
        Reduces the values of a window: MAX or ADD.
    spec
        ``spec(node, stored, out)`` returns the windows over ``out`` rows and columns of outputs
        that reduce to ``stored`` values, None if they cannot be computed there.
    """

    opcode: AluOpcode
    spec: Callable[[Any, Pair, Pair], EpilogueSpec | None]

    @property
    def commutes(self) -> bool:
        """Whether the reduction commutes with every non-decreasing function."""
        return self.opcode is AluOpcode.MAX


@dataclass(frozen=True, eq=False)
class EpilogueRule:
    """The computation of an operator in an epilogue.

    Attributes
    ----------
    steps
        ``steps(node, config)``: ALU steps of a stored tile, without those of windows.
    emit
        Emits the operator on every value, after the windows; None: values are unchanged.
    scratch_tiles
        ``scratch_tiles(node, config)``: scratch tiles that a stored tile needs.
    windows
        None: the operator is elementwise.
    """

    steps: Callable[[Any, Config], int]
    emit: EmitValues | None = None
    scratch_tiles: Callable[[Any, Config], int] = lambda node, config: 0
    windows: WindowRule | None = None


@dataclass(frozen=True, eq=False)
class EpilogueNode:
    """A layer, and the rule of its operator."""

    node: QuantizedNode
    rule: EpilogueRule


def sliding_windows(window: SlidingWindow, stored: Pair) -> EpilogueSpec | None:
    """Return sliding windows over outputs, None for too many taps or windows with holes."""
    (kh, kw), (sy, sx) = window.kernel, window.strides
    if kh * kw > _TAPS or window.dilations != (1, 1):
        return None
    strides = (sy if stored[0] > 1 else 1, sx if stored[1] > 1 else 1)
    return EpilogueSpec(stored, window.kernel, strides, window.pads[:2])


def reaches_outside(spec: EpilogueSpec, out: Pair) -> bool:
    """Return whether windows extend beyond the outputs."""
    return any(
        before > 0 or (count - 1) * stride + kernel > size
        for before, count, stride, kernel, size in zip(
            spec.before, spec.out, spec.strides, spec.kernel, out, strict=True)
    )
