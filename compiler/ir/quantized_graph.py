"""The quantized network as plain data, read by the reference evaluator and the lowering.

Values are integers; an activation is (integer - zero point) * scale.  Nodes hold everything they
need (weights, biases, shifts): this is the contract between quantization and everything after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from .attributes import Attributes, HostAttributes
from .fixed_point import Requant, to_integers, to_reals
from .qdq_scales import TensorScale

__all__ = ["QuantizedGraph", "QuantizedNode", "QuantizedTensor"]

A = TypeVar("A", bound=Attributes, covariant=True)  # nodes are frozen


@dataclass(frozen=True)
class QuantizedTensor:
    """A named activation, ``(integer - zero_point) * mantissa * 2^exponent``.

    ``exponent`` is None where it only exists as float on the host.  The mantissa is in [1, 2).
    """

    name: str
    shape: tuple[int, ...]
    exponent: int | None
    dtype: str = "float32"  # of the float side
    mantissa: float = 1.0
    zero_point: int = 0

    @classmethod
    def of(
        cls, name: str, shape: tuple[int, ...], dtype: str, scale: TensorScale | None
    ) -> QuantizedTensor:
        """Return an activation of a scale; None: it is on the host alone."""
        if scale is None:
            return cls(name, shape, None, dtype)
        mantissa, exponent = math.frexp(scale.scale)
        return cls(name, shape, exponent - 1, dtype, 2 * mantissa, scale.zero_point)

    @property
    def scale(self) -> float:
        """The real value of one step of the integers."""
        assert self.exponent is not None, self.name
        return math.ldexp(self.mantissa, self.exponent)

    def integers(self, real: np.ndarray, width: int) -> np.ndarray:
        """Return the integers nearest real values, int64."""
        return to_integers(real, self.scale, width, self.zero_point)

    def reals(self, integers: np.ndarray) -> np.ndarray:
        """Return the real values of integers, float64."""
        return to_reals(integers, self.scale, self.zero_point)


@dataclass(frozen=True, eq=False)
class QuantizedNode(Generic[A]):
    """One operation.

    Attributes
    ----------
    op
        Host, or an operator of the accelerator (:mod:`myvta.compiler.operators.registry`).
    inputs, outputs
        Names of activations (weights are not among them).
    attrs
        Of the operator's own type.
    requant
        From accumulator to output; None where values pass in the scale they have.
    """

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: A
    requant: Requant | None = None

    @property
    def on_host(self) -> bool:
        """Whether the host runs it."""
        return isinstance(self.attrs, HostAttributes)

    @property
    def rule(self) -> Requant:
        """The requantization of an operator that always has one."""
        assert self.requant is not None, f"{self.op} {self.name!r} has no requantization"
        return self.requant


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

    @property
    def alone(self) -> set[str]:
        """Tensors of the host that have no dimension of images: one for each evaluation."""
        return {
            name for name, tensor in self.tensors.items() if tensor.shape[:1] != (self.images,)
        }
