"""Read an ONNX file into a :class:`~.graph.Graph`, refusing what cannot be compiled.

Everything is checked before anything is built: the file, the ONNX checker, shapes (static after
``shapes`` are applied and inferred), weights (finite, inside the file: external data is refused).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper

from .errors import CompileError
from .graph import Graph, Node, Tensor

__all__ = ["MAX_FILE_BYTES", "import_model", "load_model", "to_graph"]

MAX_FILE_BYTES = 2 << 30  # protobuf's own limit: a larger file cannot be a self-contained model
_DIMENSIONS = "--shape NAME=1,1,8,8"


def import_model(
    path: str | Path, shapes: dict[str, tuple[int, ...]] | None = None
) -> tuple[Graph, onnx.ModelProto]:
    """Read, check and convert a model.

    Parameters
    ----------
    path
        An ONNX file.
    shapes
        Sizes of graph inputs by name; needed for inputs whose shape is dynamic.

    Returns
    -------
    graph, model
        The graph, and the checked model with static shapes (for calibration).

    Raises
    ------
    CompileError
        Lists every problem found.
    """
    model = load_model(path, shapes)
    return to_graph(model), model


def load_model(
    path: str | Path, shapes: dict[str, tuple[int, ...]] | None = None
) -> onnx.ModelProto:
    """Read and check a model; returns it with static, inferred shapes (errors: CompileError)."""
    path = Path(path)
    model = _parse(path)
    problems = _external_data(model.graph, str(path))
    if problems:
        raise CompileError(*problems)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise CompileError(f"{path}: not a valid ONNX model: {_first_line(error)}") from None
    problems = _apply_shapes(model, shapes or {}, str(path)) + _weights(model, str(path))
    if problems:
        raise CompileError(*problems)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise CompileError(f"{path}: shapes do not fit: {_first_line(error)}") from None
    problems = _dynamic_values(inferred, str(path))
    if problems:
        raise CompileError(*problems)
    return inferred


def to_graph(model: onnx.ModelProto) -> Graph:
    """Convert a checked model with static shapes."""
    source = model.graph
    tensors = {}
    for constant in source.initializer:
        value = numpy_helper.to_array(constant)
        tensors[constant.name] = Tensor(constant.name, value.shape, str(value.dtype), value)
    for info in (*source.input, *source.value_info, *source.output):
        if info.name not in tensors:
            kind = helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)
            shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
            tensors[info.name] = Tensor(info.name, shape, str(kind))
    nodes = []
    for index, node in enumerate(source.node):
        attrs = {a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute}
        name = node.name or f"{node.op_type}_{index}"
        if any(name == other.name for other in nodes):
            name = f"{name}_{index}"
        op = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"
        nodes.append(
            Node(op, name, tuple(node.input), tuple(node.output), attrs, node.SerializeToString())
        )
        for output in node.output:
            if output and output not in tensors:
                tensors[output] = Tensor(output, (), "unknown")
    constants = {constant.name for constant in source.initializer}
    return Graph(
        name=source.name or "network",
        nodes=nodes,
        tensors=tensors,
        inputs=[i.name for i in source.input if i.name not in constants],
        outputs=[o.name for o in source.output],
        opsets={o.domain: o.version for o in model.opset_import},
    )


def _parse(path: Path) -> onnx.ModelProto:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise CompileError(f"{path}: {size} bytes is larger than an ONNX file can be (2 GiB)")
        data = path.read_bytes()
    except OSError as error:
        raise CompileError(f"cannot read {path}: {error.strerror}") from None
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise CompileError(f"{path}: not an ONNX file (protobuf does not parse)") from None
    if not model.graph.node or not model.opset_import:
        raise CompileError(f"{path}: not an ONNX file (no graph or no opset in it)")
    return model


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    return value


def _external_data(graph: onnx.GraphProto, path: str) -> list[str]:
    tensors = list(graph.initializer)
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
    return [
        f"{path}: weight {tensor.name!r} is stored outside the file (external data): save the "
        "model as one file"
        for tensor in tensors
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data
    ]


def _weights(model: onnx.ModelProto, path: str) -> list[str]:
    problems = []
    for tensor in model.graph.initializer:
        try:
            value = numpy_helper.to_array(tensor)
        except (ValueError, TypeError) as error:
            problems.append(f"{path}: weight {tensor.name!r} cannot be read: {_first_line(error)}")
            continue
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int(value.size - np.isfinite(value).sum())
            problems.append(
                f"{path}: weight {tensor.name!r} holds {bad} NaN or infinite values of "
                f"{value.size}: export the model again"
            )
    return problems


def _apply_shapes(model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]], path: str) -> list:
    constants = {constant.name for constant in model.graph.initializer}
    inputs = {i.name: i for i in model.graph.input if i.name not in constants}
    problems = [
        f"{path}: no input named {name!r} to give a shape to; inputs: {', '.join(inputs)}"
        for name in shapes
        if name not in inputs
    ]
    for name, info in inputs.items():
        kind = info.type.tensor_type
        if not kind.HasField("shape") and name not in shapes:
            problems.append(f"{path}: input {name!r} has no shape: give its sizes, {_DIMENSIONS}")
            continue
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param or "?"
                for d in kind.shape.dim]
        if name in shapes:
            given = tuple(shapes[name])
            fits = not dims or (len(dims) == len(given) and all(
                not isinstance(have, int) or have in (0, want)
                for have, want in zip(dims, given, strict=True)))
            if not fits or min(given, default=1) < 1:
                problems.append(
                    f"{path}: input {name!r} has shape {_text(dims)}, {_text(given)} does not fit"
                )
                continue
            kind.shape.ClearField("dim")
            for size in given:
                kind.shape.dim.add().dim_value = size
        elif any(not isinstance(have, int) or have < 1 for have in dims):
            problems.append(
                f"{path}: input {name!r} has a dynamic shape {_text(dims)}: give its sizes, "
                f"{_DIMENSIONS.replace('NAME', name)}"
            )
    if not problems and shapes:  # shapes in the file may speak of the sizes before
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
    return problems


def _dynamic_values(model: onnx.ModelProto, path: str) -> list[str]:
    known = {i.name: i for i in (*model.graph.value_info, *model.graph.output)}
    problems = []
    for node in model.graph.node:
        for name in node.output:
            info = known.get(name)
            if not name:
                continue
            shape = info.type.tensor_type.shape.dim if info is not None else []
            if info is None or not info.type.tensor_type.HasField("shape") or any(
                not d.HasField("dim_value") for d in shape
            ):
                problems.append(
                    f"{path}: the shape of {name!r} (output of {node.op_type} "
                    f"{node.name!r}) cannot be inferred: give input sizes, {_DIMENSIONS}"
                )
                return problems  # everything after it is unknown too
    return problems


def _text(dims: object) -> str:
    return "[" + ", ".join(str(d) for d in dims) + "]"  # type: ignore[attr-defined]
