"""Transposed convolution: normal form, reference against onnxruntime, and no wasted products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, save
from onnx import TensorProto, helper

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_evaluator import host_model, run_host
from myvta.compiler.ir.attributes import SlidingWindow, TransposedAttributes
from myvta.compiler.ir.graph import Graph
from myvta.compiler.reference.reference_convolutions import accumulate_transposed


def onnxruntime_result(x: np.ndarray, weight: np.ndarray, **attrs: Any) -> np.ndarray:
    """Run ConvTranspose in float: exact, as all sums are below 2^24."""
    values = {"x": x.astype(np.float32), "w": weight.astype(np.float32)}
    graph = helper.make_graph(
        [helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attrs)], "one",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, v.shape) for n, v in values.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, values)[0]


@pytest.mark.parametrize("seed", range(40))
def test_reference_equals_onnxruntime(seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel, strides, dilations = (random.integers(1, 5, 2) for _ in range(3))
    added = [int(random.integers(0, stride)) for stride in strides]
    pads = [int(random.integers(0, 1 + dilations[a % 2] * (kernel[a % 2] - 1) // 2))
            for a in range(4)]
    group, each, filters = (int(v) for v in random.integers(1, 4, 3))
    x = random.integers(-128, 128, (2, group * each, 5, 6))
    weight = random.integers(-128, 128, (group * each, filters, *kernel))
    window = {
        "strides": strides.tolist(), "dilations": dilations.tolist(), "pads": pads,
        "output_padding": added,
    }
    wanted = onnxruntime_result(x, weight, group=group, kernel_shape=kernel.tolist(), **window)
    first = np.concatenate([part.swapaxes(0, 1) for part in np.split(weight, group)])
    found = accumulate_transposed(x, TransposedAttributes(
        first, np.ones(len(first)), SlidingWindow.of({**window, "kernel": kernel}), group,
        (added[0], added[1])))
    np.testing.assert_array_equal(found, wanted)


def folded(build: NetworkBuilder, folder: Path) -> Graph:
    """Fold a network and check that its nodes written as ONNX again compute the same."""
    graph, model = import_model(save(build, folder / "n.onnx"))
    before = model.evaluator(graph.outputs)
    fold(graph)
    feeds = build.samples(graph.tensors[graph.inputs[0]].shape[0])
    after = run_host(host_model(graph, graph.nodes), feeds)
    for name, value in before(feeds).items():
        np.testing.assert_allclose(after[name], value, rtol=1e-3, atol=1e-4)
    return graph


def transposed(b: NetworkBuilder, shape: tuple[int, ...], **attrs: Any) -> str:
    """Add a ConvTranspose of 3x3 and stride 2 with attributes as ONNX has them."""
    weight = b.constant(b.random.normal(size=(2, 3, 3, 3)))
    return b.node("ConvTranspose", [b.input((1, 2, 4, 5)), weight], shape, strides=(2, 2), **attrs)


@pytest.mark.parametrize(("attrs", "size", "pads", "added"), [
    ({"auto_pad": "SAME_UPPER"}, (8, 10), (0, 0, 1, 1), (0, 0)),
    ({"auto_pad": "SAME_LOWER"}, (8, 10), (1, 1, 0, 0), (0, 0)),
    ({"auto_pad": "VALID"}, (9, 11), (0, 0, 0, 0), (0, 0)),
    ({"output_shape": (8, 9), "auto_pad": "SAME_UPPER"}, (8, 9), (0, 1, 1, 1), (0, 0)),
    ({"output_shape": (8, 9)}, (8, 9), (1, 1, 0, 1), (0, 0)),
    ({"pads": (1, 0, 0, 2)}, (8, 9), (1, 0, 0, 2), (0, 0)),
    ({"pads": (1, 0, 0, 2), "output_padding": (1, 1)}, (9, 10), (1, 0, 0, 1), (1, 0)),
    ({"pads": (1, 0, 0, 0), "output_padding": (1, 1)}, (9, 12), (1, 0, 0, 0), (1, 1)),
])
def test_every_form_of_padding_is_imported(
    tmp_path: Path, attrs: dict[str, Any], size: tuple[int, int], pads: tuple[int, ...],
    added: tuple[int, int],
) -> None:
    build = NetworkBuilder(1)
    transposed(build, (1, 3, *size), **attrs)
    (node,) = folded(build, tmp_path).nodes
    assert (node.attrs["pads"], node.attrs["output_padding"]) == (pads, added)
    made = compiled(build, tmp_path, "1x4x4")
    assert [row.where for row in made.report.nodes] == ["accelerator"]
    check_every_layer(made, build.samples(2), strict="1")


@pytest.mark.parametrize("group", [1, 3])
def test_batch_norm_and_relu_are_folded_into_it(tmp_path: Path, group: int) -> None:
    build = NetworkBuilder(2)
    x = build.conv_transpose(build.input((1, 6, 4, 3)), 9, bias=group == 3, group=group)
    build.relu(build.batch_norm(x))
    (node,) = folded(build, tmp_path).nodes
    assert (node.op, node.attrs["relu"]) == ("ConvTranspose", 1)
    made = compiled(build, tmp_path, "1x4x4")
    check_every_layer(made, build.samples(1), strict="1")


def test_transposed_convolution_of_computed_weights_is_on_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder(2)
    x = build.input((2, 2, 4, 4))
    build.node("ConvTranspose", [x, build.input((2, 3, 2, 2), "w")], (2, 3, 5, 5))
    graph = folded(build, tmp_path)
    assert "kernel" not in graph.nodes[0].attrs


@pytest.mark.parametrize(("size", "channels"), [(4, 32), (7, 16)])
def test_inserted_zeros_take_no_steps(tmp_path: Path, size: int, channels: int) -> None:
    """DCGAN's 4x4 window with stride 2: four taps for every output, as all of them meet inputs."""
    build = NetworkBuilder(3)
    build.conv_transpose(build.input((1, channels, size, size)), channels)
    (node,) = compiled(build, tmp_path, "default").report.nodes
    blocks = channels // 16
    assert node.macs == size * size * 16 * channels**2
    assert node.costs.gemm_steps == 4 * (2 * size) ** 2 * blocks**2 == node.ideal_steps
    assert node.costs.reset_steps == 0


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "2x8x8"])
def test_outputs_reached_by_no_tap_are_the_bias(tmp_path: Path, config: str) -> None:
    """A stride wider than the window: between the taps there is the bias alone."""
    build = NetworkBuilder(4)
    build.conv_transpose(
        build.input((1, 5, 3, 4)), 6, (2, 1), (3, 4), (0, 0, 0, 0), added=(1, 2)
    )
    check_every_layer(compiled(build, tmp_path, config), build.samples(2), strict="1")
