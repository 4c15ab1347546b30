"""The registry: every operator of the accelerator, listed once."""

from __future__ import annotations

from collections.abc import Mapping

from ...isa.config import Config
from ..codegen.lowering_context import Activation
from ..lower.conv.conv import group_layer
from ..lower.conv.epilogue_rule import EpilogueRule
from ..lower.conv.fusion import Operation
from ..lower.conv.fusion_group import FusionGroup
from ..lower.tiled_layer import TiledLayer
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
from .table import TABLE
from .tanh import TANH
from .transposed_convolution import CONV_TRANSPOSE
from .view import VIEW

__all__ = ["EPILOGUE_RULES", "FALLBACK_REASONS", "OPERATORS", "layer_of"]

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (
        CONV, CONV_TRANSPOSE, GEMM, ADD, SCALED_ADD, AFFINE, RELU, CLIP, LEAKY_RELU, TANH,
        HARD_SWISH, HARD_SIGMOID, TABLE, MAX_POOL, AVERAGE_POOL, GLOBAL_AVERAGE_POOL, CONCAT,
        SLICE, PAD, RESIZE, FLATTEN, VIEW,
    )
}
"""By name, in the order of the documentation."""

FALLBACK_REASONS: dict[str, str] = {
    name: reason for operator in OPERATORS.values()
    for name, reason in operator.fallback_reasons.items()
}
"""Reasons of nodes on the host, by ONNX operator that was not converted to one of these."""


EPILOGUE_RULES: dict[str, EpilogueRule] = {
    operator.name: operator.epilogue for operator in OPERATORS.values()
    if operator.epilogue is not None
}
"""How operators are computed in the convolution ahead of them, by name."""


def layer_of(
    operation: Operation, activations: Mapping[str, Activation], config: Config
) -> TiledLayer:
    """Return an operation of a launch as a unit of scheduling and of lowering."""
    if isinstance(operation, FusionGroup):
        return group_layer(operation, activations, config)
    layer = OPERATORS[operation.op].layer
    assert layer is not None, f"{operation.name}: {operation.op} is not lowered by itself"
    return layer(operation, activations, config)
