"""A sum of activations with any scales: each times a factor of up to 14 bits, then requantized.

A factor does not fit one weight, so it goes through two identities, for its upper bits, shifted
left, and for the lower 7.
"""

from __future__ import annotations

import numpy as np

from ..codegen.lowering_context import Lowering
from ..ir.quantized_graph import QuantizedNode
from .block_gemm import Mix, Term
from .pointwise import lower_mix

__all__ = ["lower_scaled_add"]

_LOW_BITS = 7


def lower_scaled_add(low: Lowering, node: QuantizedNode) -> None:
    """Lower ``requantize(sum of gain * input)``."""
    unit = np.eye(low.config.block_in, dtype=np.int64)
    gains = node.attrs["gains"]
    parts = [(index, gain >> _LOW_BITS, _LOW_BITS) for index, gain in enumerate(gains)]
    parts += [(index, gain & (1 << _LOW_BITS) - 1, 0) for index, gain in enumerate(gains)]
    used = [part for part in parts if part[1]]
    blocks = [
        [Term(index, block, unit * factor, shift) for index, factor, shift in used]
        for block in range(low.activations[node.outputs[0]].blocks)
    ]
    sources = [low.activations[name] for name in node.inputs]
    lower_mix(low, node, sources, Mix(blocks, node.requant))
