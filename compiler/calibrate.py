"""Run the float network over calibration data and keep what quantization needs to know.

The model runs as it came (before folding), in float, with every activation made an output; so
calibration also checks that folding kept the names of what it kept.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

from .errors import CompileError
from .graph import Graph
from .host import evaluator

__all__ = ["Calibration", "calibrate", "check_samples", "load_samples"]

_KEPT = 1 << 16  # values kept of each tensor to measure quantization errors on


@dataclass(frozen=True, eq=False)
class Calibration:
    """What calibration saw of each activation: greatest magnitude and a sample of its values."""

    peak: dict[str, float]
    values: dict[str, np.ndarray]
    images: int


def load_samples(path: str | Path, graph: Graph) -> dict[str, np.ndarray]:
    """Read an ``.npz`` of one array per graph input, ``[any number of images, ...]``.

    A file with a single array may name it as it likes when the network has a single input.

    Raises
    ------
    CompileError
        The file is missing or not an npz, an input is missing, a shape is wrong, or values are
        not finite; all problems are listed.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a bare array")
            samples = {name: archive[name] for name in archive.files}
    except OSError as error:
        raise CompileError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise CompileError(f"{path}: not an npz file of plain arrays: {error}") from None
    return check_samples(samples, graph, str(path))


def check_samples(samples: dict[str, np.ndarray], graph: Graph, where: str) -> dict:
    """Return the arrays of the graph's inputs, checked (errors as :func:`load_samples`)."""
    if len(graph.inputs) == 1 and len(samples) == 1 and graph.inputs[0] not in samples:
        samples = {graph.inputs[0]: next(iter(samples.values()))}
    problems, counts = [], set()
    for name in graph.inputs:
        tensor = graph.tensors[name]
        if name not in samples:
            problems.append(
                f"{where}: no array for input {name!r}; it holds {', '.join(samples) or 'nothing'}"
            )
            continue
        value = samples[name]
        wanted = "[images, " + ", ".join(str(s) for s in tensor.shape[1:]) + "]"
        if value.dtype.kind not in "fiub" or np.dtype(tensor.dtype).kind not in "fiub":
            problems.append(f"{where}: {name!r} must hold numbers, not {value.dtype}")
        elif value.ndim != len(tensor.shape) or value.shape[1:] != tensor.shape[1:]:
            shown = "[" + ", ".join(str(s) for s in value.shape) + "]"
            problems.append(f"{where}: {name!r} must have shape {wanted}, not {shown}")
        elif value.shape[0] == 0:
            problems.append(f"{where}: {name!r} holds no image")
        elif value.dtype.kind == "f" and not np.isfinite(value).all():
            problems.append(f"{where}: {name!r} holds NaN or infinite values")
        else:
            counts.add(value.shape[0])
    if not problems and len(counts) > 1:
        problems.append(f"{where}: inputs hold different numbers of images: {sorted(counts)}")
    if problems:
        raise CompileError(*problems)
    return {
        name: np.asarray(samples[name]).astype(graph.tensors[name].dtype) for name in graph.inputs
    }


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


def _observe(name: str, value: np.ndarray, peak: dict, values: dict, keep: int) -> None:
    flat = np.asarray(value, np.float64).reshape(-1)
    if not np.isfinite(flat).all():
        raise CompileError(
            f"activation {name!r} is NaN or infinite on calibration data: the network overflows"
        )
    if flat.size:
        peak[name] = max(peak[name], float(np.abs(flat).max()))
        values[name].append(flat[:: -(-flat.size // keep)])
