"""ONNX as a front end: this room's modules as a :class:`~.FrontEnd`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx

from ...ir.graph import Graph, Node
from ...ir.qdq_scales import QdqScales
from .dense import normalize_gemm
from .no_ops import drop_no_ops
from .normal_forms import normalize_operators
from .onnx_evaluator import evaluator, evaluator_name, host_model, run_host
from .onnx_importer import load_model, to_graph
from .qdq import drop_pairs, read_scales
from .saturation import saturation_note
from .windows import normalize_windows

__all__ = ["OnnxFrontEnd", "OnnxModel"]

_REWRITES = (normalize_operators, drop_no_ops, normalize_windows, normalize_gemm)


class OnnxModel:
    """A checked model with static, inferred shapes."""

    def __init__(self, proto: onnx.ModelProto):
        self.proto = proto

    @property
    def evaluator_name(self) -> str:
        """The evaluator and its version."""
        return evaluator_name()

    @property
    def deviation_note(self) -> str:
        """How onnxruntime's default session may differ on this processor, else ''."""
        return saturation_note(self.proto)

    def evaluator(
        self, names: Sequence[str]
    ) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
        """Return a function from inputs to named tensors, outputs of the model or inner ones."""
        observed = onnx.ModelProto()
        observed.CopyFrom(self.proto)
        known = {output.name for output in observed.graph.output}
        observed.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in names if name not in known
        )
        return evaluator(observed, names)


class OnnxFrontEnd:
    """ONNX files (errors and contracts: :class:`~.FrontEnd`)."""

    def import_model(
        self, path: Path, shapes: dict[str, tuple[int, ...]]
    ) -> tuple[Graph, OnnxModel]:
        """Read, check and convert a file."""
        model = load_model(path, shapes)
        return to_graph(model), OnnxModel(model)

    def normalize(self, graph: Graph) -> None:
        """Rewrite ONNX's forms to canonical nodes."""
        for rewrite in _REWRITES:
            rewrite(graph)
            graph.sweep()

    def read_scales(self, graph: Graph) -> QdqScales | None:
        """Return the scales of QuantizeLinear and DequantizeLinear pairs."""
        return read_scales(graph)

    def drop_pairs(self, graph: Graph, scales: QdqScales) -> None:
        """Remove QuantizeLinear and DequantizeLinear pairs."""
        drop_pairs(graph, scales)

    def export_host(self, graph: Graph, nodes: Sequence[Node]) -> bytes:
        """Return a serialized ONNX model of the nodes."""
        return host_model(graph, nodes)

    def run_host(
        self, data: bytes, feeds: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Run a serialized ONNX model."""
        return run_host(data, feeds)
