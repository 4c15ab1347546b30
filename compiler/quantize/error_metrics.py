"""Errors of a network's integers against its float activations, on calibration images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ..frontend.front_end_protocol import FloatModel
from ..ir.fixed_point import limits, round_half_up
from ..ir.graph import Graph
from ..ir.quantized_graph import QuantizedGraph
from ..reference.reference_evaluator import evaluate
from .calibrate import Calibration, float_activations

__all__ = ["Measurement", "Sample", "measure", "saturation_shares", "snr_db", "take_sample"]

_BEST = 120.0  # dB, the precision of float32


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images and their float activations, by name.

    Axis 0 of a tensor without a batch dimension is the launch.
    """

    inputs: dict[str, np.ndarray]
    activations: dict[str, np.ndarray]


def take_sample(
    model: FloatModel, graph: Graph, samples: dict[str, np.ndarray], names: set[str],
    images: int,
) -> Sample:
    """Run the float model over full launches of at most ``images`` images, at least one."""
    first = samples[graph.inputs[0]]
    batch = graph.tensors[graph.inputs[0]].shape[0]
    rows = np.arange(max(1, min(images, len(first)) // batch) * batch) % len(first)
    inputs = {name: samples[name][rows] for name in graph.inputs}
    requested = dict.fromkeys((*graph.outputs, *sorted(names)))  # in a reproducible order
    runs = list(float_activations(model, graph, inputs, requested))
    values = {name: [run[name] for run in runs] for name in requested if name in runs[0]}
    return Sample(inputs, {
        name: (np.concatenate if value[0].shape[:1] == (batch,) else np.stack)(value)
        for name, value in values.items()
    })


def snr_db(expected: np.ndarray, actual: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB, at most 120."""
    signal = float(np.square(expected, dtype=np.float64).sum())
    noise = float(np.square(np.subtract(actual, expected, dtype=np.float64)).sum())
    if noise <= signal * 10 ** (-_BEST / 10):
        return _BEST
    return 10 * float(np.log10(signal / noise)) if signal else -_BEST


@dataclass(frozen=True, eq=False)
class Measurement:
    """Accuracy of an integer network on a sample.

    Attributes
    ----------
    snr_db
        Signal-to-noise ratio of each float activation, in dB.
    outputs
        Real values of each float output.
    """

    snr_db: dict[str, float]
    outputs: dict[str, np.ndarray]

    @property
    def overall(self) -> float:
        """One figure: the mean of the outputs, in dB."""
        return float(np.mean([self.snr_db[name] for name in self.outputs] or [0.0]))


def measure(
    quantized: QuantizedGraph, sample: Sample, factors: Mapping[str, np.ndarray]
) -> Measurement:
    """Evaluate the integer network over a sample.

    ``factors`` are the divisors of the channels of equalized activations.
    """
    result = Measurement({}, {})
    for name, value in evaluate(quantized, sample.inputs).items():
        if name not in sample.activations or quantized.tensors[name].dtype != "float32":
            continue
        tensor = quantized.tensors[name]
        real = value.astype(np.float64) if tensor.exponent is None else tensor.reals(value)
        if name in factors:
            real *= factors[name].reshape((-1,) + (1,) * (real.ndim - 2))
        result.snr_db[name] = snr_db(sample.activations[name], real)
        if name in quantized.outputs:
            result.outputs[name] = real
    return result


def saturation_shares(quantized: QuantizedGraph, seen: Calibration) -> dict[str, float]:
    """Return the share of each activation's calibration values that its scale saturates."""
    low, high = limits(quantized.inp_width)
    shares = {}
    for name, tensor in quantized.tensors.items():
        if tensor.exponent is not None and name in seen.values:
            integers = round_half_up(seen.values[name] / tensor.scale) + tensor.zero_point
            below = (integers < low) & (tensor.zero_point > low)  # else it is the Relu
            shares[name] = float((below | (integers > high)).mean())
    return shares
