"""Equalization: the same float function by onnxruntime, equal ranges, and when it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, float_values, save
from onnx import numpy_helper

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.compile import compile_model
from myvta.compiler.frontend.onnx.onnx_evaluator import host_model
from myvta.compiler.frontend.onnx.onnx_front_end import OnnxModel
from myvta.compiler.frontend.onnx.onnx_importer import load_model, to_graph
from myvta.compiler.ir.graph import Graph
from myvta.compiler.quantize.calibrate import calibrate
from myvta.compiler.quantize.equalize import equalized


def uneven(build: NetworkBuilder, octaves: float, *first: int) -> None:
    """Multiply output channels of weights and biases by random powers, per pair of constants."""
    for index in first:
        gains = np.exp2(build.random.uniform(-octaves, octaves, build.constants[index].dims[0]))
        for each in (index, index + 1):
            value = numpy_helper.to_array(build.constants[each])
            value = value * gains.reshape((-1,) + (1,) * (value.ndim - 1))
            name = build.constants[each].name
            build.constants[each].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))


def chain() -> NetworkBuilder:
    """Return layers of every kind with everything between that equalization passes."""
    build = NetworkBuilder(5)
    x = build.relu(build.conv(build.input((1, 3, 8, 8)), 8))
    weight = build.constant(build.random.normal(0, 0.4, (12, 2, 3, 3)))
    bias = build.constant(build.random.normal(0, 0.3, 12))
    x = build.node("Conv", [x, weight, bias], (1, 12, 8, 8), kernel_shape=(3, 3),
                   pads=(1, 1, 1, 1), group=4)
    x = build.conv(build.max_pool(build.relu(x)), 6)
    x = build.node("LeakyRelu", [x], (1, 6, 4, 4), alpha=0.25)
    weight = build.constant(build.random.normal(0, 0.4, (6, 4, 2, 2)))
    bias = build.constant(build.random.normal(0, 0.3, 4))
    x = build.node("ConvTranspose", [x, weight, bias], (1, 4, 8, 8), kernel_shape=(2, 2),
                   strides=(2, 2))
    x = build.node("AveragePool", [x], (1, 4, 4, 4), kernel_shape=(2, 2), strides=(2, 2))
    sizes = build.constant(np.array([1.0, 1, 2, 2]))
    x = build.node("Resize", [x, "", sizes], (1, 4, 8, 8), mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    x = build.conv(x, 5)
    build.gemm(build.relu(build.gemm(build.flatten(x), 14)), 5)
    uneven(build, 3, 0, 2, 4, 9, 11)
    return build


def folded(build: NetworkBuilder, folder: Path) -> tuple[Graph, OnnxModel]:
    """Return the folded graph and the model of a network."""
    model = load_model(save(build, folder / "n.onnx"))
    return fold(to_graph(model)), OnnxModel(model)


def exported(graph: Graph) -> OnnxModel:
    """Return a graph as a model."""
    return OnnxModel(onnx.load_from_string(host_model(graph, graph.nodes)))


@pytest.mark.parametrize("by_activations", [False, True])
def test_equalization_keeps_the_float_function(tmp_path: Path, by_activations: bool) -> None:
    build = chain()
    graph, model = folded(build, tmp_path)
    x = build.samples(1)["input"]
    names = [node.outputs[0] for node in graph.nodes]
    wanted = float_values(model.proto, names, x)
    peaks = {
        name: np.abs(value).reshape(value.shape[1], -1).max(1)
        for name, value in zip(names, wanted, strict=True)
    }
    other, factors = equalized(graph, peaks if by_activations else None)
    assert set(factors) == set(names) - set(graph.outputs)
    found = float_values(exported(other).proto, names, x)
    for name, a, b in zip(names, wanted, found, strict=True):
        factor = factors.get(name, np.ones(a.shape[1]))
        assert name in graph.outputs or factor.max() > 1.05 * factor.min()
        back = b * factor.reshape((1, -1) + (1,) * (a.ndim - 2))
        np.testing.assert_allclose(back, a, atol=1e-4 * np.abs(a).max())
    before = float_values(exported(graph).proto, names, x)
    for a, b in zip(wanted, before, strict=True):  # the original graph is unchanged
        np.testing.assert_allclose(b, a, atol=1e-4 * np.abs(a).max())


def test_calibration_is_carried_over(tmp_path: Path) -> None:
    build = chain()
    graph, model = folded(build, tmp_path)
    samples = build.samples(6)
    names = [node.outputs[0] for node in graph.nodes]
    seen = calibrate(model, graph, samples, names)
    other, factors = equalized(graph, seen.peaks)
    carried = seen.scaled(factors)
    again = calibrate(exported(other), other, samples, names)
    for name in names:
        scale = again.peak(name)
        np.testing.assert_allclose(carried.peaks[name], again.peaks[name], atol=1e-4 * scale)
        np.testing.assert_allclose(carried.values[name], again.values[name], atol=1e-4 * scale)


def test_factors_do_not_pass_saturating_operators(tmp_path: Path) -> None:
    for op in ("Sigmoid", "Clip"):
        build = NetworkBuilder(3)
        x = build.conv(build.input((1, 3, 6, 6)), 4)
        limits = [build.constant(np.array(v)) for v in (0.0, 6.0)] if op == "Clip" else []
        build.conv(build.node(op, [x, *limits], (1, 4, 6, 6)), 4)
        assert equalized(folded(build, tmp_path)[0])[1] == {}


def test_ranges_become_equal(tmp_path: Path) -> None:
    build = NetworkBuilder(3)
    build.conv(build.relu(build.conv(build.input((1, 3, 6, 6)), 10)), 7)
    uneven(build, 3, 0)
    graph, _ = folded(build, tmp_path)
    other, _ = equalized(graph)
    first, second = (np.asarray(other.value(node.inputs[1])) for node in other.nodes)
    ahead, behind = np.abs(first).max((1, 2, 3)), np.abs(second).max((0, 2, 3))
    relative = ahead / behind
    np.testing.assert_allclose(relative / relative[0], 1, rtol=1e-4)


def test_shared_weights_and_visible_tensors_are_not_scaled(tmp_path: Path) -> None:
    build = NetworkBuilder(3)
    x = build.conv(build.input((1, 6, 5, 5)), 6)
    weights = list(build.nodes[0].input[1:])
    y = build.relu(build.node("Conv", [x, *weights], (1, 6, 5, 5), kernel_shape=(3, 3),
                              pads=(1, 1, 1, 1)))
    z = build.conv(y, 6)  # y has two readers
    build.conv(build.add(z, y), 4)
    graph, model = folded(build, tmp_path)
    other, factors = equalized(graph)
    assert set(factors) == {x}
    sample = build.samples(1)["input"]
    (wanted,), (found,) = (
        float_values(m.proto, graph.outputs, sample)
        for m in (model, exported(other))
    )
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_equalization_is_used_if_its_error_is_smaller(tmp_path: Path, config: str) -> None:
    build = NetworkBuilder(9)
    x = build.input((1, 3, 8, 8))
    for _ in range(3):
        x = build.relu(build.conv(x, 8))
    build.conv(x, 4)
    uneven(build, 3, 0, 2, 4)
    for index in (2, 4, 6):  # undo it in the next layer's inputs: outputs stay ordinary
        value = numpy_helper.to_array(build.constants[index])
        before = np.abs(numpy_helper.to_array(build.constants[index - 2])).max((1, 2, 3))
        value = (value / before[None, :, None, None]).astype(np.float32)
        build.constants[index].CopyFrom(
            numpy_helper.from_array(value, build.constants[index].name))
    path, samples = save(build, tmp_path / "n.onnx"), build.samples(4)

    def made(**options: Any) -> tuple[float, bool]:
        compiled = compile_model(path, samples, config, scales="power-of-two", **options)
        check_every_layer(compiled, build.samples(1))
        if compiled.report.equalized:  # each layer's figure is of the network as it came
            assert all(20 < (node.snr_db or 0) < 60 for node in compiled.report.nodes)
        (output,) = compiled.compared
        return output.snr_db, compiled.report.equalized

    off, on = made(equalize="off"), made(equalize="on")
    assert on[0] > off[0] + 10
    assert (off[1], on[1]) == (False, True)
    assert made() == on


def test_networks_without_pairs_of_layers_are_not_equalized(tmp_path: Path) -> None:
    build = NetworkBuilder(1)
    build.conv(build.input((1, 3, 6, 6)), 5)
    path = save(build, tmp_path / "n.onnx")
    for choice in ("on", "auto"):
        assert not compile_model(path, build.samples(2), "1x4x4", equalize=choice).report.equalized
