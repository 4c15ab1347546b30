"""Search the schedules of layers by the timing model; winners are measured on hardware.

The space of a layer is :func:`.problem_kinds.tilings_of`: only valid schedules are proposed.  Every
trial is a line of a log, from which an interrupted search continues.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...driver.stream.instruction_stream import InstructionStream
from ...driver.target.protocol import Target
from ..ir.compile_errors import CompileError
from ..ir.layouts import ChannelLayout
from ..ir.target_description import TargetDescription
from ..lower.conv.fusion import Operation
from ..lower.layer_scheduler import LayerScheduler
from ..operators.registry import layer_of
from ..schedule.cost import Cost
from ..schedule.problem_kinds import KINDS, tilings_of
from ..schedule.select_tiling import ScheduleOptions
from ..schedule.tiling_problem import Problem, Tiling
from ..schedule.tuned_schedules import TunedLayer
from ..schedule.tuning_log import Trial, TrialLog
from .single_layer import isolated_activations, run_alone

__all__ = [
    "SEARCHES", "TunableLayer", "Tuner", "distinct_layers", "on_target", "propose",
]

SEARCHES = ("exhaustive", "optuna")
_REPEATS = 8  # samples of known tilings before the most promising new one is tried

Measure = Callable[[InstructionStream, int], int]
"""``measure(stream, bytes of memory)``: its cycles on hardware."""


class TunableLayer:
    """A layer, a convolution with the layers fused with it among them, to be tuned.

    Attributes
    ----------
    space
        Every tiling that fits, the most promising first.
    """

    def __init__(
        self, operation: Operation, layouts: Mapping[str, ChannelLayout],
        target: TargetDescription, images: int,
    ):
        self.name, self.config = operation.name, target.config
        activations = isolated_activations(operation, layouts, target, images)
        layer = layer_of(operation, activations, target.config)
        self._scheduler = LayerScheduler(target, ScheduleOptions(), activations)
        self._placed = self._scheduler.place(layer)
        self.operator, self.problem = layer.node.op, layer.problem
        self.space = list(tilings_of(self.problem, self.config))

    @property
    def choices(self) -> tuple[str, ...]:
        """The fields of a tiling, in the order of their choice."""
        return KINDS[self.problem.kind].choices

    def stream(self, tiling: Tiling) -> tuple[InstructionStream, int]:
        """Return the layer's stream and the bytes of memory it works in."""
        return self._scheduler.stream(self._placed, tiling), self._placed.memory.size

    def try_out(self, tiling: Tiling) -> Trial:
        """Return the predicted cost of a tiling."""
        return Trial(tiling, self._scheduler.predict(self._placed, tiling))

    def total(self, trial: Trial) -> float:
        """Return the cost of a trial as one number."""
        return trial.cost.total(self.config)


def distinct_layers(
    operations: Iterable[Operation], layouts: Mapping[str, ChannelLayout],
    target: TargetDescription, images: int,
) -> list[TunableLayer]:
    """Return a layer for each different scheduling problem among operations.

    Parameters
    ----------
    layouts
        Channels, rows and columns of all activations.
    images
        Number of images of a run.
    """
    layers: dict[Problem, TunableLayer] = {}
    for operation in operations:
        layer = TunableLayer(operation, layouts, target, images)
        layers.setdefault(layer.problem, layer)
    return list(layers.values())


def on_target(target: Target) -> Measure:
    """Return a measurement on a target: cycles of a stream over memory of zeros."""
    return lambda stream, size: run_alone(target, stream, size).cycles


