"""Check a model before it is compiled: where each node will run, and every problem."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import lcm, prod
from pathlib import Path
from typing import Any

from ..isa.config import Config, load_config
from ..isa.opcodes import MemoryType
from .frontend.front_ends import import_model
from .ir.compile_errors import CompileError
from .ir.graph import Graph
from .ir.layouts import channels_first_layout
from .operators.registry import OPERATORS
from .partition.front_end import canonicalize_model, partition_model
from .partition.partition import Placement

__all__ = ["CheckedNode", "ModelCheck", "check_model"]


@dataclass(frozen=True)
class CheckedNode:
    """A node of the imported model: ``where`` is ``accelerator``, ``host`` or ``folded``."""

    name: str
    op: str
    where: str
    reason: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelCheck:
    """Every node in order, and every problem that prevents compilation."""

    model: str
    config: str
    nodes: tuple[CheckedNode, ...]
    problems: tuple[str, ...]

    @property
    def compiles(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def count(self, where: str) -> int:
        """Return the number of nodes with a placement."""
        return sum(node.where == where for node in self.nodes)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "compiles": self.compiles}


def check_model(
    path: str | Path, config: Config | str | Path | None = None,
    shapes: dict[str, tuple[int, ...]] | None = None, memory: int = 64 << 20,
) -> ModelCheck:
    """Check a model file; parameters as :func:`~.compile.compile_model`.

    Problems of the model are not raised but listed in ``problems``.

    Raises
    ------
    ConfigError
        The configuration is not a legal one.
    """
    config = load_config(config)
    try:
        graph, _ = import_model(path, shapes)
    except CompileError as error:
        return ModelCheck(str(path), config.name, (), tuple(error.problems))
    imported = [(node.name, node.op, node.outputs[0]) for node in graph.nodes]
    sizes = {name: tensor.shape for name, tensor in graph.tensors.items()}
    try:
        placements = partition_model(graph, config, canonicalize_model(graph, config))
    except CompileError as error:
        return ModelCheck(str(path), config.name, (), tuple(error.problems))
    nodes = tuple(
        CheckedNode(name, op, *_placement(name, graph, placements), sizes.get(output, ()))
        for name, op, output in imported
    )
    problems = tuple(_problems(graph, placements, config, memory))
    return ModelCheck(str(path), config.name, nodes, problems)


def _placement(name: str, graph: Graph, placements: dict[str, Placement]) -> tuple[str, str]:
    """Return where a node runs and why."""
    if name in placements:
        return placements[name].where, placements[name].reason
    parts = [p for part, p in placements.items() if part.startswith(f"{name}[")]
    if parts:
        where = "host" if any(not part.on_accelerator for part in parts) else "accelerator"
        reasons = dict.fromkeys(part.reason for part in parts if part.where == where)
        return where, f"in {len(parts)} parts: {'; '.join(reasons)}"
    return "folded", graph.folded.get(name, "no node reads its result")


def _problems(
    graph: Graph, placements: dict[str, Placement], config: Config, memory: int
) -> Iterable[str]:
    for name in graph.outputs:
        if graph.tensors[name].constant:
            yield f"output {name!r} is a constant: it does not depend on the input"
    images = graph.tensors[graph.inputs[0]].shape[:1]
    batch = lcm(*images, config.batch)
    if images and batch != images[0]:
        for name in _host_names(graph, placements):
            if graph.tensors[name].shape[:1] != images:
                yield (
                    f"host tensor {name!r} {list(graph.tensors[name].shape)} has no dimension of "
                    f"images: compile for a batch of {batch}, --shape {graph.inputs[0]}={batch},..."
                )
    needed = _minimum_memory(graph, placements, config, batch)
    if needed > memory:
        yield (
            f"its weights and activations take {needed} bytes of device memory, more than "
            f"{memory}: give the target and the compiler more memory"
        )


def _host_names(graph: Graph, placements: dict[str, Placement]) -> list[str]:
    """Return the inputs and outputs of the network and of its nodes on the host."""
    names = dict.fromkeys((*graph.inputs, *graph.outputs))
    for node in graph.nodes:
        if not placements[node.name].on_accelerator:
            names |= dict.fromkeys(name for name in (*node.inputs, *node.outputs) if name)
    return [name for name in names if not graph.tensors[name].constant]


def _minimum_memory(
    graph: Graph, placements: dict[str, Placement], config: Config, images: int
) -> int:
    """Return a bound on the device memory: activations and weights, without instructions."""
    total, counted = 0, set()
    for node in graph.nodes:
        if not placements[node.name].on_accelerator:
            continue
        for name in (*node.inputs, *node.outputs):
            tensor = graph.tensors[name] if name else None
            if tensor is None or name in counted:
                continue
            counted.add(name)
            layout = channels_first_layout(tensor.shape)
            if tensor.constant:
                total += prod(tensor.shape) * config.wgt_width // 8 if len(tensor.shape) > 1 else 0
            elif layout is not None and not OPERATORS[node.op].attributes.is_view:
                tiles = images // config.batch * -(
                    -layout.channels // config.block_in) * layout.rows * layout.columns
                total += tiles * config.tile_bytes(MemoryType.INP)
    return total
