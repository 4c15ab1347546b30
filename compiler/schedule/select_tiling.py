"""Choose the schedule of a layer: tile sizes, and the dataflow of a convolution.

Analytical costs (:mod:`.tiling_space`) select a few candidates among a convolution's tilings; the
timing model then predicts the cycles of each from its instructions, and the cheapest is chosen.
For every other layer the first tiling is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...isa.config import Config
from ..ir.compile_errors import CompileError
from .conv_problem import DATAFLOWS, ConvShape, ConvTiling
from .cost import Cost
from .problem_kinds import first_tiling, fits
from .tiling_problem import Problem, Tiling
from .tiling_space import order_matters, ranked_tilings

__all__ = ["FUSE", "ScheduleOptions", "TilingSelector", "candidates", "exceeds_bound"]

FUSE = ("auto", "on", "off")
_CANDIDATES = 6  # for layers of some size
_SMALL, _FEW = 1 << 14, 2  # steps of a layer for which fewer candidates suffice
_WORSE = 1.05  # of the minimum analytical cost: candidates cost no more
_BOUND = 1.1  # of a predicted cost: with higher analytical costs no prediction is needed

Predict = Callable[[Tiling], float]
"""Predicts the cycles of a tiling; its traffic is the analytical one."""


@dataclass(frozen=True)
class ScheduleOptions:
    """Options of the choice of schedules.

    Attributes
    ----------
    dataflow
        One of :data:`.conv_problem.DATAFLOWS`, for layers with such a schedule; None: the best.
    overlap
        Whether loads, steps and stores overlap; without, one engine runs at a time.
    tuned
        Tilings of a tuning run by problem (:mod:`.tuned_schedules`); they take precedence.
    fuse
        One of :data:`FUSE`: whether layers are computed in the preceding convolution
        (:mod:`~myvta.compiler.lower.conv.fusion`) where that costs no more, wherever it fits, or
        never.

    Raises
    ------
    ValueError
        ``dataflow`` or ``fuse`` is unknown.
    """

    dataflow: str | None = None
    overlap: bool = True
    tuned: Mapping[Problem, Tiling] = field(default_factory=dict)
    fuse: str = FUSE[0]

    def __post_init__(self) -> None:
        if self.dataflow not in (None, *DATAFLOWS):
            raise ValueError(
                f"dataflow must be one of {', '.join(DATAFLOWS)}, not {self.dataflow!r}")
        if self.fuse not in FUSE:
            raise ValueError(f"fuse must be one of {', '.join(FUSE)}, not {self.fuse!r}")


def candidates(
    shape: ConvShape, config: Config, dataflow: str | None = None, count: int = _CANDIDATES
) -> list[tuple[ConvTiling, Cost]]:
    """Return the tilings of the lowest analytical costs, in ascending order.

    With ``dataflow``, those of that dataflow, or of any if the layer has none.  Of tilings with the
    same stream only the first is kept.

    Raises
    ------
    CompileError
        Not even single tiles fit (buffers of fewer than two tiles).
    """
    ranked = ranked_tilings(shape, config, dataflow) or ranked_tilings(shape, config, None)
    if not ranked:
        raise CompileError(f"{config.name}: its buffers hold no tile of a {shape.kernel} window")
    limit = _WORSE * ranked[0][0]
    return [
        (tiling, cost) for total, tiling, cost in ranked[:count]
        if total <= limit and (
            dataflow is not None or tiling.dataflow != "input-stationary"
            or order_matters(shape, tiling))
    ]


def exceeds_bound(
    shape: ConvShape, config: Config, options: ScheduleOptions, limit: float
) -> bool:
    """Return whether the analytical cost of a large layer clearly exceeds ``limit``.

    For large layers it is within a few per cent of the prediction, which takes seconds.
    """
    if shape in options.tuned or shape.steps <= _SMALL:
        return False
    _, cost = candidates(shape, config, options.dataflow, 1)[0]
    return cost.total(config) > _BOUND * limit


class TilingSelector:
    """Chooses the tilings of one compilation, once for each problem."""

    def __init__(self, config: Config, options: ScheduleOptions):
        self.config, self.options = config, options
        self._chosen: dict[Problem, Tiling] = {}

    def choose(self, problem: Problem, predict: Predict) -> Tiling:
        """Return the tuned tiling of a problem, else the candidate of the minimum cost.

        Raises
        ------
        CompileError
            The tuned tiling does not fit, or none does.
        """
        if problem in self.options.tuned:
            tuned = self.options.tuned[problem]
            if not fits(problem, tuned, self.config):
                raise CompileError(
                    f"the tuned schedule {tuned} does not fit {self.config.name}: "
                    "tune for it again")
            return tuned
        if problem not in self._chosen:
            self._chosen[problem] = (
                self._cheapest(problem, predict) if isinstance(problem, ConvShape)
                else first_tiling(problem, self.config))
        return self._chosen[problem]

    def _cheapest(self, shape: ConvShape, predict: Predict) -> ConvTiling:
        count = _CANDIDATES if shape.steps > _SMALL else _FEW
        listed = candidates(shape, self.config, self.options.dataflow, count)
        return min(
            listed, key=lambda item: Cost(predict(item[0]), item[1].moved).total(self.config))[0]
