"""Quantization: scales, biases, shifts, and numbers out of range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, random_network, save
from scaled_operators import OPERATOR_CASES

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.attributes import WeightedAttributes
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.fixed_point import dequantize
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.ir.quantized_graph import QuantizedGraph
from myvta.compiler.operators.operator import ZeroPointUse
from myvta.compiler.operators.registry import OPERATORS
from myvta.compiler.partition.partition import place
from myvta.compiler.quantize.calibrate import Calibration, calibrate, check_samples
from myvta.compiler.quantize.quantizer import Quantizer, quantize_graph
from myvta.compiler.quantize.weight_scales import Scheme
from myvta.compiler.reference.reference_evaluator import evaluate, evaluate_node
from myvta.isa.config import named


def quantized(
    build: NetworkBuilder, folder: Path, samples: dict[str, np.ndarray] | None = None,
    config: str = "default", method: str = "error",
) -> QuantizedGraph:
    """Quantize a network for a configuration."""
    graph, model = import_model(save(build, folder / "n.onnx"))
    fold(graph)
    chosen = named(config)
    samples = check_samples(samples or build.samples(4), graph)
    names = [name for name, tensor in graph.tensors.items() if not tensor.constant]
    seen = calibrate(model, graph, samples, names)
    return quantize_graph(
        graph, place(graph, chosen), seen, chosen.inp_width, chosen.wgt_width, method
    )


def convolution(weight: float, bias: float) -> NetworkBuilder:
    """Return a 1x1 convolution of one channel."""
    build = NetworkBuilder()
    x = build.input((1, 1, 1, 4))
    names = [x, build.constant(np.full((1, 1, 1, 1), weight)), build.constant(np.array([bias]))]
    build.node("Conv", names, (1, 1, 1, 4), kernel_shape=(1, 1))
    return build


def test_convolution_equals_a_hand_computed_result(tmp_path: Path) -> None:
    samples = {"input": np.array([[[[0.5, -0.25, 0.75, 0.0]]]], np.float32)}
    graph = quantized(convolution(1.5, 0.125), tmp_path, samples, method="minmax")
    (node,) = graph.nodes
    assert graph.tensors["input"].exponent == -7  # 0.75 * 128 = 96
    assert node.attrs.weight_scale == 2**-6
    assert node.attrs.weight.item() == 96
    assert node.rule.bias.item() == 0.125 * 2**13
    assert graph.tensors["conv0"].exponent == -6  # 1.25 * 64 = 80
    assert node.rule.shift.item() == 7
    np.testing.assert_array_equal(
        evaluate(graph, samples)["conv0"].ravel(), [56, -16, 80, 8]
    )


def test_an_output_is_never_finer_than_its_accumulator(tmp_path: Path) -> None:
    samples = {"input": np.array([[[[100.0, 0, 0, 0]]]], np.float32)}
    build = convolution(100.0, -10000.0)  # outputs are around zero: 0 and -10000
    graph = quantized(build, tmp_path, samples)
    requant = graph.nodes[0].requant
    assert requant is not None
    assert 0 <= requant.shift.item() <= 31


def test_huge_bias_makes_the_weights_coarser(tmp_path: Path) -> None:
    samples = {"input": np.full((1, 1, 1, 4), 1e-3, np.float32)}
    graph = quantized(convolution(1e-3, 1e6), tmp_path, samples)
    real = dequantize(evaluate(graph, samples)["conv0"], graph.tensors["conv0"].exponent or 0)
    np.testing.assert_allclose(real.ravel(), 1e6, rtol=0.01)
    requant = graph.nodes[0].requant
    assert requant is not None
    assert abs(int(requant.bias.item())) < 1 << 30


def test_tensor_of_zeros_is_quantized(tmp_path: Path) -> None:
    samples = {"input": np.zeros((1, 1, 1, 4), np.float32)}
    graph = quantized(convolution(0.0, 0.0), tmp_path, samples)
    assert not evaluate(graph, samples)["conv0"].any()


def test_negligible_operand_of_an_add_counts_as_zero(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 4), "x")
    y = build.input((1, 4), "y")
    build.add(x, y)
    samples = {"x": np.ones((1, 4), np.float32), "y": np.full((1, 4), 1e-9, np.float32)}
    graph = quantized(build, tmp_path, samples)
    assert graph.nodes[0].attrs.gains[1] == 0
    found = evaluate(graph, samples)
    np.testing.assert_array_equal(found["add0"], found["x"])


def test_weights_computed_to_nan_are_refused(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 2))
    weight = build.node("Log", [build.constant(np.full((3, 2), -1.0))], (3, 2))
    build.node("Gemm", [x, weight], (1, 3), transB=1)
    with pytest.raises(CompileError) as caught:
        quantized(build, tmp_path)
    assert "NaN" in str(caught.value)


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_stay_near_float(tmp_path: Path, seed: int) -> None:
    build = random_network(seed)
    samples = build.samples(16)
    graph = quantized(build, tmp_path, samples)
    (output,) = graph.outputs
    model = import_model(tmp_path / "n.onnx")[1]
    run = model.evaluator([output])
    wanted = np.concatenate([
        run({"input": samples["input"][index : index + 1]})[output] for index in range(16)
    ])
    found = dequantize(evaluate(graph, samples)[output], graph.tensors[output].exponent or 0)
    noise, signal = np.square(found - wanted).sum(), np.square(wanted).sum()
    assert 10 * np.log10(signal / noise) > 22  # dB; an 8-bit tensor alone has about 40


@pytest.mark.parametrize("config", ["1x4x4_int4", "1x16x16_w4"])
def test_narrow_operands_are_in_range(tmp_path: Path, config: str) -> None:
    build = random_network(3)
    graph = quantized(build, tmp_path, config=config)
    for node in graph.nodes:
        if isinstance(node.attrs, WeightedAttributes):
            assert node.attrs.weight.min() >= -8
            assert node.attrs.weight.max() <= 7


@pytest.mark.parametrize("zero_points", [(0, 0), (-128, 37)])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", OPERATOR_CASES)
def test_operators_have_any_scale(name: str, seed: int, zero_points: tuple[int, int]) -> None:
    """Integers are within a step of the float function of the integers' real values."""
    case, random = OPERATOR_CASES[name], np.random.default_rng(seed)
    graph, names = case.graph(), "xw"[:case.inputs]
    node = graph.nodes[0]
    if OPERATORS[node.op].zero_point_use(node, graph) is ZeroPointUse.REFUSED:
        zero_points = (0, 0)
    peaks = dict(zip(names, np.exp(random.uniform(-2, 1.5, 2)), strict=False))
    zeros = dict(zip(names, zero_points, strict=False))
    reals = {
        n: (random.integers(-127, 128, (1, 3, 4, 4)) - zeros[n]) * peaks[n] / 127 for n in names}
    wanted = case.function(*reals.values())
    peaks["y"] = float(np.abs(wanted).max())
    seen = Calibration(
        {n: np.array([peak]) for n, peak in peaks.items()},
        {n: np.zeros((1, 1, 1)) for n in peaks}, 1)
    work = Quantizer(graph, {}, seen, 8, 8, "minmax", Scheme(True, True))
    work.scales = {n: TensorScale(peaks[n] / 127, zeros[n]) for n in names}
    (node,) = work.quantize(node)
    operands = [work.scale(n).zero_point + np.round(
        reals[n] / work.scale(n).scale).astype(np.int64) for n in names]
    found, out = evaluate_node(node, operands, 8), work.scale("y")
    steps = np.clip(wanted / out.scale + out.zero_point, -128, 127)
    assert np.abs(found - steps).max() <= 0.5 + case.slack
    assert work.problems == []
