"""Reading ONNX: refusals and their texts, requested sizes, corrupted files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, random_network, save
from onnx import TensorProto, helper, numpy_helper

from myvta.compiler.compile import compile_model
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_importer import load_model, to_graph
from myvta.compiler.ir.compile_errors import CompileError


def problems(path: Path, **shapes: tuple[int, ...]) -> list[str]:
    """Return the problems of the import, without the path."""
    with pytest.raises(CompileError) as caught:
        import_model(path, shapes)
    return [text.removeprefix(f"{path}: ") for text in caught.value.problems]


def small(*shape: int | str) -> NetworkBuilder:
    """Return a network of one convolution."""
    build = NetworkBuilder(1)
    build.conv(build.input(shape or (1, 2, 4, 4)), 3)
    return build


def rewritten(folder: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Write the small network after changing it."""
    build = small()
    model = build.model(build.nodes[-1].output[0])
    change(model)
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_reads_nodes_tensors_and_weights(tmp_path: Path) -> None:
    path = save(small(), tmp_path / "n.onnx")
    graph, _ = import_model(path)
    assert [node.op for node in graph.nodes] == ["Conv"]
    assert graph.inputs == ["input"]
    assert graph.outputs == ["conv0"]
    assert graph.tensors["conv0"].shape == (1, 3, 4, 4)
    assert graph.tensors["w0"].value is not None
    assert graph.tensors["w0"].value.shape == (3, 2, 3, 3)
    assert to_graph(load_model(path)).nodes[0].attrs["pads"] == [1, 1, 1, 1]


def test_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "absent.onnx"
    assert problems(path) == [f"cannot read {path}: No such file or directory"]
    assert problems(tmp_path) == [f"cannot read {tmp_path}: Is a directory"]


@pytest.mark.parametrize("data", [b"this is text, not a network", b"", b"\x00" * 64])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(data)
    (problem,) = problems(path)
    assert problem.startswith("not an ONNX file (")


def test_truncated_file_is_refused(tmp_path: Path) -> None:
    path = save(small(), tmp_path / "n.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    (problem,) = problems(path)
    assert problem.startswith("not an ONNX file (")


def test_dynamic_shape_names_the_option(tmp_path: Path) -> None:
    path = save(small("batch", 2, "rows", 4), tmp_path / "n.onnx")
    assert problems(path) == [
        "input 'input' has a dynamic shape [batch, 2, rows, 4]: give its sizes, "
        "--shape input=1,1,8,8"
    ]


def test_requested_sizes_replace_dynamic_ones(tmp_path: Path) -> None:
    path = save(small("batch", 2, "rows", 4), tmp_path / "n.onnx")
    graph, _ = import_model(path, {"input": (1, 2, 6, 4)})
    assert graph.tensors["conv0"].shape == (1, 3, 6, 4)


@pytest.mark.parametrize("sizes", [(1, 3, 6, 4), (1, 2, 6), (1, 2, 0, 4)])
def test_contradicting_sizes_are_refused(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    path = save(small("batch", 2, "rows", 4), tmp_path / "n.onnx")
    shown = ", ".join(map(str, sizes))
    assert problems(path, input=sizes) == [
        f"input 'input' has shape [batch, 2, rows, 4], [{shown}] does not fit"
    ]


def test_sizes_of_an_unknown_input_are_refused(tmp_path: Path) -> None:
    path = save(small(), tmp_path / "n.onnx")
    assert problems(path, other=(1,)) == [
        "no input named 'other' to give a shape to; inputs: input"
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_all_non_finite_weights_are_listed(tmp_path: Path, value: float) -> None:
    def spoil(model: onnx.ModelProto) -> None:
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor).copy()
            array.flat[:2] = value
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

    assert problems(rewritten(tmp_path, spoil)) == [
        f"weight {name!r} holds 2 NaN or infinite values of {size}: export the model again"
        for name, size in (("w0", 54), ("b1", 3))
    ]


def test_external_data_is_refused(tmp_path: Path) -> None:
    def move(model: onnx.ModelProto) -> None:
        tensor = model.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../etc/passwd")
        tensor.ClearField("raw_data")

    assert problems(rewritten(tmp_path, move)) == [
        "weight 'w0' is stored outside the file (external data): save the model as one file"
    ]


def test_an_invalid_model_is_refused(tmp_path: Path) -> None:
    def misname(model: onnx.ModelProto) -> None:
        model.graph.node[0].op_type = "Convolute"

    (problem,) = problems(rewritten(tmp_path, misname))
    assert problem.startswith("not a valid ONNX model: ")


def test_contradictory_shapes_are_refused(tmp_path: Path) -> None:
    def widen(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 5

    with pytest.raises(CompileError, match=r"^the float network cannot run: "):
        compile_model(rewritten(tmp_path, widen), {"input": np.zeros((1, 5, 4, 4), np.float32)})


def test_a_value_of_unknown_shape_is_refused(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.input((1, 4))
    build.node("NonZero", [x], (2, 4))
    model = build.model()
    model.graph.output.append(
        helper.make_tensor_value_info("nonzero0", TensorProto.INT64, (2, "n"))
    )
    path = tmp_path / "n.onnx"
    onnx.save(model, path)
    (problem,) = problems(path)
    assert problem.startswith("the shape of 'nonzero0' (output of NonZero 'nonzero0') cannot be ")


def test_a_shape_bomb_is_refused(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.relu(build.input((1, 1, 1 << 20, 1 << 20)))
    assert problems(save(build, tmp_path / "n.onnx")) == [
        f"'{name}' [1, 1, 1048576, 1048576] has more than 268435456 elements"
        for name in ("input", "relu0")
    ]


def test_non_numeric_input_is_refused(tmp_path: Path) -> None:
    def text(model: onnx.ModelProto) -> None:
        model.graph.input.append(
            helper.make_tensor_value_info("words", TensorProto.STRING, (1,))
        )

    assert problems(rewritten(tmp_path, text)) == ["input 'words' is not a tensor of numbers"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_corrupted_files_are_refused_or_compile(tmp_path: Path, seed: int) -> None:
    random = np.random.default_rng(seed)
    build = random_network(seed)
    whole = build.model(build.nodes[-1].output[0]).SerializeToString()
    samples, path = build.samples(1), tmp_path / "n.onnx"
    for _ in range(30):
        data = bytearray(whole)
        for _ in range(random.integers(1, 6)):
            data[random.integers(0, len(data))] = random.integers(0, 256)
        path.write_bytes(data)
        with contextlib.suppress(CompileError):  # any other exception fails the test
            compile_model(path, samples, "1x4x4")