def propose(
    layer: TunableLayer, search: str, done: list[Trial], seed: int = 0
) -> Iterator[Tiling]:
    """Yield tilings to try, none twice; the caller appends each trial to ``done`` as it ends.

    ``exhaustive`` goes through the whole space, the most promising first; ``optuna`` samples it by
    the results of the trials so far.

    Raises
    ------
    CompileError
        optuna is requested and not installed.
    """
    if search == "exhaustive":
        tried = {trial.tiling for trial in done}
        yield from (tiling for tiling in layer.space if tiling not in tried)
        return
    try:
        import optuna
    except ImportError:
        raise CompileError(
            "--search optuna needs optuna: pip install 'myvta[tune]', or search exhaustively"
        ) from None

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    told = repeats = 0
    tried = {trial.tiling for trial in done}
    while len(tried) < len(layer.space):
        for trial in done[told:]:
            study.add_trial(_finished(layer, trial))
        told = len(done)
        asked = study.ask()
        tiling = _suggest(layer, asked)
        if tiling in tried:
            study.tell(asked, next(
                layer.total(trial) for trial in done if trial.tiling == tiling))
            repeats += 1
            if repeats < _REPEATS:
                continue
            tiling = next(tiling for tiling in layer.space if tiling not in tried)
        repeats = 0
        tried.add(tiling)
        yield tiling


def _choices(layer: TunableLayer) -> Iterator[tuple[str, list, Callable[[object], None]]]:
    """Descend in the space: yield the name, values and setter of each choice."""
    left, path = layer.space, ""
    for name in layer.choices:
        values = sorted({getattr(tiling, name) for tiling in left})
        taken: list[object] = []
        yield f"{path}{name}", values, taken.append
        left = [tiling for tiling in left if getattr(tiling, name) == taken[0]]
        path += f"{name}={taken[0]},"


def _suggest(layer: TunableLayer, trial: Any) -> Tiling:
    chosen: dict[str, object] = {}
    for (name, values, take), key in zip(_choices(layer), layer.choices, strict=True):
        value = trial.suggest_categorical(name, values)
        take(value)
        chosen[key] = value
    return next(
        tiling for tiling in layer.space
        if all(getattr(tiling, name) == value for name, value in chosen.items())
    )


def _finished(layer: TunableLayer, trial: Trial) -> Any:
    import optuna

    parameters, distributions = {}, {}
    for (name, values, take), key in zip(_choices(layer), layer.choices, strict=True):
        value = getattr(trial.tiling, key)
        take(value)
        parameters[name] = value
        distributions[name] = optuna.distributions.CategoricalDistribution(values)
    return optuna.trial.create_trial(
        params=parameters, distributions=distributions, value=layer.total(trial))


@dataclass
class Tuner:
    """Tunes layers one by one.

    Attributes
    ----------
    trials
        Maximum number per layer, including those of earlier runs.
    measure
        Runs a stream on hardware; None: the timing model decides.
    verified
        Number of a layer's best schedules that are measured.
    progress
        Called after every trial of a layer with (layer, trials so far, trials in all, best).
    """

    log: TrialLog
    search: str = SEARCHES[0]
    trials: int = 64
    measure: Measure | None = None
    verified: int = 3
    progress: Callable[[TunableLayer, int, int, Trial], None] = field(
        default=lambda layer, done, total, best: None)

    def tune(self, layer: TunableLayer) -> TunedLayer:
        """Return the best schedule measured."""
        done = self.log.of(layer.problem)
        total = min(self.trials, len(layer.space))
        proposals = propose(layer, self.search, done)
        while len(done) < total:
            tiling = next(proposals, None)
            if tiling is None:
                break
            self.log.add(layer.problem, layer.try_out(tiling))
            self.progress(layer, len(done), total, min(done, key=layer.total))
        best = sorted(done, key=layer.total)[: self.verified]
        if self.measure is None:
            winner, cycles = best[0], None
        else:
            measured = [self.measure(*layer.stream(trial.tiling)) for trial in best]
            number = min(
                range(len(best)),
                key=lambda n: Cost(measured[n], best[n].cost.moved).total(layer.config))
            winner, cycles = best[number], measured[number]
        return TunedLayer(
            layer.problem, winner.tiling, int(winner.cost.cycles), int(winner.cost.moved), cycles)
