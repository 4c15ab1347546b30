"""The passes over a model: from a file to integers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..frontend.front_end_protocol import FloatModel
from ..frontend.front_ends import import_model
from ..ir.arrays import load_arrays
from ..ir.graph import Graph
from ..ir.qdq_scales import QdqScales
from ..ir.target_description import TargetDescription
from ..partition.front_end import canonicalize_model, partition_model
from ..partition.partition import Placement
from ..quantize.calibrate import check_samples
from ..quantize.import_qdq import import_qdq
from ..quantize.quantization_search import (
    QuantizationOptions,
    QuantizationResult,
    choose_quantization,
)
from ..schedule.select_tiling import ScheduleOptions
from .dump import DumpRow
from .dump_graphs import graph_rows, quantized_rows
from .passes import BrokenRule
from .verify_graphs import (
    verify_canonical,
    verify_placements,
    verify_quantized,
    verify_static,
)

__all__ = [
    "CanonicalModel", "CompileRequest", "ImportedModel", "PartitionedModel", "QuantizedModel",
    "canonicalize", "dump_model", "dump_partitioned", "dump_quantized", "import_file", "partition",
    "quantize", "verify_canonical_model", "verify_imported", "verify_partitioned",
    "verify_quantized_model",
]


@dataclass(frozen=True, eq=False)
class CompileRequest:
    """The request of a compilation; errors as :func:`~myvta.compiler.compile.compile_model`.

    Attributes
    ----------
    path, calibration
        The model's file, and representative inputs: an ``.npz`` or arrays by input name.
    target
        The target hardware.
    shapes
        Sizes of inputs whose shape is dynamic.
    quantization, schedule
        Forced choices.
    per_layer
        One launch for each layer.
    """

    path: Path
    calibration: str | Path | Mapping[str, np.ndarray]
    target: TargetDescription
    shapes: Mapping[str, tuple[int, ...]] | None = None
    quantization: QuantizationOptions = field(default_factory=QuantizationOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    per_layer: bool = False


@dataclass(frozen=True, eq=False)
class ImportedModel:
    """The imported model, every shape static, and checked calibration data.

    ``model`` evaluates the float model.
    """

    graph: Graph
    model: FloatModel
    samples: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class CanonicalModel:
    """The model in few operators (:mod:`~myvta.compiler.operators.registry`).

    ``qdq``: the scales of a pre-quantized (QDQ) model.
    """

    imported: ImportedModel
    graph: Graph
    qdq: QdqScales | None


@dataclass(frozen=True, eq=False)
class PartitionedModel:
    """The model with a place, accelerator or host, for each node."""

    canonical: CanonicalModel
    placements: dict[str, Placement]

    @property
    def graph(self) -> Graph:
        """The float graph."""
        return self.canonical.graph


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """Integers, the choice of their quantization, and the placements they realize.

    ``operators``: of the canonical graph by node name; ``scales``: the scheme of the scales of
    weights.
    """

    choice: QuantizationResult
    placements: dict[str, Placement]
    operators: dict[str, str]
    scales: str

    @property
    def reasons(self) -> dict[str, str]:
        """The reason of each placement, by node name."""
        return {name: placement.reason for name, placement in self.placements.items()}

    @property
    def provenance(self) -> dict[str, Any]:
        """The choice of the quantization, for the program and the report."""
        return {
            "method": self.choice.method, "scales": self.scales,
            "equalized": self.choice.equalized, "calibration_images": self.choice.images,
        }


def import_file(_: None, request: CompileRequest) -> ImportedModel:
    """Read the model's file and its calibration data."""
    shapes = None if request.shapes is None else dict(request.shapes)
    graph, model = import_model(request.path, shapes)
    data = request.calibration
    if isinstance(data, Mapping):
        return ImportedModel(graph, model, check_samples(data, graph))
    return ImportedModel(graph, model, check_samples(load_arrays(data), graph, str(data)))


def verify_imported(model: ImportedModel) -> Iterator[BrokenRule]:
    """Yield broken rules."""
    return verify_static(model.graph)


def dump_model(model: ImportedModel | CanonicalModel) -> list[DumpRow]:
    """Return the graph as rows."""
    return graph_rows(model.graph)


def canonicalize(model: ImportedModel, request: CompileRequest) -> CanonicalModel:
    """Rewrite the graph into canonical operators."""
    graph = model.graph.copy()
    return CanonicalModel(model, graph, canonicalize_model(graph, request.target.config))


def verify_canonical_model(model: CanonicalModel) -> Iterator[BrokenRule]:
    """Yield broken rules."""
    return verify_canonical(model.graph)


def partition(model: CanonicalModel, request: CompileRequest) -> PartitionedModel:
    """Place every node."""
    return PartitionedModel(
        model, partition_model(model.graph, request.target.config, model.qdq))


def verify_partitioned(model: PartitionedModel) -> Iterator[BrokenRule]:
    """Yield broken rules."""
    return verify_placements(model.graph, model.placements)


def dump_partitioned(model: PartitionedModel) -> list[DumpRow]:
    """Return the graph and its placements as rows."""
    return graph_rows(model.graph, model.placements)


def quantize(model: PartitionedModel, request: CompileRequest) -> QuantizedModel:
    """Choose the integers."""
    qdq, imported = model.canonical.qdq, model.canonical.imported
    inputs = (model.graph, imported.model, model.placements, imported.samples)
    if qdq is None:
        choice = choose_quantization(*inputs, request.target.config, request.quantization)
    else:
        choice = import_qdq(*inputs, request.quantization, qdq)
    operators = {node.name: node.op for node in model.graph.nodes}
    scales = request.quantization.scales if qdq is None else "qdq"
    return QuantizedModel(choice, model.placements, operators, scales)


def verify_quantized_model(model: QuantizedModel) -> Iterator[BrokenRule]:
    """Yield broken rules."""
    return verify_quantized(model.choice.quantized)


def dump_quantized(model: QuantizedModel) -> list[DumpRow]:
    """Return the quantized graph as rows."""
    return quantized_rows(model.choice.quantized)
