"""Quantize a pre-quantized (QDQ) model by its own scales; others are calibrated."""

from __future__ import annotations

import numpy as np

from ..ir.fixed_point import limits, round_half_up
from ..ir.graph import Graph, Node
from ..ir.qdq_scales import QdqScales
from ..partition.partition import Placement
from .calibrate import Calibration
from .quantizer import Quantizer
from .weight_scales import Scheme, Weights

__all__ = ["QdqQuantizer"]

_ANY = Scheme(per_channel=True, multipliers=True)


class QdqQuantizer(Quantizer):
    """The quantizer of a pre-quantized model; needs RQT and 8-bit operands."""

    pre_quantized = True

    def __init__(
        self, graph: Graph, placements: dict[str, Placement], calibration: Calibration,
        method: str, given: QdqScales,
    ):
        super().__init__(graph, placements, calibration, 8, 8, method, _ANY)
        self.scales |= given.tensors
        self.given = given

    def layer_weights(self, node: Node, weight: np.ndarray, bias: np.ndarray) -> Weights:
        """Return the model's integers; weights that were folded get scales of their own."""
        scale = self.given.weights.get(node.name)
        if scale is None:
            return super().layer_weights(node, weight, bias)
        rows = weight / scale.reshape((-1,) + (1,) * (weight.ndim - 1))
        integers = round_half_up(rows)
        if np.abs(rows - integers).max(initial=0) > 1e-3:
            # they are no longer the model's integers
            return super().layer_weights(node, weight, bias)
        low, high = limits(self.wgt_width)
        if integers.min(initial=0) < low or integers.max(initial=0) > high:
            self.problems.append(
                f"{node.op} {node.name!r}: its weights less their zero point leave {low}..{high}: "
                "quantize weights symmetrically"
            )
            integers = np.clip(integers, low, high)
        offset = round_half_up(bias / (scale * self.scale(node.inputs[0]).scale))
        magnitudes = np.abs(integers).reshape(len(integers), -1).sum(1)
        if (magnitudes * 255 + np.abs(offset)).max(initial=0) >= 1 << 31:
            self.problems.append(f"{node.op} {node.name!r}: its sums do not fit 32 bits")
            offset = np.zeros_like(offset)
        return Weights(integers.astype(np.int8), scale, offset.astype(np.int32))
