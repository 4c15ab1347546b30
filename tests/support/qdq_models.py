"""Models that onnxruntime quantizes: ONNX files with QuantizeLinear and DequantizeLinear pairs."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from myvta.compiler.compile import Compiled
from myvta.compiler.reference.reference_evaluator import evaluate_node

__all__ = [
    "ACTIVATIONS", "hand_made", "integer_values", "quantized_model", "same_inputs",
    "within_a_step",
]

ACTIVATIONS = {
    "int8": (QuantType.QInt8, False), "uint8": (QuantType.QUInt8, False),
    "symmetric": (QuantType.QInt8, True),
}
"""Kinds of activations: type, symmetric."""


class _Reader(CalibrationDataReader):
    def __init__(self, samples: dict[str, np.ndarray]):
        count = len(next(iter(samples.values())))
        self.feeds = iter([
            {name: value[index : index + 1] for name, value in samples.items()}
            for index in range(count)
        ])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def quantized_model(
    source: Path, folder: Path, samples: dict[str, np.ndarray], kind: str = "int8"
) -> Path:
    """Let onnxruntime quantize a float model as it recommends: prepared, then calibrated."""
    prepared, path = folder / f"{source.stem}.prepared.onnx", folder / f"{source.stem}.{kind}.onnx"
    level = logging.getLogger().level
    logging.disable(logging.WARNING)
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    activation, symmetric = ACTIVATIONS[kind]
    quantize_static(
        str(prepared), str(path), _Reader(samples), quant_format=QuantFormat.QDQ,
        per_channel=True, activation_type=activation, weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": symmetric},
    )
    logging.disable(level if level > logging.WARNING else logging.NOTSET)
    return path


def integer_values(path: Path, images: np.ndarray) -> dict[str, np.ndarray]:
    """Return, as int64 in int8's range, onnxruntime's integers of each activation.

    By the name of the activation before each QuantizeLinear, and of the float output after the
    last DequantizeLinear.  No fusion: every rounding is where the model has it.
    """
    model = onnx.load(path)
    rounders = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    known = {output.name for output in model.graph.output}
    names = {node.input[0]: node.output[0] for node in rounders}
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.output[0] in known:
            names[node.output[0]] = node.input[0]
    wanted = list(dict.fromkeys(names.values()))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    runs = [session.run(wanted, {source: image[None]}) for image in images]
    integers = {
        name: np.concatenate(values) for name, values in zip(
            wanted, zip(*runs, strict=True), strict=True)
    }
    return {
        name: integers[made].astype(np.int64) - (128 if integers[made].dtype == np.uint8 else 0)
        for name, made in names.items()
    }


def same_inputs(
    made: Compiled, path: Path, images: np.ndarray
) -> dict[str, tuple[int, float]]:
    """Compare each layer with onnxruntime on onnxruntime's integers.

    Returns the maximum difference and the share of elements that differ.
    """
    known = integer_values(path, images)
    apart = {}
    for node in made.quantized.nodes:
        if node.op == "Host" or not known.keys() >= set(node.inputs):
            continue
        found = evaluate_node(node, [known[name] for name in node.inputs], 8)
        if node.outputs[0] in known:
            wanted = known[node.outputs[0]]
            off = np.abs(found.reshape(wanted.shape) - wanted)
            apart[node.name] = int(off.max()), float((off > 0).mean())
        else:
            known[node.outputs[0]] = found
    return apart


def within_a_step(apart: dict[str, tuple[int, float]]) -> bool:
    """Return whether no element of any layer is further off than one."""
    return bool(apart) and max(steps for steps, _ in apart.values()) <= 1


def hand_made(
    activation: str = "int8", weight: np.ndarray | None = None, *, scale: float = 0.05,
    weight_scale: float | list[float] = 0.02, weight_zero: int = 0, axis: int = 0,
    out_scale: float = 0.1,
) -> onnx.ModelProto:
    """Return a quantized 1x1 convolution of two channels, pair by pair."""
    kind = np.dtype(activation)
    weight = np.array([[50, -30], [20, 90]], np.int8) if weight is None else weight
    constants = {
        "s": np.float32(scale), "z": kind.type(3), "o": np.float32(out_scale), "y": kind.type(0),
        "w": weight.reshape(2, 2, 1, 1), "ws": np.array(weight_scale, np.float32),
        "wz": np.full(np.shape(weight_scale), weight_zero, weight.dtype),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wd"], axis=axis),
        helper.make_node("Conv", ["xd", "wd"], ["c"], name="conv"),
        helper.make_node("QuantizeLinear", ["c", "o", "y"], ["cq"]),
        helper.make_node("DequantizeLinear", ["cq", "o", "y"], ["out"]),
    ]
    shape = (1, 2, 3, 3)
    graph = helper.make_graph(
        nodes, "hand", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    model.ir_version = 9
    return model
