"""The quantized network as plain data: what the reference evaluator and the lowering both read.

Values are integers; an activation is integer * 2^exponent.  Nodes hold everything they need
(weights, biases, shifts), so this is the contract between quantization and everything after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arithmetic import Requant

__all__ = ["DROPPED", "QuantizedGraph", "QuantizedNode", "QuantizedTensor"]

DROPPED = -1
"""In ``QuantizedNode.shifts``: this input counts as zero."""


@dataclass(frozen=True)
class QuantizedTensor:
    """A named activation: ``exponent`` is None where it only exists as float on the host."""

    name: str
    shape: tuple[int, ...]
    exponent: int | None
    dtype: str = "float32"  # of the float side


@dataclass(frozen=True, eq=False)
class QuantizedNode:
    """One operation.

    ``op`` is Host, or one of the kinds of :data:`~.graph.CANONICAL` (on the accelerator).

    Attributes
    ----------
    inputs, outputs
        Names of activations (weights are not among them).
    weight
        Conv and ConvTranspose [M, C / groups, KH, KW] or Gemm [M, K], int8.
    weight_scale
        Of the weights, float64 [M]: one for each output channel.
    requant
        From accumulator to output; None where values pass in the scale they have.
    shifts
        Add, Concat: how far each input is shifted left, :data:`DROPPED` where its scale is so much
        finer than another's that it counts as zero.
    constant
        Add: the operand [1, ...] that is no activation.  Affine: the factor of each channel.
    model
        Host: a serialized ONNX model of the nodes named in ``members``.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    weight: np.ndarray | None = None
    weight_scale: np.ndarray | None = None
    requant: Requant | None = None
    shifts: tuple[int, ...] = ()
    constant: np.ndarray | None = None
    model: bytes | None = None
    members: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class QuantizedGraph:
    """Nodes in execution order and all activations; widths in bits."""

    name: str
    nodes: tuple[QuantizedNode, ...]
    tensors: dict[str, QuantizedTensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    inp_width: int
    wgt_width: int
    constants: tuple[str, ...] = ()  # outputs that do not depend on the input

    @property
    def images(self) -> int:
        """Images of one evaluation: the first dimension of the first input."""
        return self.tensors[self.inputs[0]].shape[0]
