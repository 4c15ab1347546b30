"""Quantization by a model's own scales: weights, biases and scales by hand, every refusal."""

from __future__ import annotations

import numpy as np
import pytest
from graph_cases import graph_of
from operator_rules import calibrated, quantize_qdq

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import QdqScales, TensorScale
from myvta.compiler.partition.partition import Placement
from myvta.compiler.quantize.qdq_quantizer import QdqQuantizer

WEIGHT = np.array([[0.5, -0.25, 1.0], [0.1, 0.2, -0.3]], np.float32)
GRID = np.array([[2, -1, 4], [1, 2, -3]], np.float32) / 4
SCALES = {"x": TensorScale(0.05, 7), "y": TensorScale(0.1, -3)}


def dense(weight: np.ndarray = WEIGHT, bias: tuple[float, float] = (0.0, 0.0), **attrs: object
          ) -> Graph:
    """Return a dense layer of three inputs and two outputs."""
    return graph_of(Node("Gemm", "n", ("x", "w", "b"), ("y",), attrs), shapes={
        "x": (1, 3), "y": (1, 2)}, constants={"w": weight, "b": np.array(bias, np.float32)})


def quantizer(graph: Graph, scales: dict[str, TensorScale], **exponents: int) -> QdqQuantizer:
    placements = {node.name: Placement("accelerator", "") for node in graph.nodes}
    return QdqQuantizer(
        graph, placements, calibrated(exponents), "minmax", QdqScales(tensors=dict(scales)))


def test_integers_of_the_model_are_kept() -> None:
    """The zero point of the input goes into the bias, times the sum of a row."""
    result = quantize_qdq(dense(bias=(0.5, -0.002)), SCALES, weights={"n": [0.25, 0.1]})
    (node,) = result.nodes
    assert node.attrs.weight.tolist() == [[2, -1, 4], [1, 2, -3]]
    assert node.attrs.weight_scale.tolist() == [0.25, 0.1]
    assert node.rule.bias.tolist() == [40 - 7 * 5, 0 - 7 * 0]  # 0.5 / (0.25 * 0.05) = 40
    multiplier = node.rule.multiplier
    assert multiplier is not None
    ratio = multiplier / 2.0**31 / 2.0**node.rule.shift
    np.testing.assert_allclose(ratio, [0.25 * 0.05 / 0.1, 0.1 * 0.05 / 0.1], rtol=1e-4)
    assert node.rule.zero_point == -3


def test_folded_weights_get_scales_of_their_own() -> None:
    """Weights that are no integers of the model's scale any more are quantized to 7 bits."""
    result = quantize_qdq(dense(), SCALES, {"y": -4}, weights={"n": [0.3, 0.07]})
    (node,) = result.nodes
    assert (np.abs(node.attrs.weight).max(1) >= 64).all()
    rows = node.attrs.weight * node.attrs.weight_scale[:, None]
    np.testing.assert_allclose(rows, WEIGHT, atol=0.5 * node.attrs.weight_scale.max() + 1e-7)


def test_relu_and_clip_are_bounds_in_the_output_scale() -> None:
    graph = dense(relu=1, clip=(-1.0, 6.0))
    (node,) = quantize_qdq(graph, SCALES, weights={"n": [0.25, 0.1]}).nodes
    assert (node.rule.relu, node.rule.clip) == (True, (-13, 57))


@pytest.mark.parametrize(("weight", "bias", "out", "scale", "problem"), [
    (GRID, (0, 0), 0.0125, 0.25,
     "its output's scale 0.0125 is finer than its products' 0.0125, which no requantization "
     "reaches: quantize it again"),
    (WEIGHT * 0 + 2, (0, 0), 0.1, 1 / 64, "its weights less their zero point leave -128..127: "
     "quantize weights symmetrically"),
    (GRID, (3e7, 0), 0.1, 0.25, "its sums do not fit 32 bits"),
])
def test_unsupported_quantization_is_a_problem(
    weight: np.ndarray, bias: tuple[float, float], out: float, scale: float, problem: str
) -> None:
    scales = {**SCALES, "y": TensorScale(out)}
    result = quantize_qdq(dense(weight, bias), scales, {"y": 0}, weights={"n": [scale, scale]})
    assert result.problems == [f"Gemm 'n': {problem}"]


def test_sums_of_many_weights_must_fit_32_bits() -> None:
    """66,312 products of 127 and 255 are the first beyond 2^31."""
    for count, problems in ((66311, []), (66312, ["Gemm 'n': its sums do not fit 32 bits"])):
        graph = dense(np.full((2, count), 127 / 64, np.float32))
        assert quantize_qdq(graph, SCALES, weights={"n": [1 / 64] * 2}).problems == problems


def test_problems_are_raised_together() -> None:
    graph = dense(WEIGHT * np.float32(np.nan))
    work = quantizer(graph, {**SCALES, "y": TensorScale(1e-9)}, y=0)
    with pytest.raises(CompileError) as caught:
        work.run()
    first, second = caught.value.problems
    assert first == "Gemm 'n': its weights or bias hold NaN or infinite values"
    assert "which no requantization reaches" in second


def test_missing_scales_come_from_calibration() -> None:
    work = quantizer(dense(), {"x": TensorScale(0.05)}, w=0, y=-3, z=-6)
    assert work.scale("x") == TensorScale(0.05)
    assert work.scale("z") == TensorScale(2.0**-6)
    assert work.wanted(work.graph.nodes[0]) == TensorScale(0.125)
    assert work.problems == []


def test_tensor_has_mantissa_exponent_and_zero_point() -> None:
    graph = dense()
    work = quantizer(graph, SCALES, y=0)
    quantized = work.run()
    assert quantized.tensors["y"].scale == 0.1
    assert 1 <= quantized.tensors["y"].mantissa < 2
    assert quantized.tensors["x"].zero_point == 7
    assert (quantized.inp_width, quantized.wgt_width) == (8, 8)
