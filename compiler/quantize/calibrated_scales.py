"""The scales of a network's activations by calibration, each by the readers it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..frontend.front_ends import run_elementwise
from ..ir.graph import Graph, Node
from ..ir.qdq_scales import TensorScale
from ..partition.partition import Placement
from .activation_ranges import choose_range
from .activation_scales import Grid, choose_scale
from .calibrate import Calibration
from .table_scales import TableRanges, choose_table_scale
from .zero_points import accepts_zero_point

__all__ = ["CalibratedScales", "ScaleMemo"]

_LOPSIDED = 0.8  # share of a symmetric range, below which a zero point is worth it


@dataclass
class ScaleMemo:
    """Scales that the methods of calibration share.

    Attributes
    ----------
    weights
        By layer and method of weights, float64 [M].
    tables
        Of activations that only a table reads.
    """

    weights: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    tables: dict[str, TensorScale] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class CalibratedScales:
    """The scales that a method of calibration gives (:data:`~.activation_scales.METHODS`)."""

    graph: Graph
    calibration: Calibration
    grid: Grid
    method: str
    placements: Mapping[str, Placement] = field(default_factory=dict)

    def scale(self, name: str, memo: ScaleMemo) -> TensorScale:
        """Return the scale of an activation."""
        reader = self.graph.only_consumer(name)
        if reader is not None and reader.op == "Table":
            if name not in memo.tables:
                memo.tables[name] = self._table_scale(name, reader)
            return memo.tables[name]
        peak, values = self.calibration.peak(name), self.calibration.values[name]
        low, high = self.calibration.ends(name)
        if self.grid.any_scale and high - low < _LOPSIDED * 2 * peak and accepts_zero_point(
            self.graph, self.placements, name
        ):
            return choose_range(values, low, high, self.grid.width, self.method)
        return TensorScale(choose_scale(values, peak, self.grid, self.method))

    def _table_scale(self, name: str, table: Node) -> TensorScale:
        """Return the scale of an activation that only a table reads."""
        values = self.calibration.values
        return choose_table_scale(
            values[name], values[table.outputs[0]],
            partial(run_elementwise, table.attrs["function"]),
            TableRanges(self.grid.width, self.grid.any_scale))

    def constant(self, values: np.ndarray) -> float:
        """Return the scale of a constant operand."""
        peak = float(np.abs(values).max(initial=0))
        return choose_scale(values.reshape(-1), peak, self.grid, self.method)
