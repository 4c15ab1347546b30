"""Normal forms: every spelling of an operator becomes its kind, and still computes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled, save
from onnx import helper, numpy_helper

from myvta.compiler.canonicalize.canonicalize import fold
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_evaluator import host_model, run_host
from myvta.compiler.ir.graph import Graph
from myvta.compiler.reference.reference_evaluator import evaluate

Build = Callable[[NetworkBuilder], object]


def folded(build: NetworkBuilder, folder: Path) -> Graph:
    """Fold a network; its nodes written as ONNX again compute the same, in float."""
    graph, model = import_model(save(build, folder / "n.onnx"))
    before = model.evaluator(graph.outputs)
    fold(graph)
    feeds = build.samples(graph.tensors[graph.inputs[0]].shape[0])
    after = run_host(host_model(graph, graph.nodes), feeds)
    for name, value in before(feeds).items():
        np.testing.assert_allclose(after[name], value, rtol=1e-3, atol=1e-4)
    return graph


def kinds(graph: Graph) -> list[str]:
    """Return the kinds of nodes, with the activations fused into them."""
    return [
        node.op + ("+relu" if node.attrs.get("relu") else "") +
        ("+clip" if "clip" in node.attrs else "") for node in graph.nodes
    ]


def ints(b: NetworkBuilder, *values: int) -> str:
    name = f"n{len(b.constants)}"
    b.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name


def image(b: NetworkBuilder) -> str:
    return b.input((2, 6, 4, 4))


def value(b: NetworkBuilder, *numbers: float) -> str:
    return b.constant(np.array(numbers if len(numbers) > 1 else numbers[0]))


SAME = (2, 6, 4, 4)
FORMS: dict[str, tuple[int, Build, list[str]]] = {
    "Clip by inputs": (17, lambda b: b.node("Clip", [image(b), value(b, -1), value(b, 1)], SAME),
                       ["Clip"]),
    "Clip by attributes": (10, lambda b: b.node("Clip", [image(b)], SAME, min=-1.0, max=1.0),
                           ["Clip"]),
    "Clip at 0 is Relu": (17, lambda b: b.node("Clip", [image(b), value(b, 0)], SAME), ["Relu"]),
    "Clip of bounds that cross": (
        17, lambda b: b.node("Clip", [image(b), value(b, 0.5), value(b, -0.5)], SAME), ["Clip"]),
    "Clip without bounds": (
        17, lambda b: b.node("Abs", [b.node("Clip", [image(b)], SAME)], SAME), ["Abs"]),
    "Max with a number": (17, lambda b: b.node("Max", [value(b, 0.3), image(b)], SAME), ["Clip"]),
    "Min with a number": (17, lambda b: b.node("Min", [image(b), value(b, 0.3)], SAME), ["Clip"]),
    "Max with 0": (17, lambda b: b.node("Max", [image(b), value(b, 0)], SAME), ["Relu"]),
    "Max of two": (17, lambda b: b.node("Max", [image(b), "input"], SAME), ["Max"]),
    "LeakyRelu of slope 0": (17, lambda b: b.node("LeakyRelu", [image(b)], SAME, alpha=0.0),
                             ["Relu"]),
    "GlobalMaxPool": (17, lambda b: b.node("GlobalMaxPool", [image(b)], (2, 6, 1, 1)),
                      ["MaxPool"]),
    "ReduceMean by attributes": (
        17, lambda b: b.node("ReduceMean", [image(b)], (2, 6), axes=[-1, 2], keepdims=0),
        ["GlobalAveragePool"]),
    "ReduceMean by inputs": (
        18, lambda b: b.node("ReduceMean", [image(b), ints(b, 2, 3)], (2, 6, 1, 1)),
        ["GlobalAveragePool"]),
    "ReduceMean of channels": (17, lambda b: b.node("ReduceMean", [image(b)], (2, 1, 4, 4),
                                                    axes=[1]), ["ReduceMean"]),
    "Sum": (17, lambda b: b.node("Sum", [image(b), b.node("Abs", ["input"], SAME)], SAME),
            ["Abs", "Add"]),
    "Split of channels": (13, lambda b: split(b, 1), ["Slice", "Slice", "Concat"]),
    "Split by attributes": (
        11, lambda b: split(b, 1, by_input=False), ["Slice", "Slice", "Concat"]),
    "Split in an old operator set": (
        9, lambda b: split(b, 1, by_input=False), ["Slice", "Slice", "Concat"]),
    "Split of rows": (13, lambda b: split(b, 2), ["Split", "Concat"]),
    "Slice by inputs": (17, lambda b: b.node("Slice", [
        image(b), ints(b, 1), ints(b, 99), ints(b, 1)], (2, 5, 4, 4)), ["Slice"]),
    "Slice from the end": (17, lambda b: b.node("Slice", [
        image(b), ints(b, -4), ints(b, -1), ints(b, -3)], (2, 3, 4, 4)), ["Slice"]),
    "Slice by attributes": (9, lambda b: b.node("Slice", [image(b)], (2, 3, 4, 4), starts=[1],
                                                ends=[4], axes=[1]), ["Slice"]),
    "Slice of rows is Pad": (17, lambda b: b.node("Slice", [
        image(b), ints(b, 1, 0), ints(b, 3, 3), ints(b, 2, 3)], (2, 6, 2, 3)), ["Pad"]),
    "Slice with steps": (17, lambda b: b.node("Slice", [
        image(b), ints(b, 0), ints(b, 6), ints(b, 1), ints(b, 2)], (2, 3, 4, 4)), ["Slice"]),
    "Slice of everything": (17, lambda b: b.node("Abs", [b.node("Slice", [
        image(b), ints(b, 0), ints(b, 6), ints(b, 1)], SAME)], SAME), ["Abs"]),
    "Slice backwards": (17, lambda b: b.node("Slice", [
        image(b), ints(b, -1), ints(b, -9), ints(b, 1), ints(b, -1)], SAME), ["Slice"]),
    "Pad by inputs": (17, lambda b: b.node("Pad", [
        image(b), ints(b, 0, 0, 1, 2, 0, 0, 0, 3), value(b, 2)], (2, 6, 5, 9)), ["Pad"]),
    "Pad of some axes": (18, lambda b: b.node("Pad", [
        image(b), ints(b, 1, 2), "", ints(b, 3)], (2, 6, 4, 7)), ["Pad"]),
    "Pad by attributes": (9, lambda b: b.node("Pad", [image(b)], (2, 6, 5, 5), value=1.5,
                                              pads=[0, 0, 1, 0, 0, 0, 0, 1]), ["Pad"]),
    "Pad with nothing": (17, lambda b: b.node("Abs", [b.node("Pad", [
        image(b), ints(b, *[0] * 8)], SAME)], SAME), ["Abs"]),
    "Pad by reflection": (17, lambda b: b.node("Pad", [
        image(b), ints(b, 0, 0, 1, 1, 0, 0, 1, 1)], (2, 6, 6, 6), mode="reflect"), ["Pad"]),
    "Pad into Conv": (17, lambda b: b.conv(b.node("Pad", [
        image(b), ints(b, 0, 0, 1, 2, 0, 0, 0, 3)], (2, 6, 5, 9)), 3), ["Conv"]),
    "Pad of a value stays": (17, lambda b: b.conv(b.node("Pad", [
        image(b), ints(b, 0, 0, 1, 2, 0, 0, 0, 3), value(b, 1)], (2, 6, 5, 9)), 3),
        ["Pad", "Conv"]),
    "Upsample": (9, lambda b: b.node("Upsample", [image(b), value(b, 1, 1, 2, 3)], (2, 6, 8, 12)),
                 ["Resize"]),
    "Resize by sizes": (17, lambda b: b.node("Resize", [
        image(b), "", "", ints(b, 2, 6, 8, 12)], (2, 6, 8, 12), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor"), ["Resize"]),
    "Resize rounding up at halves": (17, lambda b: b.node("Resize", [
        image(b), "", value(b, 1, 1, 2, 2)], (2, 6, 8, 8), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="round_prefer_ceil"),
        ["Resize"]),
    "Resize rounding down at halves": (17, lambda b: b.node("Resize", [
        image(b), "", value(b, 1, 1, 2, 2)], (2, 6, 8, 8), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="round_prefer_floor"),
        ["Resize"]),
    "Resize to corners": (17, lambda b: b.node("Resize", [
        image(b), "", value(b, 1, 1, 5, 2)], (2, 6, 20, 8), mode="nearest",
        coordinate_transformation_mode="align_corners"), ["Resize"]),
    "Resize by a half-pixel": (17, lambda b: b.node("Resize", [
        image(b), "", value(b, 1, 1, 5, 2)], (2, 6, 20, 8), mode="nearest"), ["Resize"]),
    "Reshape to a row of pixels": (17, lambda b: b.node("Reshape", [
        image(b), ints(b, 2, 6, -1)], (2, 6, 16)), ["View"]),
    "Reshape to a vector": (17, lambda b: b.node("Reshape", [
        image(b), ints(b, 0, -1)], (2, 96)), ["Flatten"]),
    "Squeeze and Unsqueeze": (17, lambda b: b.node("Unsqueeze", [b.node("Squeeze", [
        b.average(image(b)), ints(b, 2, 3)], (2, 6)), ints(b, 2, 3)], (2, 6, 1, 1)),
        ["GlobalAveragePool", "Flatten", "View"]),
    "MatMul of rows": (17, lambda b: rows(b), ["Gemm+relu"]),
    "MatMul of rows, a bias of another shape": (17, lambda b: b.node("Add", [b.node("MatMul", [
        b.input((2, 5, 6)), b.constant(np.ones((6, 5)))], (2, 5, 5)),
        b.constant(np.arange(5.0).reshape(5, 1))], (2, 5, 5)), ["Gemm", "Affine"]),
    "MatMul of columns": (17, lambda b: b.node("MatMul", [
        b.constant(b.random.normal(size=(1, 4, 6))), b.input((2, 6, 5))], (2, 4, 5)), ["Gemm"]),
    "MatMul of columns as a map": (17, lambda b: b.node("Reshape", [b.node("MatMul", [
        b.constant(b.random.normal(size=(4, 6))), b.input((2, 6, 6))], (2, 4, 6)),
        ints(b, 2, 4, 2, 3)], (2, 4, 2, 3)), ["Gemm", "View"]),
    "MatMul of a batch of constants": (17, lambda b: b.node("MatMul", [
        b.constant(b.random.normal(size=(2, 4, 6))), b.input((2, 6, 5))], (2, 4, 5)), ["MatMul"]),
    "Reshape of features": (17, lambda b: b.relu(b.batch_norm(b.node("Reshape", [
        b.gemm(b.input((2, 5)), 24), ints(b, 2, 6, 2, 2)], (2, 6, 2, 2)))), ["Gemm+relu"]),
    "Reshape of features with another reader": (17, lambda b: reshaped_twice(b), [
        "Gemm", "Abs", "View", "Abs", "Flatten", "Add"]),
    "Transpose of single pixels": (17, lambda b: b.node("Transpose", [
        b.average(image(b))], (2, 1, 1, 6), perm=[0, 2, 3, 1]), ["GlobalAveragePool", "View"]),
    "Transpose": (17, lambda b: b.node("Transpose", [image(b)], (2, 4, 4, 6), perm=[0, 2, 3, 1]),
                  ["Transpose"]),
    "Identity behind a node of the host": (17, lambda b: b.node("Identity", [b.node("Exp", [
        image(b)], SAME)], SAME), ["Exp"]),
    "Cast to what it is": (17, lambda b: b.node("Abs", [b.node("Cast", [
        image(b)], SAME, to=1)], SAME), ["Abs"]),
    "Add a number": (17, lambda b: b.node("Add", [value(b, 2), image(b)], SAME), ["Affine"]),
    "Sub": (17, lambda b: b.node("Sub", [image(b), channels(b)], SAME), ["Affine"]),
    "Sub from a constant": (17, lambda b: b.node("Sub", [channels(b), image(b)], SAME),
                            ["Affine"]),
    "Div": (17, lambda b: b.node("Div", [image(b), channels(b)], SAME), ["Affine"]),
    "Div a constant": (17, lambda b: b.node("Div", [channels(b), image(b)], SAME), ["Div"]),
    "Mul by pixels": (17, lambda b: b.node("Mul", [image(b), pixels(b)], SAME), ["Mul"]),
    "Add pixels": (17, lambda b: b.node("Add", [image(b), pixels(b)], SAME), ["Add"]),
    "Sub pixels": (17, lambda b: b.node("Sub", [image(b), pixels(b)], SAME), ["Add"]),
    "Mul, Add, Relu": (17, lambda b: b.relu(b.node("Add", [b.node("Mul", [
        image(b), channels(b)], SAME), channels(b)], SAME)), ["Affine+relu"]),
    "Conv, Mul, Add, Clip": (17, lambda b: b.node("Clip", [b.node("Add", [b.node("Mul", [
        b.conv(image(b), 6), channels(b)], SAME), channels(b)], SAME), value(b, 0), value(b, 6)],
        SAME), ["Conv+relu+clip"]),
    "Clip of a Conv in an old operator set": (10, lambda b: b.node("Clip", [
        b.conv(image(b), 6)], SAME, min=-1.0, max=1.0), ["Conv+clip"]),
    "two Clips": (17, lambda b: b.node("Clip", [b.node("Clip", [
        b.conv(image(b), 6), value(b, 0), value(b, 6)], SAME), value(b, 1)], SAME),
        ["Conv+relu+clip", "Clip"]),
}


def split(b: NetworkBuilder, axis: int, by_input: bool = True) -> str:
    """Split in two and join the other way round."""
    sizes = [2, SAME[axis] - 2]
    x = image(b)
    more = [ints(b, *sizes)] if by_input else []
    attrs = {} if by_input else {"split": sizes}
    b.nodes.append(helper.make_node("Split", [x, *more], ["p", "q"], axis=axis, **attrs))
    return b.node("Concat", ["q", "p"], SAME, axis=axis)


def rows(b: NetworkBuilder) -> str:
    """Multiply every row of features, with a bias and Relu."""
    x = b.node("MatMul", [b.input((2, 5, 6)), b.constant(b.random.normal(size=(6, 4)))], (2, 5, 4))
    return b.relu(b.node("Add", [b.constant(np.arange(4.0)), x], (2, 5, 4)))


def reshaped_twice(b: NetworkBuilder) -> str:
    """Read the features of a dense layer as a vector and as a map."""
    x = b.gemm(b.input((2, 4)), 4)
    first = b.node("Abs", [x], (2, 4))
    second = b.node("Abs", [b.node("Reshape", [x, ints(b, 2, 2, 2)], (2, 2, 2))], (2, 2, 2))
    return b.add(first, b.flatten(second))


def channels(b: NetworkBuilder) -> str:
    return b.constant(np.linspace(0.5, 2, 6).reshape(6, 1, 1))


def pixels(b: NetworkBuilder) -> str:
    return b.constant(np.linspace(0.5, 2, 4))


@pytest.mark.parametrize("name", FORMS)
def test_onnx_form_has_its_normal_form(tmp_path: Path, name: str) -> None:
    opset, make, wanted = FORMS[name]
    build = NetworkBuilder(opset=opset)
    make(build)
    assert kinds(folded(build, tmp_path)) == wanted


@pytest.mark.parametrize(("name", "fits"), [
    ("Resize rounding up at halves", False), ("Resize rounding down at halves", True),
    ("Resize to corners", False), ("Resize by a half-pixel", True), ("Resize by sizes", True),
    ("Pad by reflection", False), ("Slice with steps", False), ("Slice backwards", False),
])
def test_only_normal_forms_have_canonical_attributes(tmp_path: Path, name: str, fits: bool) -> None:
    opset, make, _ = FORMS[name]
    build = NetworkBuilder(opset=opset)
    make(build)
    (node,) = folded(build, tmp_path).nodes
    assert bool({"factors", "fill", "start"} & set(node.attrs)) is fits


@pytest.mark.parametrize(("attrs", "size", "counted"), [
    ({"count_include_pad": 1, "pads": [1, 0, 1, 2]}, (4, 4), (1, 0, 1, 2)),
    ({"count_include_pad": 0, "pads": [1, 0, 1, 2]}, (4, 4), (0, 0, 0, 0)),
    ({"count_include_pad": 1, "auto_pad": "SAME_UPPER"}, (2, 2), (0, 0, 1, 1)),
    ({"count_include_pad": 1, "auto_pad": "VALID"}, (1, 1), (0, 0, 0, 0)),
])
def test_counted_padding_equals_onnx(
    tmp_path: Path, attrs: dict[str, object], size: tuple[int, int], counted: tuple[int, ...]
) -> None:
    build = NetworkBuilder()
    build.node("AveragePool", [image(build)], (2, 6, *size), kernel_shape=(3, 3),
               strides=(2, 2) if "pads" not in attrs else (1, 1), **attrs)
    (node,) = folded(build, tmp_path).nodes
    assert node.attrs["counted"] == counted
    if "auto_pad" not in attrs:
        made = compiled(build, tmp_path, "default", scales="power-of-two")
        inputs = build.samples(2)
        name = build.nodes[-1].output[0]
        integers = evaluate(made.quantized, inputs)[name]
        found = made.quantized.tensors[name].reals(integers)
        wanted = import_model(tmp_path / "network.onnx")[1].evaluator([name])(inputs)[name]
        np.testing.assert_allclose(found, wanted, atol=0.04)  # two steps of 2^-6


def test_fate_of_each_node_is_recorded(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.batch_norm(build.conv(image(build), 6)))
    build.node("Identity", [x], SAME)
    assert folded(build, tmp_path).folded == {
        "batchnormalization1": "part of conv0", "relu2": "part of conv0",
        "identity3": "does nothing",
    }
