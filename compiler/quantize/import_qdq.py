"""Import the quantization of a pre-quantized (QDQ) model, and measure the deviation from it.

The front end evaluates the model without fusions, in float between roundings.  Each integer layer
is compared with it on the same integers, to which the model rounds its inputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..frontend.front_end_protocol import FloatModel
from ..ir.graph import Graph
from ..ir.qdq_scales import QdqScales
from ..ir.quantized_graph import QuantizedGraph
from ..operators.scaled_add import ScaledAddAttributes
from ..partition.partition import Placement
from ..reference.reference_evaluator import evaluate_node
from .calibrate import calibrate, float_activations
from .error_metrics import measure, saturation_shares, take_sample
from .output_comparison import OutputComparison, compare_outputs
from .qdq_quantizer import QdqQuantizer
from .quantization_search import (
    AUTO,
    QuantizationOptions,
    QuantizationResult,
    layer_activations,
    measured_images,
    multiplications,
)

__all__ = ["deviations", "import_qdq"]

_WORK = 3e11  # multiply-accumulates of the images whose outputs are compared


def import_qdq(
    graph: Graph, model: FloatModel, placements: Mapping[str, Placement],
    samples: dict[str, np.ndarray], options: QuantizationOptions, scales: QdqScales,
) -> QuantizationResult:
    """Return the integer network with the model's own scales.

    Of ``options`` only the method is used, for activations that have no scale.

    Raises
    ------
    CompileError
        The device does not support the quantization; all problems are listed.
    """
    names = layer_activations(graph, placements)
    seen = calibrate(model, graph, samples, names)
    method = "error" if options.method == AUTO else options.method
    quantized = QdqQuantizer(graph, dict(placements), seen, method, scales).run()
    images = measured_images(graph)
    sample = take_sample(model, graph, samples, names, images)
    rounded = {
        name: scales.rounded[name] for name, tensor in quantized.tensors.items()
        if tensor.exponent is not None and name in scales.rounded
    }
    runs = list(float_activations(model, graph, sample.inputs, set(rounded.values())))
    exact = {
        name: np.concatenate([run[inside] for run in runs]) for name, inside in rounded.items()
    }
    sample.activations.update(exact)  # the model's values after rounding
    measured = measure(quantized, sample, {})
    return QuantizationResult(
        quantized, "qdq", False, seen.images, len(next(iter(sample.inputs.values()))), {},
        measured.snr_db, saturation_shares(quantized, seen),
        _outputs(graph, model, samples, quantized, images), deviations(quantized, exact),
        model.deviation_note,
    )


def _outputs(
    graph: Graph, model: FloatModel, samples: dict[str, np.ndarray],
    quantized: QuantizedGraph, images: int,
) -> tuple[OutputComparison, ...]:
    """Compare the outputs over all calibration images, ``images`` at a time."""
    total = min(len(samples[graph.inputs[0]]), max(1, int(_WORK / multiplications(graph))))
    expected: dict[str, list[np.ndarray]] = {}
    actual: dict[str, list[np.ndarray]] = {}
    for start in range(0, total, images):
        part = {name: value[start : min(total, start + images)] for name, value in samples.items()}
        sample = take_sample(model, graph, part, set(), images)
        outputs = measure(quantized, sample, {}).outputs
        count = len(part[graph.inputs[0]])
        for name, value in outputs.items():
            expected.setdefault(name, []).append(sample.activations[name][:count])
            actual.setdefault(name, []).append(value[:count])
    return compare_outputs(
        {name: np.concatenate(values) for name, values in expected.items()},
        {name: np.concatenate(values) for name, values in actual.items()},
    )


def deviations(
    quantized: QuantizedGraph, exact: Mapping[str, np.ndarray]
) -> dict[str, tuple[int, float]]:
    """Return the deviation of each layer from the model's, on the model's integers.

    Parameters
    ----------
    exact
        Real values of activations, rounded by the model.

    Returns
    -------
    dict
        By node whose inputs and output the model rounds: the maximum difference in steps of the
        output's scale, and the share of elements that differ.
    """
    deviation: dict[str, tuple[int, float]] = {}
    width = quantized.inp_width
    integers = {
        name: quantized.tensors[name].integers(value, width) for name, value in exact.items()
    }
    for node in quantized.nodes:
        if node.on_host or not integers.keys() >= set(node.inputs):
            continue
        output = evaluate_node(node, [integers[name] for name in node.inputs], width)
        if node.outputs[0] in integers:
            difference = np.abs(output - integers[node.outputs[0]])
            deviation[node.name] = int(difference.max(initial=0)), float((difference > 0).mean())
        elif isinstance(node.attrs, ScaledAddAttributes):  # inserted before a node, and part of it
            integers[node.outputs[0]] = output
    return deviation
