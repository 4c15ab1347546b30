"""An operator of the accelerator as data: constraints, quantization, lowering, documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..ir.attributes import Attributes
from ..ir.graph import Graph, Node
from ..ir.layouts import ChannelLayout
from ..ir.quantized_graph import QuantizedNode
from ..lower.conv.epilogue_rule import EpilogueRule
from ..lower.tiled_layer import TiledLayer
from .quantization_rules import Names, QuantizerContext

__all__ = [
    "Context", "DocsRow", "Operator", "ZeroPointUse", "any_qdq", "kept_zero_point", "no_qdq_reason",
    "no_zero_point", "removed_zero_point",
]

A = TypeVar("A", bound=Attributes)


@dataclass(frozen=True)
class Context:
    """The context of a node: its graph, the target, and layouts by tensor."""

    graph: Graph
    config: Config
    layouts: Mapping[str, ChannelLayout]


@dataclass(frozen=True)
class DocsRow:
    """The operator's row in docs/operators.md, as Markdown.

    Attributes
    ----------
    sources
        ONNX operators and forms that are converted to it.
    integers
        The output's integers as a formula of the inputs'.
    steps
        GEMM and ALU steps for a tile of outputs, with the extensions.
    """

    sources: str
    integers: str
    steps: str


class ZeroPointUse(Enum):
    """How an operator treats a zero point of its inputs."""

    REFUSED = "inputs are symmetric"
    REMOVED = "the output has a zero point of its own"
    KEPT = "the output has the same"


def no_zero_point(node: Node, graph: Graph) -> ZeroPointUse:
    """Return that inputs have no zero point."""
    return ZeroPointUse.REFUSED


def removed_zero_point(node: Node, graph: Graph) -> ZeroPointUse:
    """Return that any zero point of an input is removed."""
    return ZeroPointUse.REMOVED


def kept_zero_point(node: Node, graph: Graph) -> ZeroPointUse:
    """Return that the output has the zero point of the input."""
    return ZeroPointUse.KEPT


def no_qdq_reason(node: Node, graph: Graph) -> str:
    """Return the reason of an operator that no pre-quantized (QDQ) model has on the accelerator."""
    return f"no {node.op} in a pre-quantized (QDQ) model"


def any_qdq(node: Node, graph: Graph) -> str:
    """Return no reason: every node of the operator may have the scales of a QDQ model."""
    return ""


@dataclass(frozen=True, eq=False)
class Operator(Generic[A]):
    """All knowledge of one operator in the compiler, except its integer reference.

    Attributes
    ----------
    name
        ``op`` of its nodes, before and after quantization.
    attributes
        The type of its quantized nodes' attributes.
    form
        Inputs and attributes of its canonical node.
    reason
        Its implementation on the accelerator, for reports.
    docs
        Its row of the documentation.
    layer
        ``layer(node, activations, config)`` returns a node as a unit of scheduling and of lowering;
        None for a view of its input's memory, and for convolutions, which are lowered as fusion
        groups (:mod:`~myvta.compiler.lower.conv.conv`).
    epilogue
        How it is computed in the convolution ahead of it; None: it never is.
    quantize
        ``quantize(quantizer, node, activations)`` returns the quantized node, with the scales that
        the quantizer gives (:class:`~.quantization_rules.QuantizerContext`); None for an operator
        that only quantization inserts.
    unsupported_reason
        The reason why the host runs a node, else ''.
    qdq_reason
        The reason why the host runs a node of a pre-quantized (QDQ) model, whose scales and zero
        points are given, else ''.
    zero_point_use
        How the rule and the layer treat a zero point of the inputs of a node.
    channels_last
        Whether the last of three axes of a canonical node's tensors holds its channels.
    homogeneous
        Whether a canonical node commutes with positive factors of its input's channels.
    fallback_reasons
        By ONNX operator that can be converted to this one: the reason of the host where it was not.
    """

    name: str
    attributes: type[A]
    form: str
    reason: str
    docs: DocsRow
    layer: Callable[
        [QuantizedNode[A], Mapping[str, Activation], Config], TiledLayer] | None
    epilogue: EpilogueRule | None = None
    quantize: Callable[[QuantizerContext, Node, Names], QuantizedNode[A]] | None = None
    unsupported_reason: Callable[[Node, Context], str] = lambda node, context: ""
    qdq_reason: Callable[[Node, Graph], str] = no_qdq_reason
    zero_point_use: Callable[[Node, Graph], ZeroPointUse] = no_zero_point
    channels_last: Callable[[Node], bool] = lambda node: False
    homogeneous: Callable[[Node], bool] = lambda node: False
    fallback_reasons: Mapping[str, str] = field(default_factory=dict)
