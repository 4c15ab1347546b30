"""The scales of a network's activations by calibration, each by the readers it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from ..frontend.front_ends import run_elementwise
from ..ir.graph import Graph, Node
from ..ir.qdq_scales import TensorScale
from .activation_scales import Grid, choose_scale
from .calibrate import Calibration
from .table_scales import TableRanges, choose_table_scale

__all__ = ["CalibratedScales", "ScaleMemo"]


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

    def scale(self, name: str, memo: ScaleMemo) -> TensorScale:
        """Return the scale of an activation."""
        reader = self.graph.only_consumer(name)
        if reader is not None and reader.op == "Table":
            if name not in memo.tables:
                memo.tables[name] = self._table_scale(name, reader)
            return memo.tables[name]
        peak, values = self.calibration.peak(name), self.calibration.values[name]
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
