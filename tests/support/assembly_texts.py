"""Small assembly texts with their memory, and the results that numpy computes."""

from __future__ import annotations

import numpy as np

__all__ = ["PRODUCT", "product_arrays", "product_result"]

PRODUCT = """.config 1x4x4
.buffer image inp 0x1000 4
.buffer kernel wgt 0x80 1
.buffer result out 0x2000 4
.uops one
0,0,0
load uop dram=0 cols=1
load inp dram=@image cols=4
load wgt dram=@kernel cols=1 push_next
gemm uops=one loop=1x4 dst=0,1 src=0,1 pop_prev overwrite push_next
store out dram=@result cols=4 pop_prev push_prev
finish pop_next
"""
"""Four rows of four by a 4 x 4 matrix: ``result = image @ kernel.T``."""


def product_arrays() -> dict[str, np.ndarray]:
    """Return the arrays of :data:`PRODUCT`."""
    rng = np.random.default_rng(4)
    return {"image": rng.integers(-5, 5, (4, 1, 4)), "kernel": rng.integers(-5, 5, (1, 4, 4))}


def product_result(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """Return ``result`` of :data:`PRODUCT`, int8 [4, 1, 4]."""
    return np.asarray(arrays["image"] @ arrays["kernel"][0].T, dtype=np.int8)
