"""Read an ONNX file into a :class:`~.graph.Graph`, refusing models that cannot be compiled.

Everything is checked before anything is built: the file, the ONNX checker, shapes (static after
``shapes`` are applied and inferred), weights (finite, inside the file: external data is refused).
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper, numpy_helper

from ...ir.compile_errors import CompileError
from ...ir.graph import Graph, Node, Origin, Tensor
from .onnx_evaluator import evaluator, evaluator_name
from .onnx_validation import (
    apply_shapes,
    dtype_name,
    dynamic_values,
    external_data,
    first_line,
    huge_values,
    weights,
)

__all__ = ["MAX_FILE_BYTES", "load_model", "to_graph"]

MAX_FILE_BYTES = 2 << 30  # protobuf's own limit: a larger file cannot be a self-contained model
_PLAIN = (  # attributes that become Python values; tensors and graphs stay in the node's source
    onnx.AttributeProto.INT, onnx.AttributeProto.INTS, onnx.AttributeProto.FLOAT,
    onnx.AttributeProto.FLOATS, onnx.AttributeProto.STRING, onnx.AttributeProto.STRINGS,
)


def load_model(
    path: str | Path, shapes: dict[str, tuple[int, ...]] | None = None
) -> onnx.ModelProto:
    """Read and check a model; return it with static, inferred shapes.

    Parameters
    ----------
    path
        An ONNX file.
    shapes
        Sizes of graph inputs by name; needed for inputs whose shape is dynamic.

    Raises
    ------
    CompileError
        Lists every problem found.
    """
    path = Path(path)
    model = _parse(path)
    problems = external_data(model.graph, str(path))
    if problems:
        raise CompileError(*problems)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise CompileError(f"{path}: not a valid ONNX model: {first_line(error)}") from None
    problems = apply_shapes(model, shapes or {}, str(path)) + weights(model, str(path))
    if problems:
        raise CompileError(*problems)
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise CompileError(f"{path}: shapes do not fit: {first_line(error)}") from None
    problems = dynamic_values(inferred, str(path)) or huge_values(inferred, str(path))
    if problems:
        raise CompileError(*problems)
    try:
        evaluator(inferred, [output.name for output in inferred.graph.output])
    except Exception as error:  # evaluators raise their own types
        raise CompileError(f"{path}: {evaluator_name()} refuses it: {first_line(error)}") from None
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
            shape = tuple(d.dim_value for d in info.type.tensor_type.shape.dim)
            tensors[info.name] = Tensor(info.name, shape, dtype_name(info))
    nodes: list[Node] = []
    names: set[str] = set()
    for index, node in enumerate(source.node):
        attrs = {
            a.name: _plain(helper.get_attribute_value(a)) for a in node.attribute
            if a.type in _PLAIN
        }
        name = node.name or f"{node.op_type}_{index}"
        if name in names:
            name = f"{name}_{index}"
        names.add(name)
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
        origin=Origin("onnx", {o.domain: o.version for o in model.opset_import}),
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
    except Exception:  # protobuf's DecodeError, which has no details
        raise CompileError(f"{path}: not an ONNX file (protobuf does not parse)") from None
    if not model.graph.node or not model.opset_import:
        raise CompileError(f"{path}: not an ONNX file (no graph or no opset in it)")
    return model


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value
