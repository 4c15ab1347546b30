"""Parameters of RQT in random programs: no instruction spoils its own before it reads them."""

from dataclasses import replace

import numpy as np

__all__ = ["parameter_range", "parameter_triples", "with_parameters"]


def parameter_triples(rng, lanes):
    """Return ten triples of RQT's parameters in range: bias, multiplier, shift."""
    triples = np.empty((30, lanes), np.int64)
    triples[0::3] = rng.integers(-1000, 1000, (10, lanes))
    triples[1::3] = rng.integers(0, 2**31, (10, lanes))
    triples[2::3] = rng.integers(0, 32, (10, lanes))
    return triples


def parameter_range(steps):
    """Return the first tile of parameters that steps (dst, src, wgt) read, and how many from it."""
    first = min(src for _, src, _ in steps)
    return first, max(src for _, src, _ in steps) + 3 - first


def with_parameters(item, micro, *, triples):
    """Return an RQT none of whose steps reads a result of an earlier one as a parameter.

    Of ``item`` and shorter ones the first such; ``triples``: every index of parameters is also a
    multiple of 3 from the first one, so that the instruction reads those of
    :func:`parameter_triples`.
    """
    if triples:
        item = replace(item, src_factor_out=item.src_factor_out // 3 * 3,
                       src_factor_in=item.src_factor_in // 3 * 3)
    one = replace(item, uop_end=min(item.uop_end, item.uop_bgn + 1))
    last = replace(one, iter_out=min(1, one.iter_out), iter_in=min(1, one.iter_in))
    return next(shorter for shorter in (item, one, replace(one, iter_out=last.iter_out), last)
                if _reads_parameters(micro.steps(shorter), triples))


def _reads_parameters(steps, triples):
    written = set()
    for dst, src, _ in steps:
        if written & {src, src + 1, src + 2} or (triples and (src - steps[0][1]) % 3):
            return False
        written.add(dst)
    return not triples or not steps or steps[0][1] == min(src for _, src, _ in steps)
