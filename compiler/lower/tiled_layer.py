"""A layer as a unit of scheduling and of lowering: its problem, and its steps under a tiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...isa.config import Config
from ..codegen.lowering_context import Activation, Constants, LoweringContext
from ..ir.quantized_graph import QuantizedNode
from ..schedule.tiling_problem import Problem

__all__ = ["EmitTiling", "LayerOf", "TiledLayer"]

EmitTiling = Callable[[LoweringContext, Any], None]
"""``emit(ctx, tiling)`` records the steps of a layer under a tiling of its problem."""


@dataclass(frozen=True, eq=False)
class TiledLayer:
    """A layer between two activations.

    Attributes
    ----------
    node
        Its name annotates the instructions.
    problem
        Everything that its tilings depend on.
    place
        ``place(constants)`` places its constants in memory, which do not depend on the tiling.
    """

    node: QuantizedNode
    problem: Problem
    place: Callable[[Constants], EmitTiling]


LayerOf = Callable[[Any, Mapping[str, Activation], Config], TiledLayer]
"""``layer_of(node, activations, config)`` returns the layer of a node or of a fusion group."""
