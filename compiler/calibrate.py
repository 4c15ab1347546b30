"""Run the float network over calibration data and keep what quantization needs to know.

The model runs as it came (before folding), in float, with every activation made an output; so
calibration also checks that folding kept the names of what it kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from .errors import CompileError
from .graph import Graph
from .host import evaluator
from .samples import check_arrays

__all__ = ["Calibration", "calibrate", "check_samples"]

_KEPT = 1 << 16  # values kept of each tensor to measure quantization errors on


@dataclass(frozen=True, eq=False)
class Calibration:
    """What calibration saw of each activation: greatest magnitude and a sample of its values."""

    peak: dict[str, float]
    values: dict[str, np.ndarray]
    images: int


def check_samples(
    samples: Mapping[str, np.ndarray], graph: Graph, where: str = "calibration data"
) -> dict[str, np.ndarray]:
    """Return the arrays of the graph's inputs (errors: :func:`~.samples.check_arrays`)."""
    wanted = {name: (graph.tensors[name].shape, graph.tensors[name].dtype)
              for name in graph.inputs}
    return check_arrays(samples, wanted, where)


def calibrate(
    model: onnx.ModelProto, graph: Graph, samples: dict[str, np.ndarray], names: Iterable[str]
) -> Calibration:
    """Observe named activations over checked samples (:func:`check_samples`).

    The last launch is filled up by repeating images where their number is not a multiple of the
    model's batch.

    Raises
    ------
    CompileError
        The float model cannot run, or an activation is not finite.
    """
    names = sorted(set(names))
    computed = [name for name in names if name not in graph.inputs]
    computed += [name for name in graph.outputs if name not in (*names, *graph.inputs)]
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    known = {output.name for output in observed.graph.output}
    observed.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in computed if name not in known
    )
    batch = graph.tensors[graph.inputs[0]].shape[0]
    total = len(samples[graph.inputs[0]])
    rounds = -(-total // batch)
    keep = max(1, _KEPT // rounds)
    peak = dict.fromkeys(names, 0.0)
    values: dict[str, list[np.ndarray]] = {name: [] for name in names}
    try:
        run = evaluator(observed, computed)
        for start in range(0, total, batch):
            rows = np.arange(start, start + batch) % total
            feeds = {name: samples[name][rows] for name in graph.inputs}
            results = {**feeds, **run(feeds)}
            for name in names:
                _observe(name, results[name], peak, values, keep)
    except CompileError:
        raise
    except Exception as error:  # evaluators raise types of their own
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CompileError(f"the float network cannot run: {text}") from None
    return Calibration(peak, {name: np.concatenate(v) for name, v in values.items()}, total)


def _observe(
    name: str, value: np.ndarray, peak: dict[str, float], values: dict[str, list[np.ndarray]],
    keep: int,
) -> None:
    flat = np.asarray(value, np.float64).reshape(-1)
    if not np.isfinite(flat).all():
        raise CompileError(
            f"activation {name!r} is NaN or infinite on calibration data: the network overflows"
        )
    if flat.size:
        peak[name] = max(peak[name], float(np.abs(flat).max()))
        values[name].append(flat[:: -(-flat.size // keep)])
