"""From an imported graph to a folded one whose nodes are placed, float or pre-quantized."""

from __future__ import annotations

from ...isa.config import Config
from ..canonicalize.canonicalize import fold
from ..frontend.front_ends import front_end
from ..ir.compile_errors import CompileError
from ..ir.graph import Graph
from ..ir.qdq_scales import QdqScales
from .partition import Placement, place

__all__ = ["canonicalize_model", "partition_model"]


def canonicalize_model(graph: Graph, config: Config) -> QdqScales | None:
    """Fold a graph in place; return the scales that a pre-quantized (QDQ) model has, else None.

    Raises
    ------
    CompileError
        The model is pre-quantized in a way that the device or the configuration has not.
    """
    source = front_end(graph.origin.front_end)
    scales = source.read_scales(graph)
    if scales is not None and not (
        config.requantize and config.inp_width == config.wgt_width == 8
    ):
        raise CompileError(
            "the model is pre-quantized (QuantizeLinear, DequantizeLinear): its scales need 8-bit "
            f"operands and RQT, and {config.name} has not both: choose a configuration that has, "
            "or compile the float model"
        )
    fold(graph, tables=config.lookup)
    if scales is not None:
        source.drop_pairs(graph, scales)
    return scales


def partition_model(
    graph: Graph, config: Config, scales: QdqScales | None
) -> dict[str, Placement]:
    """Return where each node of a folded graph runs, by node name."""
    return place(graph, config, qdq=scales is not None)
