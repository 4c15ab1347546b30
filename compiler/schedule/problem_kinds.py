"""The kinds of scheduling problems as a table: types, and the space of tilings of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...isa.config import Config
from .block_gemm_problem import BlockGemmProblem, BlockGemmTiling
from .conv_problem import ConvShape, ConvTiling
from .copy_problem import CopyProblem
from .pool_problems import (
    AveragePoolProblem,
    AverageTiling,
    GlobalAverageProblem,
    GlobalTiling,
    MaxPoolProblem,
)
from .tiling_problem import MapTiling, Problem, Tiling
from .tiling_space import buffers_of, ranked_tilings

__all__ = ["KINDS", "ProblemKind", "first_tiling", "fits", "tilings_of"]


@dataclass(frozen=True)
class ProblemKind:
    """A kind of scheduling problem.

    Attributes
    ----------
    problem, tiling
        The types.
    tilings
        ``tilings(problem, config)`` yields the tilings that fit, the most promising first.
    fits
        ``fits(problem, tiling, config)``: whether the buffers hold the tiling.
    choices
        The fields of a tiling in the order in which a search that samples chooses them.
    """

    problem: type[Problem]
    tiling: type[Tiling]
    tilings: Callable[[Any, Config], Iterator[Tiling]]
    fits: Callable[[Any, Any, Config], bool]
    choices: tuple[str, ...]


def _conv_tilings(shape: ConvShape, config: Config) -> Iterator[ConvTiling]:
    return (tiling for _, tiling, _ in ranked_tilings(shape, config))


def _conv_fits(shape: ConvShape, tiling: ConvTiling, config: Config) -> bool:
    return buffers_of(shape, tiling, config) is not None


KINDS: dict[str, ProblemKind] = {
    kind.problem.kind: kind for kind in (
        ProblemKind(ConvShape, ConvTiling, _conv_tilings, _conv_fits,
                    ("dataflow", "co", "part", "oh", "ow", "ci", "kh", "kw")),
        ProblemKind(MaxPoolProblem, MapTiling, MaxPoolProblem.tilings, MaxPoolProblem.fits,
                    ("blocks", "oh", "ow")),
        ProblemKind(AveragePoolProblem, AverageTiling, AveragePoolProblem.tilings,
                    AveragePoolProblem.fits, ("kh", "kw", "blocks", "oh", "ow")),
        ProblemKind(GlobalAverageProblem, GlobalTiling, GlobalAverageProblem.tilings,
                    GlobalAverageProblem.fits, ("pixels", "blocks")),
        ProblemKind(CopyProblem, MapTiling, CopyProblem.tilings, CopyProblem.fits,
                    ("blocks", "oh", "ow")),
        ProblemKind(BlockGemmProblem, BlockGemmTiling, BlockGemmProblem.tilings,
                    BlockGemmProblem.fits, ("terms", "blocks", "tiles")),
    )
}
"""By their name in files."""


def tilings_of(problem: Problem, config: Config) -> Iterator[Tiling]:
    """Yield the tilings of a problem that fit, the most promising first."""
    return KINDS[problem.kind].tilings(problem, config)


def first_tiling(problem: Problem, config: Config) -> Tiling:
    """Return the most promising tiling: placement keeps layers that have none off the accelerator.
    """
    return next(tilings_of(problem, config))


def fits(problem: Problem, tiling: Tiling, config: Config) -> bool:
    """Return whether the buffers hold a tiling, of the problem's own kind."""
    kind = KINDS[problem.kind]
    return type(tiling) is kind.tiling and kind.fits(problem, tiling, config)
