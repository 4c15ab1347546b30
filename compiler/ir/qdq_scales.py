"""The scales that a pre-quantized (QDQ) model has of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

__all__ = ["QdqScales", "TensorScale"]


@dataclass(frozen=True)
class TensorScale:
    """``real = (integer - zero_point) * scale`` with signed 8-bit integers."""

    scale: float
    zero_point: int = 0


@dataclass
class QdqScales:
    """The scales of a pre-quantized model.

    Attributes
    ----------
    pairs
        Scale by the output of each DequantizeLinear of an activation.
    tensors
        Scale of activations of the graph without pairs.
    rounded
        By the same activations: the tensor of the model that has their values rounded.
    weights
        By layer, float64: one scale for each output channel.
    """

    pairs: dict[str, TensorScale] = field(default_factory=dict)
    tensors: dict[str, TensorScale] = field(default_factory=dict)
    rounded: dict[str, str] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)
