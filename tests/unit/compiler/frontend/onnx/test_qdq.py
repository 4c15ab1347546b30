"""Models that come quantized: every layer against onnxruntime's integers, and on the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, random_network, save
from compiler_steps import BUILD
from onnx import TensorProto, helper
from qdq_models import (
    ACTIVATIONS,
    hand_made,
    quantized_model,
    same_inputs,
    within_a_step,
)

from myvta.compiler.compile import Compiled, compile_model
from myvta.compiler.frontend.onnx.onnx_evaluator import evaluator
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.model_check import check_model
from myvta.compiler.reference.reference_evaluator import evaluate_node

DIGITS = Path(__file__).resolve().parents[5] / "examples" / "digits"


def everything() -> NetworkBuilder:
    """Return a network of all that is taken over, with borders of every kind."""
    build = NetworkBuilder(3)
    x = build.relu(build.conv(build.input((1, 3, 9, 9)), 10))
    y = build.relu(build.conv(x, 14, (5, 5), pads=(2, 2, 2, 2)))
    y = build.relu(build.conv(y, 10, (3, 2), pads=(0, 0, 2, 1)))
    x = build.relu(build.add(x, y))
    z = build.conv(x, 6, (1, 1), pads=(0, 0, 0, 0))
    x = build.node("Concat", [x, z], (1, 16, 9, 9), axis=1)
    x = build.node("AveragePool", [x], (1, 16, 4, 4), kernel_shape=[2, 2], strides=[2, 2])
    weight = build.constant(build.random.normal(0, 0.4, (8, 4, 3, 3)))
    x = build.node("Conv", [build.max_pool(x), weight], (1, 8, 4, 4), kernel_shape=(3, 3),
                   pads=(2, 2, 2, 2), group=4)
    x = build.relu(build.conv(x, 6, (3, 3), (2, 2), (1, 0, 2, 1)))
    build.gemm(build.flatten(build.average(x)), 7)
    return build


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_layer_is_within_a_step(tmp_path: Path, kind: str) -> None:
    build = everything()
    samples = build.samples(12)
    path = quantized_model(save(build, tmp_path / "n.onnx"), tmp_path, samples, kind)
    made = compile_model(path, samples, "1x4x4")
    assert all(node.where == "accelerator" for node in made.report.nodes)
    apart = same_inputs(made, path, build.samples(20)["input"])
    assert len(apart) >= 12
    assert within_a_step(apart)
    for node in made.quantized.nodes:  # ties, which round otherwise there, are rare in sums
        if node.op in ("Conv", "Gemm", "MaxPool"):
            assert apart[node.name][1] < 0.001
    (same,) = made.report.same_argmax.values()
    assert same == (12, 12)
    zero_points = {t.zero_point for t in made.quantized.tensors.values()}
    assert zero_points == {0} if kind == "symmetric" else -128 in zero_points
    reported = {node.name: node.deviation for node in made.report.nodes}
    again = same_inputs(made, path, samples["input"])
    assert {name: found for name, found in reported.items() if found} == again


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_operators_with_constant_operands_run_on_the_accelerator(tmp_path: Path, kind: str) -> None:
    """Clip to bounds that are inputs, Pad, Slice and Resize, with pairs between them."""
    build = NetworkBuilder(5)
    (x,) = BUILD["clip"](build, [build.conv(build.input((1, 3, 6, 6)), 9)], low=-0.5, high=1.0)
    (x,) = BUILD["pad"](build, [x], pads=(1, 0, 0, 2), value=0.25)
    (x,) = BUILD["slice"](build, [x], starts=[2], ends=[8], axes=[1])
    (x,) = BUILD["resize"](build, [x], factors=(2, 1), way=0)
    (x,) = BUILD["clip"](build, [build.max_pool(x)], low=0.0, high=0.75)
    build.conv(x, 4)
    samples = build.samples(8)
    path = quantized_model(save(build, tmp_path / "n.onnx"), tmp_path, samples, kind)
    made = compile_model(path, samples, "1x4x4")
    assert all(node.where == "accelerator" for node in made.report.nodes)
    ops = {node.op for node in made.quantized.nodes}
    assert {"Pad", "Slice", "Resize"} <= ops
    assert ("Clip" in ops) == (kind == "symmetric")  # else onnxruntime's scales do the clipping
    apart = same_inputs(made, path, build.samples(10)["input"])
    assert len(apart) >= 4
    assert within_a_step(apart)
    check_every_layer(made, build.samples(2))


@pytest.mark.slow
@pytest.mark.parametrize("config", ["default", "1x8x8", "2x8x8"])
@pytest.mark.parametrize("kind", ["uint8", "symmetric"])
def test_device_equals_the_reference_bit_for_bit(tmp_path: Path, kind: str, config: str) -> None:
    build = everything()
    samples = build.samples(4)
    path = quantized_model(save(build, tmp_path / "n.onnx"), tmp_path, samples, kind)
    made = compile_model(path, samples, config)
    check_every_layer(made, build.samples(3), strict="1")
    check_every_layer(made, build.samples(2), order="7")


@pytest.mark.parametrize("seed", range(4))
def test_random_qdq_networks_are_within_a_step(tmp_path: Path, seed: int) -> None:
    build = random_network(seed)
    samples = build.samples(6)
    path = quantized_model(save(build, tmp_path / "n.onnx"), tmp_path, samples)
    made = compile_model(path, samples, "1x4x4")
    assert within_a_step(same_inputs(made, path, build.samples(6)["input"]))
    check_every_layer(made, build.samples(2), order=str(seed))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_quantized_digits_network_classifies_as_onnxruntime(tmp_path: Path, kind: str) -> None:
    with np.load(DIGITS / "calibration.npz") as data:
        samples = {name: value[:40] for name, value in data.items()}
    path = quantized_model(DIGITS / "digits.onnx", tmp_path, samples, kind)
    made = compile_model(path, samples, "default")
    assert made.report.same_argmax == {"logits": (40, 40)}
    assert all(node.where == "accelerator" for node in made.report.nodes)
    with np.load(DIGITS / "held_out.npz") as data:
        images, labels = (data["images"] / np.float32(16))[:, None], data["labels"]
    assert within_a_step(same_inputs(made, path, images[:20]))
    found = check_every_layer(made, {"image": images[:60]})["logits"]
    assert (found.argmax(1) == labels[:60]).mean() >= 0.98
    run = evaluator(onnx.load(path), ["logits"])
    wanted = np.concatenate([run({"image": image[None]})["logits"] for image in images[:60]])
    assert (found.argmax(1) == wanted.argmax(1)).all()
    step = made.quantized.tensors["logits"].scale
    assert np.abs(found - wanted).max() < 4.1 * step  # accumulated differences of single steps


def test_unsigned_weights_and_per_tensor_scales_are_imported(tmp_path: Path) -> None:
    """A zero point of 128 leaves int8 weights; another does not."""
    weight = np.array([[178, 98], [148, 255]], np.uint8)
    made = compile_hand_made(tmp_path, weight=weight, weight_zero=128)
    (node,) = made.quantized.nodes
    assert node.attrs.weight.reshape(2, 2).tolist() == [[50, -30], [20, 127]]
    deviation = made.report.nodes[0].deviation
    assert deviation is not None
    assert deviation[0] <= 1


def test_unquantized_nodes_run_on_the_host(tmp_path: Path) -> None:
    """A host node in the middle, whose neighbours have scales; an output without one."""
    build = NetworkBuilder(4)
    x = build.conv(build.input((1, 3, 6, 6)), 6)
    x = build.node("Selu", [x], (1, 6, 6, 6))
    build.node("Softmax", [build.gemm(build.flatten(build.conv(x, 4)), 5)], (1, 5))
    samples = build.samples(8)
    path = quantized_model(save(build, tmp_path / "n.onnx"), tmp_path, samples)
    made = compile_model(path, samples, "1x4x4")
    on_host = {node.op for node in made.report.nodes if node.where == "host"}
    assert on_host == {"Selu", "Softmax"}
    assert within_a_step(same_inputs(made, path, samples["input"]))
    check_every_layer(made, build.samples(2))
    (same,) = made.report.same_argmax.values()
    assert same == (8, 8)


def compile_hand_made(folder: Path, config: str = "1x4x4", **changes: object) -> Compiled:
    """Compile :func:`hand_made`."""
    path = folder / "hand.onnx"
    onnx.save(hand_made(**changes), path)  # type: ignore[arg-type]
    samples = {"x": np.random.default_rng(1).normal(0, 2, (5, 2, 3, 3)).astype(np.float32)}
    return compile_model(path, samples, config)


@pytest.mark.parametrize("option", ["scales", "method", "equalize"])
def test_unknown_quantization_option_is_refused(tmp_path: Path, option: str) -> None:
    path = tmp_path / "hand.onnx"
    onnx.save(hand_made(), path)
    samples = {"x": np.ones((1, 2, 3, 3), np.float32)}
    wrong: dict[str, Any] = {option: "bogus"}
    with pytest.raises(ValueError, match=f"^{option} must be one of .*, not 'bogus'$"):
        compile_model(path, samples, "1x4x4", **wrong)


def test_convolution_equals_a_hand_computed_result(tmp_path: Path) -> None:
    made = compile_hand_made(tmp_path)
    (node,) = made.quantized.nodes
    assert node.requant is not None
    assert node.attrs.weight.reshape(2, 2).tolist() == [[50, -30], [20, 90]]
    assert node.requant.bias.tolist() == [-3 * 20, -3 * 110]
    assert node.requant.zero_point == 0
    found = evaluate_node(node, [np.array([[[[13]], [[-7]]]])], 8)
    wanted = [(50 * 10 - 30 * -10) * 0.05 * 0.02 / 0.1, (20 * 10 + 90 * -10) * 0.05 * 0.02 / 0.1]
    assert found.ravel().tolist() == [round(value) for value in wanted]
    tensor = made.quantized.tensors["x"]
    assert tensor.scale == np.float32(0.05)
    assert tensor.integers(np.array([0.0, 0.05, -10.0]), 8).tolist() == [3, 4, -128]
    np.testing.assert_allclose(tensor.reals(np.array([3, 4])), [0, np.float32(0.05)])


@pytest.mark.parametrize(("changes", "problem"), [
    ({"activation": "int16"}, "int16 activations; int8 or uint8 are possible"),
    ({"weight": np.ones((2, 2), np.int16)}, "Conv 'conv': its weights are int16; int8 or uint8"),
    ({"weight_scale": [0.1, 0.2], "axis": 1},
     "Conv 'conv': its weights have neither one scale nor one for each output channel"),
    ({"weight_zero": 100}, "its weights less their zero point leave -128..127: quantize weights"),
    ({"out_scale": 0.0001}, "its output's scale 0.0001 is finer than its products' 0.001"),
    ({"config": "base"}, "its scales need 8-bit operands and RQT, and base has not both: choose"),
    ({"config": "1x4x4_int4"}, "need 8-bit operands and RQT, and 1x4x4_int4 has not both"),
])
def test_unsupported_quantization_is_refused(
    tmp_path: Path, changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(CompileError) as caught:
        compile_hand_made(tmp_path, **changes)  # type: ignore[arg-type]
    assert problem in str(caught.value)


@pytest.mark.parametrize("reader", ["output", "node"])
def test_pair_with_unrounded_readers_stays_on_the_host(tmp_path: Path, reader: str) -> None:
    """The pair stays on the host; readers of the unrounded values get them."""
    model, name = hand_made(), "c"
    if reader == "node":
        name = "r"
        model.graph.node.append(helper.make_node("Relu", ["c"], ["r"], name="relu"))
    model.graph.output.append(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 2, 3, 3)))
    path = tmp_path / "both.onnx"
    onnx.save(model, path)
    samples = {"x": np.random.default_rng(1).normal(0, 2, (5, 2, 3, 3)).astype(np.float32)}
    made = compile_model(path, samples, "1x4x4")
    assert {node.op for node in made.report.nodes if node.where == "host"} == {
        "QuantizeLinear", "DequantizeLinear"}
    found = check_every_layer(made, samples)
    run = evaluator(model, ["out", name])
    for index, image in enumerate(samples["x"]):
        wanted = run({"x": image[None]})
        np.testing.assert_allclose(found["out"][index], wanted["out"][0], atol=0.11)
        np.testing.assert_allclose(found[name][index], wanted[name][0], atol=0.06)


def test_check_reports_the_fate_of_qdq_nodes(tmp_path: Path) -> None:
    path = tmp_path / "hand.onnx"
    onnx.save(hand_made(), path)
    fates = {(node.op, node.where) for node in check_model(path, "1x4x4").nodes}
    assert fates == {
        ("Conv", "accelerator"), ("QuantizeLinear", "folded"), ("DequantizeLinear", "folded")}
    reasons = {node.reason for node in check_model(path, "1x4x4").nodes}
    assert {"its scale is that of x", "its scale is that of out"} <= reasons
    (problem,) = check_model(path, "base").problems
    assert "its scales need 8-bit operands and RQT" in problem
