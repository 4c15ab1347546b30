"""Checks of an ONNX model, each on a model made by hand: the edges of every refusal."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from myvta.compiler.frontend.onnx.onnx_validation import (
    MAX_ELEMENTS,
    apply_shapes,
    dtype_name,
    dynamic_values,
    external_data,
    first_line,
    huge_values,
    weights,
)

Shape = tuple[int | str | None, ...] | None
HINT = "--shape NAME=1,1,8,8"


def value(name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(*inputs: onnx.ValueInfoProto, nodes: list[onnx.NodeProto] | None = None,
          constants: list[onnx.TensorProto] | None = None, output: Shape = (1,)
          ) -> onnx.ModelProto:
    """Return a model with the output y."""
    return helper.make_model(helper.make_graph(
        nodes or [helper.make_node("Relu", ["x"], ["y"], name="relu")], "g", list(inputs),
        [value("y", output)], constants or []))


def sizes(info: onnx.ValueInfoProto) -> list[int]:
    return [dim.dim_value for dim in info.type.tensor_type.shape.dim]


def test_first_line_skips_empty_lines() -> None:
    assert first_line(ValueError("\n  \n  the cause \n details")) == "the cause"
    assert first_line(ValueError()) == "ValueError()"


@pytest.mark.parametrize(("kind", "name"), [
    (TensorProto.FLOAT, "float32"), (TensorProto.INT64, "int64"), (TensorProto.BOOL, "bool"),
    (TensorProto.UINT8, "uint8"), (TensorProto.STRING, "unknown"),
    (TensorProto.COMPLEX64, "unknown"), (TensorProto.UNDEFINED, "unknown"),
])
def test_type_of_a_value_is_named_as_numpy_does(kind: int, name: str) -> None:
    assert dtype_name(value("x", (1,), kind)) == name


def test_external_data_is_found_in_constants_and_attributes() -> None:
    inside, outside, hidden = (
        numpy_helper.from_array(np.ones(2, np.float32), name) for name in ("in", "out", "hidden"))
    outside.data_location = TensorProto.EXTERNAL
    hidden.external_data.add(key="location", value="weights.bin")
    node = helper.make_node("Constant", [], ["y"], value=hidden)
    graph = model(nodes=[node], constants=[inside, outside]).graph
    assert external_data(graph, "n.onnx") == [
        f"n.onnx: weight '{name}' is stored outside the file (external data): save the model as "
        "one file" for name in ("out", "hidden")
    ]


def test_weights_must_be_finite_and_readable() -> None:
    fine = numpy_helper.from_array(np.array([1, -1], np.int8), "fine")
    spoilt = numpy_helper.from_array(np.array([1, np.nan, -np.inf], np.float32), "spoilt")
    short = helper.make_tensor("short", TensorProto.FLOAT, (2,), b"\0" * 8, raw=True)
    short.raw_data = b"\0" * 5
    problems = weights(model(constants=[fine, spoilt, short]), "n.onnx")
    assert len(problems) == 2
    assert problems[0] == (
        "n.onnx: weight 'spoilt' holds 2 NaN or infinite values of 3: export the model again")
    assert problems[1].startswith("n.onnx: weight 'short' cannot be read: ")


def test_static_inputs_need_no_shapes() -> None:
    made = model(value("x", (2, 3)), output=(2, 3))
    assert apply_shapes(made, {}, "n.onnx") == []
    assert sizes(made.graph.output[0]) == [2, 3]


@pytest.mark.parametrize(("declared", "given"), [
    (("n", 3), (4, 3)), ((None, 3), (1, 3)), ((0, 3), (5, 3)), (None, (7, 7)), ((2, 3), (2, 3)),
])
def test_requested_sizes_replace_recorded_shapes(
    declared: Shape, given: tuple[int, ...]
) -> None:
    made = model(value("x", declared), output=(9, 9))
    made.graph.value_info.append(value("inner", (9,)))
    assert apply_shapes(made, {"x": given}, "n.onnx") == []
    assert sizes(made.graph.input[0]) == list(given)
    assert not made.graph.value_info
    assert not made.graph.output[0].type.tensor_type.HasField("shape")


@pytest.mark.parametrize(("declared", "given", "problem"), [
    (("n", 3), {}, "input 'x' has a dynamic shape [n, 3]: give its sizes, --shape x=1,1,8,8"),
    ((None, 3), {}, "input 'x' has a dynamic shape [?, 3]: give its sizes, --shape x=1,1,8,8"),
    ((0, 3), {}, "input 'x' has a dynamic shape [0, 3]: give its sizes, --shape x=1,1,8,8"),
    (None, {}, f"input 'x' has no shape: give its sizes, {HINT}"),
    (("n", 3), {"x": (4, 2)}, "input 'x' has shape [n, 3], [4, 2] does not fit"),
    (("n", 3), {"x": (4,)}, "input 'x' has shape [n, 3], [4] does not fit"),
    (("n", 3), {"x": (0, 3)}, "input 'x' has shape [n, 3], [0, 3] does not fit"),
    (("n", 3), {"x": (-1, 3)}, "input 'x' has shape [n, 3], [-1, 3] does not fit"),
    ((2, 3), {"z": (1,)}, "no input named 'z' to give a shape to; inputs: x"),
])
def test_contradicting_sizes_are_refused(
    declared: Shape, given: dict[str, tuple[int, ...]], problem: str
) -> None:
    assert apply_shapes(model(value("x", declared)), given, "n.onnx") == [f"n.onnx: {problem}"]


def test_every_input_is_reported_and_constants_are_none() -> None:
    made = model(
        value("x", ("n",)), value("s", (1,), TensorProto.STRING), value("w", ("k",)),
        constants=[numpy_helper.from_array(np.ones(2, np.float32), "w")])
    assert apply_shapes(made, {"w": (2,)}, "n.onnx") == [
        "n.onnx: no input named 'w' to give a shape to; inputs: x, s",
        "n.onnx: input 'x' has a dynamic shape [n]: give its sizes, --shape x=1,1,8,8",
        "n.onnx: input 's' is not a tensor of numbers",
    ]


@pytest.mark.parametrize("inner", [None, value("h", None), value("h", ("n",))])
def test_first_value_without_a_static_shape_is_reported(
    inner: onnx.ValueInfoProto | None
) -> None:
    made = model(value("x", (1,)), output=("n",), nodes=[
        helper.make_node("NonZero", ["x"], ["h", ""], name="nz"),
        helper.make_node("Relu", ["h"], ["y"], name="relu")])
    if inner is not None:
        made.graph.value_info.append(inner)
    assert dynamic_values(made, "n.onnx") == [
        "n.onnx: the shape of 'h' (output of NonZero 'nz') cannot be inferred: give input sizes, "
        f"{HINT}"
    ]


def test_scalars_are_static() -> None:
    assert dynamic_values(model(value("x", ()), output=()), "n.onnx") == []


def test_values_are_refused_beyond_the_maximum_only() -> None:
    made = model(value("x", (MAX_ELEMENTS,)), output=(MAX_ELEMENTS // 2, 3))
    made.graph.value_info.append(value("h", (MAX_ELEMENTS + 1,)))
    assert huge_values(made, "n.onnx") == [
        f"n.onnx: 'h' [{MAX_ELEMENTS + 1}] has more than {MAX_ELEMENTS} elements",
        f"n.onnx: 'y' [{MAX_ELEMENTS // 2}, 3] has more than {MAX_ELEMENTS} elements",
    ]
