"""Search the schedules of convolutions by the timing model; winners are measured on hardware.

The space of a layer is :func:`.tilings.tilings`: what is not valid is never proposed.  Every trial
is a line of a log, so a search that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any

from ...driver.stream.stream import Stream
from ...driver.target.protocol import Target
from ...isa.config import Config
from ...isa.instructions import Load, Store
from ...isa.opcodes import MemoryType
from ...model.timing.predict import predict
from ..ir.compile_errors import CompileError
from ..ir.layouts import View, views
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..layout.input_packing import pack_inputs
from ..layout.output_packing import spread_outputs
from ..lower.conv.conv import Convolution
from ..schedule.conv_problem import ConvShape, ConvTiling
from ..schedule.select_tiling import LATENCY, ScheduleOptions, price
from ..schedule.tiling_space import estimate, tilings
from ..schedule.tuned_schedules import TunedLayer
from ..schedule.tuning_log import Trial, TrialLog
from .single_layer import Isolation, run_alone

__all__ = [
    "SEARCHES", "Layer", "Tuner", "layers_of", "on_target", "propose",
]

SEARCHES = ("exhaustive", "optuna")
_REPEATS = 8  # samples of what was tried before the next best guess is tried instead
_FIELDS = ("order", "co", "part", "oh", "ow", "ci", "kh", "kw")  # the order of the choices

Measure = Callable[[Stream, int], int]
"""``measure(stream, bytes of memory)``: its cycles on hardware."""


class Layer:
    """A convolution to be tuned."""

    def __init__(
        self, node: QuantizedNode, seen: Mapping[str, View], config: Config, images: int
    ):
        self.name, self.config = node.name, config
        self._alone = Isolation(node, seen, config, images, ScheduleOptions())
        self._low = self._alone.lowering()
        self._convolution = Convolution(self._low, node)
        self.shape: ConvShape = self._convolution.shape
        ranked = sorted(
            (price(cost.cycles, cost.moved, config), number, tiling)
            for number, (tiling, cost) in enumerate(
                (tiling, estimate(self.shape, tiling, buffers, config))
                for tiling, buffers in tilings(self.shape, config))
        )
        self.space = [tiling for _, _, tiling in ranked]
        """Every tiling that fits, the most promising first."""

    def stream(self, tiling: ConvTiling) -> tuple[Stream, int]:
        """Return the layer's stream and the bytes of memory it works in."""
        return self._convolution.alone(self._low, tiling), self._alone.size

    def try_out(self, tiling: ConvTiling) -> Trial:
        """Return what a tiling costs."""
        stream = self._convolution.alone(self._low, tiling, draft=True)
        cycles = predict(
            stream.instructions, stream.uops, self.config, latency=LATENCY).cycles
        moved = sum(
            item.x_size * item.y_size * self.config.tile_bytes(MemoryType(item.memory_type))
            for item in stream.instructions if isinstance(item, (Load, Store))
        )
        return Trial(tiling, cycles, moved, price(cycles, moved, self.config))


def layers_of(graph: QuantizedGraph, config: Config) -> list[Layer]:
    """Return the different convolutions and dense layers of a network, as they are lowered."""
    packed, _ = spread_outputs(pack_inputs(graph, config)[0], config)
    seen, images = views(packed.nodes, packed.tensors), lcm(graph.images, config.batch)
    found: dict[ConvShape, Layer] = {}
    for node in packed.nodes:
        if node.op in ("Conv", "ConvTranspose", "Gemm"):
            layer = Layer(node, seen, config, images)
            found.setdefault(layer.shape, layer)
    return list(found.values())


def on_target(target: Target) -> Measure:
    """Return a measurement on a target: cycles of a stream over memory of zeros."""
    return lambda stream, size: run_alone(target, stream, size).cycles


def propose(layer: Layer, search: str, done: list[Trial], seed: int = 0) -> Iterator[ConvTiling]:
    """Yield tilings to try, none twice; trials are to be added to ``done`` as they are made.

    ``exhaustive`` goes through the whole space, the most promising first; ``optuna`` samples it by
    what the trials so far were like.

    Raises
    ------
    CompileError
        optuna is wanted and not installed.
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
            study.tell(asked, next(trial.price for trial in done if trial.tiling == tiling))
            repeats += 1
            if repeats < _REPEATS:
                continue
            tiling = next(tiling for tiling in layer.space if tiling not in tried)
        repeats = 0
        tried.add(tiling)
        yield tiling


def _choices(layer: Layer) -> Iterator[tuple[str, list, Callable[[object], None]]]:
    """Walk down the space: a choice's name, its values, and how to say which was taken."""
    left, path = layer.space, ""
    for name in _FIELDS:
        values = sorted({getattr(tiling, name) for tiling in left})
        taken: list[object] = []
        yield f"{path}{name}", values, taken.append
        left = [tiling for tiling in left if getattr(tiling, name) == taken[0]]
        path += f"{name}={taken[0]},"


def _suggest(layer: Layer, trial: Any) -> ConvTiling:
    chosen: dict[str, object] = {}
    for (name, values, take), key in zip(_choices(layer), _FIELDS, strict=True):
        value = trial.suggest_categorical(name, values)
        take(value)
        chosen[key] = value
    return next(
        tiling for tiling in layer.space
        if all(getattr(tiling, name) == value for name, value in chosen.items())
    )


def _finished(layer: Layer, trial: Trial) -> Any:
    import optuna

    parameters, distributions = {}, {}
    for (name, values, take), key in zip(_choices(layer), _FIELDS, strict=True):
        value = getattr(trial.tiling, key)
        take(value)
        parameters[name] = value
        distributions[name] = optuna.distributions.CategoricalDistribution(values)
    return optuna.trial.create_trial(
        params=parameters, distributions=distributions, value=trial.price)


@dataclass
class Tuner:
    """Tunes layer after layer.

    Attributes
    ----------
    trials
        At most so many a layer, those of earlier runs included.
    measure
        Runs a stream on hardware; None: winners are those of the timing model.
    verified
        How many of a layer's best are measured.
    progress
        Called after every trial of a layer with (layer, trials so far, trials in all, best).
    """

    log: TrialLog
    search: str = SEARCHES[0]
    trials: int = 64
    measure: Measure | None = None
    verified: int = 3
    progress: Callable[[Layer, int, int, Trial], None] = field(
        default=lambda layer, done, total, best: None)

    def tune(self, layer: Layer) -> TunedLayer:
        """Return the best schedule found."""
        done = self.log.of(layer.shape)
        total = min(self.trials, len(layer.space))
        proposals = propose(layer, self.search, done)
        while len(done) < total:
            tiling = next(proposals, None)
            if tiling is None:
                break
            self.log.add(layer.shape, layer.try_out(tiling))
            self.progress(layer, len(done), total, min(done, key=lambda trial: trial.price))
        best = sorted(done, key=lambda trial: trial.price)[: self.verified]
        if self.measure is None:
            winner, cycles = best[0], None
        else:
            measured = [self.measure(*layer.stream(trial.tiling)) for trial in best]
            number = min(
                range(len(best)),
                key=lambda n: price(measured[n], best[n].moved, layer.config))
            winner, cycles = best[number], measured[number]
        return TunedLayer(layer.shape, winner.tiling, winner.cycles, winner.moved, cycles)
