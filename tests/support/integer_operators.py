"""Integer operators of onnxruntime as oracles, on operands that are exact on every processor.

Products take uint8 on both sides, with zero points: onnxruntime's uint8 x int8 kernels saturate on
x86-64 without VNNI.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

__all__ = ["run_integer", "unsigned"]


def run_integer(op: str, inputs: dict[str, np.ndarray], kind: int, **attrs: Any) -> np.ndarray:
    """Run one integer operator in onnxruntime."""
    types = {np.dtype("uint8"): TensorProto.UINT8, np.dtype("int8"): TensorProto.INT8}
    infos = [
        helper.make_tensor_value_info(name, types[value.dtype], value.shape)
        for name, value in inputs.items()
    ]
    graph = helper.make_graph(
        [helper.make_node(op, list(inputs), ["y"], **attrs)], "one", infos,
        [helper.make_tensor_value_info("y", kind, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)[0]


def unsigned(x: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
    """Return integers of 8 bits as uint8 operands with zero points of 128."""
    zero = np.array(128, np.uint8)
    return {
        "x": (x + 128).astype(np.uint8), "w": (weight.astype(int) + 128).astype(np.uint8),
        "x_zero": zero, "w_zero": zero,
    }
