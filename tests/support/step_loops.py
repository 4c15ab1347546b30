"""Random step loops of GEMM and ALU, and their definition as a triple loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import settings, strategies as st

from myvta.model.steps import LoopAxis, Steps

__all__ = ["MANY", "all_steps", "walk"]

MANY = settings(max_examples=120, derandomize=True)
factor = st.sampled_from((0, 0, 1, 2, 3, 7))
axes = st.builds(LoopAxis, st.integers(1, 4), factor, factor, factor)
index = st.integers(0, 4)


@st.composite
def all_steps(draw: Any) -> Steps:
    """Draw loops of up to 4 x 4 trips around up to 9 micro-ops."""
    uops = draw(st.lists(st.tuples(index, index, index), min_size=1, max_size=9))
    dst, src, wgt = (np.array(column, np.int64) for column in zip(*uops, strict=True))
    return Steps(dst, src, wgt, draw(axes), draw(axes))


def walk(steps: Steps) -> Iterator[tuple[int, int, int]]:
    """Yield dst, src and wgt of every step: the triple loop of vta_isa.md 4.3, literally."""
    for i in range(steps.outer.count):
        for j in range(steps.inner.count):
            for dst, src, wgt in zip(steps.dst, steps.src, steps.wgt, strict=True):
                yield (
                    int(dst) + i * steps.outer.dst + j * steps.inner.dst,
                    int(src) + i * steps.outer.src + j * steps.inner.src,
                    int(wgt) + i * steps.outer.wgt + j * steps.inner.wgt,
                )
