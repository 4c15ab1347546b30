"""Run the float network over calibration data and record the statistics quantization needs.

The imported model runs (not the canonical graph), in float, with every activation as an
output; so calibration also checks that canonicalization preserved the names of tensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..frontend.front_end_protocol import FloatModel
from ..ir.arrays import check_arrays
from ..ir.compile_errors import CompileError
from ..ir.graph import Graph

__all__ = ["Calibration", "calibrate", "check_samples", "float_activations"]

_KEPT = 1 << 16  # values kept of each tensor to measure quantization errors on


@dataclass(frozen=True, eq=False)
class Calibration:
    """Statistics of each activation over the calibration data.

    Attributes
    ----------
    peaks
        Maximum magnitude of each channel (axis 1).
    values
        A sample of its values, ``[images, channels, some positions]``.
    images
        Number of images.
    lowest, highest
        Minimum and maximum of each channel; without them a range is symmetric.
    """

    peaks: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    images: int
    lowest: dict[str, np.ndarray] = field(default_factory=dict)
    highest: dict[str, np.ndarray] = field(default_factory=dict)

    def peak(self, name: str) -> float:
        """Return the maximum magnitude of an activation."""
        return float(self.peaks[name].max(initial=0))

    def ends(self, name: str) -> tuple[float, float]:
        """Return the range of an activation and 0."""
        if name not in self.lowest:
            return -self.peak(name), self.peak(name)
        return float(self.lowest[name].min(initial=0)), float(self.highest[name].max(initial=0))

    def scaled(self, factors: Mapping[str, np.ndarray]) -> Calibration:
        """Return the statistics of channels divided by positive factors."""
        peaks, values = dict(self.peaks), dict(self.values)
        lowest, highest = dict(self.lowest), dict(self.highest)
        for name, factor in factors.items():
            peaks[name] = peaks[name] / factor
            values[name] = values[name] / factor[:, None]
            if name in lowest:
                lowest[name] = lowest[name] / factor
                highest[name] = highest[name] / factor
        return Calibration(peaks, values, self.images, lowest, highest)


def check_samples(
    samples: Mapping[str, np.ndarray], graph: Graph, where: str = "calibration data"
) -> dict[str, np.ndarray]:
    """Return the arrays of the graph's inputs (errors: :func:`~.arrays.check_arrays`)."""
    expected = {name: (graph.tensors[name].shape, graph.tensors[name].dtype)
              for name in graph.inputs}
    return check_arrays(samples, expected, where)


def calibrate(
    model: FloatModel, graph: Graph, samples: dict[str, np.ndarray], names: Iterable[str]
) -> Calibration:
    """Observe named activations over checked samples (:func:`check_samples`).

    The last launch repeats images if their number is not a multiple of the model's batch.

    Raises
    ------
    CompileError
        The float model cannot run, or an activation is not finite.
    """
    names = sorted(set(names))
    total = len(samples[graph.inputs[0]])
    rounds = -(-total // graph.tensors[graph.inputs[0]].shape[0])
    keep = max(1, _KEPT // rounds)
    lowest: dict[str, np.ndarray] = {}
    highest: dict[str, np.ndarray] = {}
    values: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for results in float_activations(model, graph, samples, names):
        for name in names:
            flat = _channels(graph, name, results[name])
            minimum, maximum = flat.min((0, 2), initial=np.inf), flat.max((0, 2), initial=-np.inf)
            lowest[name] = np.minimum(lowest.get(name, minimum), minimum)
            highest[name] = np.maximum(highest.get(name, maximum), maximum)
            values[name].append(_some(flat, keep))
    joined = {name: np.concatenate(parts) for name, parts in values.items()}
    peaks = {name: np.maximum(np.maximum(highest[name], -lowest[name]), 0) for name in names}
    return Calibration(peaks, joined, total, lowest, highest)


def float_activations(
    model: FloatModel, graph: Graph, samples: dict[str, np.ndarray], names: Iterable[str]
) -> Iterator[dict[str, np.ndarray]]:
    """Run the float model and yield named activations, launch by launch (errors: as above)."""
    names = list(names)
    computed = [name for name in names if name not in graph.inputs]
    computed += [name for name in graph.outputs if name not in (*names, *graph.inputs)]
    batch = graph.tensors[graph.inputs[0]].shape[0]
    total = len(samples[graph.inputs[0]])
    try:
        run = model.evaluator(computed)
        for start in range(0, total, batch):
            rows = np.arange(start, start + batch) % total
            feeds = {name: samples[name][rows] for name in graph.inputs}
            yield {**feeds, **run(feeds)}
    except CompileError:
        raise
    except Exception as error:  # evaluators raise their own types
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CompileError(f"the float network cannot run: {text}") from None


def _channels(graph: Graph, name: str, value: np.ndarray) -> np.ndarray:
    """Return a finite activation as float64 ``[images, channels, positions]``."""
    value = np.asarray(value, np.float64)
    if not np.isfinite(value).all():
        node = graph.producer(name)
        origin = "" if node is None else f", output of {node.op} {node.name!r},"
        raise CompileError(
            f"activation {name!r}{origin} is NaN or infinite on calibration data: the network "
            "overflows, or computes what has no value"
        )
    shape = (*value.shape, 1, 1)[:2] if value.ndim < 2 else value.shape[:2]
    return value.reshape(*shape, -1)


def _some(flat: np.ndarray, keep: int) -> np.ndarray:
    """Return the values at some positions, the same for all channels; about ``keep`` in all."""
    positions = flat.shape[2]
    count = max(1, keep // max(1, flat.shape[0] * flat.shape[1]))
    if count >= positions:
        return flat
    chosen = np.random.default_rng(positions).permutation(positions)[:count]
    return flat[:, :, np.sort(chosen)]
