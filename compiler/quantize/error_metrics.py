"""How far the integers of a network are from its float activations, on calibration images."""

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

__all__ = ["Measurement", "Sample", "clipped", "measure", "ratio", "take_sample"]

_BEST = 120.0  # dB beyond which float32 itself ends


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images and the float activations they give, by name.

    What has no dimension of images has axis 0 for launches.
    """

    inputs: dict[str, np.ndarray]
    activations: dict[str, np.ndarray]


def take_sample(
    model: FloatModel, graph: Graph, samples: dict[str, np.ndarray], names: set[str],
    images: int,
) -> Sample:
    """Run the float model over whole launches of at most ``images`` images, at least one."""
    first = samples[graph.inputs[0]]
    batch = graph.tensors[graph.inputs[0]].shape[0]
    rows = np.arange(max(1, min(images, len(first)) // batch) * batch) % len(first)
    inputs = {name: samples[name][rows] for name in graph.inputs}
    wanted = dict.fromkeys((*graph.outputs, *sorted(names)))  # in an order that repeats
    runs = list(float_activations(model, graph, inputs, wanted))
    found = {name: [run[name] for run in runs] for name in wanted if name in runs[0]}
    return Sample(inputs, {
        name: (np.concatenate if value[0].shape[:1] == (batch,) else np.stack)(value)
        for name, value in found.items()
    })


def ratio(wanted: np.ndarray, found: np.ndarray) -> float:
    """Return the signal-to-noise ratio in dB, at most 120."""
    signal = float(np.square(wanted, dtype=np.float64).sum())
    noise = float(np.square(np.subtract(found, wanted, dtype=np.float64)).sum())
    if noise <= signal * 10 ** (-_BEST / 10):
        return _BEST
    return 10 * float(np.log10(signal / noise)) if signal else -_BEST


@dataclass(frozen=True, eq=False)
class Measurement:
    """What the integers of a network made of a sample.

    Attributes
    ----------
    ratios
        Signal-to-noise ratio of each float activation, in dB.
    outputs
        What they stand for, for each float output.
    """

    ratios: dict[str, float]
    outputs: dict[str, np.ndarray]

    @property
    def overall(self) -> float:
        """One figure: the mean ratio of the outputs, in dB."""
        return float(np.mean([self.ratios[name] for name in self.outputs] or [0.0]))


def measure(
    quantized: QuantizedGraph, sample: Sample, factors: Mapping[str, np.ndarray]
) -> Measurement:
    """Evaluate the integer network over a sample.

    ``factors`` say what the channels of an equalized activation were divided by.
    """
    made = Measurement({}, {})
    for name, value in evaluate(quantized, sample.inputs).items():
        if name not in sample.activations or quantized.tensors[name].dtype != "float32":
            continue
        tensor = quantized.tensors[name]
        real = value.astype(np.float64) if tensor.exponent is None else tensor.reals(value)
        if name in factors:
            real *= factors[name].reshape((-1,) + (1,) * (real.ndim - 2))
        made.ratios[name] = ratio(sample.activations[name], real)
        if name in quantized.outputs:
            made.outputs[name] = real
    return made


def clipped(quantized: QuantizedGraph, seen: Calibration) -> dict[str, float]:
    """Return the share of the calibration's values of each activation that its scale clips."""
    low, high = limits(quantized.inp_width)
    shares = {}
    for name, tensor in quantized.tensors.items():
        if tensor.exponent is not None and name in seen.values:
            integers = round_half_up(seen.values[name] / tensor.scale) + tensor.zero_point
            below = (integers < low) & (tensor.zero_point > low)  # else clipping stands for Relu
            shares[name] = float((below | (integers > high)).mean())
    return shares
