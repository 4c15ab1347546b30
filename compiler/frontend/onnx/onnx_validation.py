"""Checks of an ONNX model before it is compiled: each returns its problems as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np
import onnx
from onnx import helper, numpy_helper

__all__ = [
    "MAX_ELEMENTS", "apply_shapes", "dtype_name", "dynamic_values", "external_data", "first_line",
    "huge_values", "weights",
]

MAX_ELEMENTS = 1 << 28  # of one tensor: more does not fit the device's 32-bit addresses as int32
_DIMENSIONS = "--shape NAME=1,1,8,8"


def first_line(error: Exception) -> str:
    """Return the first line of an error that is not empty."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))


def dtype_name(info: onnx.ValueInfoProto) -> str:
    """Return numpy's name of a value's type, ``unknown`` for anything but a tensor of numbers."""
    try:
        kind = helper.tensor_dtype_to_np_dtype(info.type.tensor_type.elem_type)
    except KeyError:
        return "unknown"
    return str(kind) if kind.kind in "fiub" else "unknown"


def external_data(graph: onnx.GraphProto, path: str) -> list[str]:
    """Find weights that are stored in other files."""
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


def weights(model: onnx.ModelProto, path: str) -> list[str]:
    """Find weights that cannot be read or are not finite."""
    problems = []
    for tensor in model.graph.initializer:
        try:
            value = numpy_helper.to_array(tensor)
        except (ValueError, TypeError, KeyError) as error:
            problems.append(f"{path}: weight {tensor.name!r} cannot be read: {first_line(error)}")
            continue
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            bad = int(value.size - np.isfinite(value).sum())
            problems.append(
                f"{path}: weight {tensor.name!r} holds {bad} NaN or infinite values of "
                f"{value.size}: export the model again"
            )
    return problems


def apply_shapes(
    model: onnx.ModelProto, shapes: dict[str, tuple[int, ...]], path: str
) -> list[str]:
    """Write sizes into the model's inputs; find inputs that are still dynamic."""
    constants = {constant.name for constant in model.graph.initializer}
    inputs = {i.name: i for i in model.graph.input if i.name not in constants}
    problems = [
        f"{path}: no input named {name!r} to give a shape to; inputs: {', '.join(inputs)}"
        for name in shapes
        if name not in inputs
    ]
    for name, info in inputs.items():
        kind = info.type.tensor_type
        if dtype_name(info) == "unknown":
            problems.append(f"{path}: input {name!r} is not a tensor of numbers")
            continue
        if not kind.HasField("shape") and name not in shapes:
            problems.append(f"{path}: input {name!r} has no shape: give its sizes, {_DIMENSIONS}")
            continue
        dims = [d.dim_value if d.HasField("dim_value") else d.dim_param or "?"
                for d in kind.shape.dim]
        if name in shapes:
            sizes = tuple(shapes[name])
            fits = not dims or (len(dims) == len(sizes) and all(
                not isinstance(declared, int) or declared in (0, size)
                for declared, size in zip(dims, sizes, strict=True)))
            if not fits or min(sizes, default=1) < 1:
                problems.append(
                    f"{path}: input {name!r} has shape {_text(dims)}, {_text(sizes)} does not fit"
                )
                continue
            kind.shape.ClearField("dim")
            for size in sizes:
                kind.shape.dim.add().dim_value = size
        elif any(not isinstance(declared, int) or declared < 1 for declared in dims):
            problems.append(
                f"{path}: input {name!r} has a dynamic shape {_text(dims)}: give its sizes, "
                f"{_DIMENSIONS.replace('NAME', name)}"
            )
    if not problems and shapes:  # shapes in the file may be those of other sizes
        del model.graph.value_info[:]
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")
    return problems


def dynamic_values(model: onnx.ModelProto, path: str) -> list[str]:
    """Find the first value whose shape inference did not make static."""
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


def huge_values(model: onnx.ModelProto, path: str) -> list[str]:
    """Find values too large for any device."""
    problems = []
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        sizes = [d.dim_value for d in info.type.tensor_type.shape.dim]
        if prod(sizes) > MAX_ELEMENTS:
            problems.append(
                f"{path}: {info.name!r} {_text(sizes)} has more than {MAX_ELEMENTS} elements"
            )
    return problems


def _text(dims: Iterable[object]) -> str:
    return "[" + ", ".join(str(d) for d in dims) + "]"
