"""Choose how a convolution is computed: tile sizes and loop order.

Formulas (:mod:`.tilings`) leave a few candidates; the timing model says how many cycles each would
take, on the very instructions it becomes.  What counts is cycles, and a small price for every byte
moved: memory is shared and costs energy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from ...isa.config import Config
from ..ir.compile_errors import CompileError
from .conv_problem import ConvShape, ConvTiling
from .tiling_space import Estimate, buffers_of, estimate, order_matters, tilings

__all__ = ["FUSE", "LATENCY", "ScheduleOptions", "choose", "hopeless", "price", "shortlist"]

LATENCY = 64  # cycles of memory latency schedules are chosen for
FUSE = ("auto", "on", "off")
_PRICE = 1 / 16  # cycles a beat of memory traffic is worth, if nothing waits for it
_CANDIDATES = 6  # layers of some size
_SMALL, _FEW = 1 << 14, 2  # steps of a layer for which fewer candidates do
_WORSE = 1.05  # how much worse than the best a candidate may be by formulas
_HOPELESS = 1.1  # how much worse than a prediction formulas make it useless to predict

Predict = Callable[[ConvTiling], int]
"""How many cycles a tiling takes."""


@dataclass(frozen=True)
class ScheduleOptions:
    """How schedules are chosen.

    Attributes
    ----------
    order
        One of :data:`.schedule.ORDERS`, where a layer has such a schedule; None: the best.
    overlap
        Whether loads, steps and stores overlap; without, one engine runs at a time.
    tuned
        Tilings found earlier (:mod:`.tuned`); they come before all others.
    fuse
        One of :data:`FUSE`: whether layers are computed in the convolution ahead of them
        (:mod:`.joining`) where that is no slower, wherever it fits, or never.

    Raises
    ------
    ValueError
        ``fuse`` is none of these.
    """

    order: str | None = None
    overlap: bool = True
    tuned: Mapping[ConvShape, ConvTiling] = field(default_factory=dict)
    fuse: str = FUSE[0]

    def __post_init__(self) -> None:
        if self.fuse not in FUSE:
            raise ValueError(f"fuse must be one of {', '.join(FUSE)}, not {self.fuse!r}")


def price(cycles: float, moved: float, config: Config) -> float:
    """Return what a schedule costs, in cycles."""
    return cycles + _PRICE * moved / config.bus_bytes


def shortlist(
    shape: ConvShape, config: Config, order: str | None = None, count: int = _CANDIDATES
) -> list[tuple[ConvTiling, Estimate]]:
    """Return the tilings that are best by formulas, the best first.

    With ``order``, those of that order, or of any where the layer has none.  Of two that are the
    same stream, the later one is left out.

    Raises
    ------
    CompileError
        Not even single tiles fit (buffers of fewer than two tiles).
    """
    found = _ranked(shape, config, order) or _ranked(shape, config, None)
    if not found:
        raise CompileError(f"{config.name}: its buffers hold no tile of a {shape.kernel} window")
    limit = _WORSE * found[0][0]
    return [
        (tiling, cost) for priced, tiling, cost in found[:count]
        if priced <= limit
        and (order is not None or tiling.order != "inputs" or order_matters(shape, tiling))
    ]


def hopeless(
    shape: ConvShape, config: Config, options: ScheduleOptions, limit: float
) -> bool:
    """Return whether a large layer costs clearly more than ``limit`` by formulas alone.

    Formulas are within a few per cent of predictions for those, and predicting them takes seconds.
    """
    if shape in options.tuned or shape.steps <= _SMALL:
        return False
    _, cost = shortlist(shape, config, options.order, 1)[0]
    return price(cost.cycles, cost.moved, config) > _HOPELESS * limit


@lru_cache(maxsize=16)  # lists of thousands
def _ranked(
    shape: ConvShape, config: Config, order: str | None
) -> list[tuple[float, ConvTiling, Estimate]]:
    found = []
    for tiling, buffers in tilings(shape, config, order):
        cost = estimate(shape, tiling, buffers, config)
        found.append((price(cost.cycles, cost.moved, config), tiling, cost))
    return sorted(found, key=lambda item: item[0])


_chosen: dict[tuple[ConvShape, Config, str | None, bool], ConvTiling] = {}


def choose(
    shape: ConvShape, config: Config, options: ScheduleOptions, predict: Predict
) -> ConvTiling:
    """Return the tuned tiling, else the best; the same question is answered from memory.

    Raises
    ------
    CompileError
        The tuned tiling does not fit, or none does.
    """
    if shape in options.tuned:
        tuned = options.tuned[shape]
        if buffers_of(shape, tuned, config) is None:
            raise CompileError(
                f"the tuned schedule {tuned} does not fit {config.name}: tune for it again")
        return tuned
    key = (shape, config, options.order, options.overlap)
    if key not in _chosen:
        count = _CANDIDATES if shape.steps > _SMALL else _FEW
        candidates = shortlist(shape, config, options.order, count)
        _chosen[key] = min(
            candidates, key=lambda item: price(predict(item[0]), item[1].moved, config)
        )[0]
    return _chosen[key]
