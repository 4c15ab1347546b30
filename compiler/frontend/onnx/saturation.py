"""Whether onnxruntime's products of integers are exact on this processor.

On x86-64 without VNNI instructions onnxruntime's uint8 x int8 kernels add pairs of products in 16
bits, and saturate (its quantization guide, "when and why do I need to try U8U8").  Float kernels
and products of operands of the same type are exact everywhere.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import onnx
from onnx import TensorProto, helper

__all__ = ["has_integer_products", "pairs_saturate", "saturation_note"]

_INTEGER_PRODUCTS = ("ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul")
_QUANTIZE = ("QuantizeLinear", "DynamicQuantizeLinear")
_NOTE = (
    "onnxruntime saturates sums of uint8 x int8 products at 16 bits on this processor (no VNNI "
    "instructions): with its default options it may answer this model differently; set its "
    "session option session.x64quantprecision to 1, or quantize activations to int8. The "
    "comparison here is exact"
)


@lru_cache(maxsize=1)
def pairs_saturate() -> bool:
    """Return whether 255 * 127 + 255 * 127 is wrong in the installed onnxruntime.

    False without onnxruntime: onnx's reference evaluator is exact.
    """
    try:
        import onnxruntime
    except ImportError:
        return False
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "pair",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, (1, 2)),
         helper.make_tensor_value_info("b", TensorProto.INT8, (2, 1))],
        [helper.make_tensor_value_info("y", TensorProto.INT32, (1, 1))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 10)])
    model.ir_version = 5
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"a": np.full((1, 2), 255, np.uint8), "b": np.full((2, 1), 127, np.int8)}
    return int(session.run(["y"], feeds)[0][0, 0]) != 2 * 255 * 127


def has_integer_products(model: onnx.ModelProto) -> bool:
    """Return whether a model of ONNX's own operators multiplies integers."""
    return all(node.domain in ("", "ai.onnx") for node in model.graph.node) and any(
        node.op_type in _INTEGER_PRODUCTS for node in model.graph.node
    )


def saturation_note(model: onnx.ModelProto) -> str:
    """Return why onnxruntime's default session may differ from a quantized model, '' if it may not.

    It may if activations are uint8 and this processor's kernels saturate.
    """
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    unsigned = any(
        len(node.input) < 3 or kinds.get(node.input[2], TensorProto.UINT8) == TensorProto.UINT8
        for node in model.graph.node if node.op_type in _QUANTIZE
    )
    return _NOTE if unsigned and pairs_saturate() else ""
