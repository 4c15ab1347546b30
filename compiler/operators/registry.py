"""The registry: every operator of the accelerator, listed once."""

from __future__ import annotations

from ..codegen.lowering_context import LoweringContext
from ..ir.quantized_graph import QuantizedNode
from .add import ADD
from .affine import AFFINE
from .average_pooling import AVERAGE_POOL
from .clip import CLIP
from .concat import CONCAT
from .convolution import CONV
from .dense_layer import GEMM
from .flatten import FLATTEN
from .global_average_pooling import GLOBAL_AVERAGE_POOL
from .hard_sigmoid import HARD_SIGMOID
from .hard_swish import HARD_SWISH
from .leaky_relu import LEAKY_RELU
from .max_pooling import MAX_POOL
from .operator import Operator
from .pad import PAD
from .relu import RELU
from .resize import RESIZE
from .scaled_add import SCALED_ADD
from .slice import SLICE
from .tanh import TANH
from .transposed_convolution import CONV_TRANSPOSE
from .view import VIEW

__all__ = ["FALLBACK_REASONS", "OPERATORS", "lower_node"]

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (
        CONV, CONV_TRANSPOSE, GEMM, ADD, SCALED_ADD, AFFINE, RELU, CLIP, LEAKY_RELU, TANH,
        HARD_SWISH, HARD_SIGMOID, MAX_POOL, AVERAGE_POOL, GLOBAL_AVERAGE_POOL, CONCAT, SLICE, PAD,
        RESIZE, FLATTEN, VIEW,
    )
}
"""By name, in the order of the documentation."""

FALLBACK_REASONS: dict[str, str] = {
    name: reason for operator in OPERATORS.values()
    for name, reason in operator.fallback_reasons.items()
}
"""Why the host runs a node, by ONNX operator that often becomes one of these and did not."""


def lower_node(ctx: LoweringContext, node: QuantizedNode) -> None:
    """Record the steps of a node that is neither a convolution nor a view."""
    lower = OPERATORS[node.op].lower
    assert lower is not None, f"{node.name}: {node.op} is not lowered by itself"
    lower(ctx, node)
