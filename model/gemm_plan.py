"""Plan a GEMM instruction as a few large matrix products.

Accumulation is a sum modulo 2**32, so its order does not matter: the steps may be regrouped by
shared tiles.  Micro-ops are first grouped by destination; the destinations are then arranged
as *groups x rows x columns* such that the input tiles depend on (group, row, term) and the weight
tiles on (group, column, term) only.  Each of the two loops extends exactly one of those four axes,
depending on which indices it moves.  The rest is one batched matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..isa.config import Config
from .steps import Indices, LoopAxis, Steps

__all__ = ["Product", "last_writes", "plan"]

_STEPS_PER_PRODUCT = 1 << 17  # bounds the memory used by the gathered operands of one product
_ONCE = LoopAxis(1, 0, 0, 0)


@dataclass
class Product:
    """``ACC[dst[g, r, c]] += repeat * sum over t of INP[src[g, r, t]] . WGT[wgt[g, c, t]]``.

    Attributes
    ----------
    dst : intp [groups, rows, columns]
    src : intp [groups, rows, terms]
    wgt : intp [groups, columns, terms]
    repeat : int
        Multiplicity of each term (a loop that changes no index).
    """

    dst: Indices
    src: Indices
    wgt: Indices
    repeat: int = 1

    def extend(self, axis: LoopAxis) -> Product:
        """Return the product with a loop around it."""
        if axis.count == 1:
            return self
        dst, src, wgt = self.dst, self.src, self.wgt
        groups, rows, columns = dst.shape
        n = np.arange(axis.count)
        if not (axis.dst or axis.src or axis.wgt):
            return Product(dst, src, wgt, self.repeat * axis.count)
        if not axis.dst:  # more terms
            return Product(
                dst,
                (src[..., None] + n * axis.src).reshape(groups, rows, -1),
                (wgt[..., None] + n * axis.wgt).reshape(groups, columns, -1),
                self.repeat,
            )
        if not axis.wgt:  # more rows
            row = n[:, None, None]
            return Product(
                (dst[:, None] + row * axis.dst).reshape(groups, -1, columns),
                (src[:, None] + row * axis.src).reshape(groups, axis.count * rows, -1),
                wgt,
                self.repeat,
            )
        if not axis.src:  # more columns
            column = n[:, None]
            return Product(
                (dst[:, :, None] + column * axis.dst).reshape(groups, rows, -1),
                src,
                (wgt[:, None] + column[:, None] * axis.wgt).reshape(
                    groups, axis.count * columns, -1
                ),
                self.repeat,
            )
        group = n[:, None, None, None]  # all indices change: independent products
        return Product(
            (dst + group * axis.dst).reshape(-1, rows, columns),
            (src + group * axis.src).reshape(axis.count * groups, rows, -1),
            (wgt + group * axis.wgt).reshape(axis.count * groups, columns, -1),
            self.repeat,
        )


def plan(steps: Steps) -> Iterator[Product]:
    """Yield products whose sum the steps of an accumulating GEMM add to ACC.

    Memory is bounded for any trip counts: long instructions yield many products.
    """
    repeat, axes = 1, []
    for axis in (steps.outer, steps.inner):  # a loop that changes no index is a multiplicity
        still = not (axis.dst or axis.src or axis.wgt)
        repeat *= axis.count if still else 1
        axes.append(_ONCE if still else axis)
    moving = Steps(steps.dst, steps.src, steps.wgt, *axes)
    for piece in moving.pieces(_STEPS_PER_PRODUCT):
        for product in _of_uops(piece.dst, piece.src, piece.wgt):
            product.repeat = repeat
            yield product.extend(piece.inner).extend(piece.outer)


def _of_uops(dst: Indices, src: Indices, wgt: Indices) -> Iterator[Product]:
    """Yield products for a list of micro-ops, one for each number of terms per destination."""
    order = np.argsort(dst, kind="stable")
    sorted_dst = dst[order]
    starts = np.flatnonzero(np.r_[True, sorted_dst[1:] != sorted_dst[:-1]])
    counts = np.diff(np.r_[starts, dst.size])
    for terms in np.unique(counts):
        first = starts[counts == terms]
        members = order[first[:, None] + np.arange(terms)]
        yield _arrange(sorted_dst[first], src[members], wgt[members])


def _arrange(dst: Indices, src: Indices, wgt: Indices) -> Product:
    """Arrange destinations [n] with terms src, wgt [n, terms] as groups x rows x columns."""
    n = dst.size
    src_lists, src_of = _distinct_rows(src)
    wgt_lists, wgt_of = _distinct_rows(wgt)
    pairs = wgt_of * len(src_lists) + src_of
    if len(src_lists) * len(wgt_lists) == n == np.unique(pairs).size:  # a full rows x columns grid
        grid = np.empty(n, np.intp)
        grid[pairs] = dst
        by_row = grid.reshape(1, len(wgt_lists), len(src_lists)).transpose(0, 2, 1)
        return Product(np.ascontiguousarray(by_row), src_lists[None], wgt_lists[None])
    members = _equal_parts(wgt_of, len(wgt_lists))
    if members is not None:  # rows that share their weights, in several groups
        return Product(dst[members][:, :, None], src[members], wgt_lists[:, None])
    members = _equal_parts(src_of, len(src_lists))
    if members is not None:  # columns that share their inputs, in several groups
        return Product(dst[members][:, None, :], src_lists[:, None], wgt[members])
    return Product(dst[:, None, None], src[:, None], wgt[:, None])


def _distinct_rows(rows: Indices) -> tuple[Indices, Indices]:
    """Return the distinct rows of a matrix, and for each row its index among them."""
    if (rows == rows[0]).all():
        return rows[:1], np.zeros(len(rows), np.intp)
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    return distinct, which.reshape(-1)


def _equal_parts(which: Indices, parts: int) -> Indices | None:
    """Return the members of each part, intp [parts, members], if all parts have equal size."""
    counts = np.bincount(which, minlength=parts)
    if (counts != counts[0]).any():
        return None
    return np.argsort(which, kind="stable").reshape(parts, -1)


def last_writes(steps: Steps, config: Config) -> Steps:
    """Return steps that write each destination once, with the value of its last step.

    An overwriting GEMM reduces to these: an earlier write to the same tile is lost.
    """
    dst, src, wgt = steps.dst, steps.src, steps.wgt
    axes = []
    for axis in (steps.outer, steps.inner):
        if not axis.dst:  # only the last iteration remains
            last = axis.count - 1
            src, wgt, axis = src + last * axis.src, wgt + last * axis.wgt, _ONCE
        axes.append(axis)
    rest = Steps(dst, src, wgt, *axes)
    total = len(rest)
    if total <= 1 << config.log_acc_depth:
        all_dst, all_src, all_wgt = rest.take(0, total)
        if np.unique(all_dst).size == total:
            return rest
    last_of = np.full(1 << config.log_acc_depth, -1, np.int64)
    for start in range(0, total, _STEPS_PER_PRODUCT):
        stop = min(total, start + _STEPS_PER_PRODUCT)
        block_dst, _, _ = rest.take(start, stop)
        np.maximum.at(last_of, block_dst, np.arange(start, stop))
    dsts = np.flatnonzero(last_of >= 0)
    last_steps = last_of[dsts]
    rest_k = last_steps % rest.dst.size
    i, j = np.divmod(last_steps // rest.dst.size, rest.inner.count)
    src = rest.src[rest_k] + i * rest.outer.src + j * rest.inner.src
    wgt = rest.wgt[rest_k] + i * rest.outer.wgt + j * rest.inner.wgt
    return Steps(
        dsts,
        src.astype(np.intp, copy=False),
        wgt.astype(np.intp, copy=False),
        _ONCE,
        _ONCE,
    )
