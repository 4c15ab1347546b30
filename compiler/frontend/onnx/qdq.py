"""Pre-quantized models: ONNX graphs with QuantizeLinear and DequantizeLinear pairs (QDQ).

:func:`read_scales` runs on the imported graph and records the scales of activations and weights;
:func:`drop_pairs` runs on the canonical one and removes the pairs, which leaves a float graph whose
tensors have known scales.  Integers are int8 on the device, so a uint8 zero point is reduced by
128.
"""

from __future__ import annotations

import numpy as np

from ...ir.compile_errors import CompileError
from ...ir.graph import Graph, Node
from ...ir.qdq_scales import QdqScales, TensorScale

__all__ = ["drop_pairs", "read_scales"]

_QUANTIZE = ("QuantizeLinear", "com.microsoft::QuantizeLinear")
_DEQUANTIZE = ("DequantizeLinear", "com.microsoft::DequantizeLinear")
_LAYERS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def read_scales(graph: Graph) -> QdqScales | None:
    """Return the scales of an imported graph, None where there are none.

    Raises
    ------
    CompileError
        A tensor is quantized in an unsupported way; all such tensors are listed.
    """
    scales, problems = QdqScales(), list[str]()
    dequantizers = [node for node in graph.nodes if node.op in _DEQUANTIZE]
    for node in dequantizers:
        if graph.tensors[node.inputs[0]].constant:
            _read_weights(graph, node, scales, problems)
        else:
            _read_activation(graph, node, scales, problems)
    if problems:
        raise CompileError(*problems)
    return scales if dequantizers else None


def drop_pairs(graph: Graph, scales: QdqScales) -> None:
    """Remove the pairs of a canonical graph, and record the scales of its tensors.

    A pair stays, and runs on the host, if a node also reads the values before rounding.
    """
    for node in graph.nodes:
        if node.op not in _DEQUANTIZE or node.outputs[0] not in scales.pairs:
            continue
        scale, rounded = scales.pairs[node.outputs[0]], node.outputs[0]
        before = graph.producer(node.inputs[0])
        source = before.inputs[0] if before is not None and _matches(graph, before, node) else None
        if source is None or not _only_rounded(graph, source, scales):
            scales.tensors[rounded], scales.rounded[rounded] = scale, rounded
            continue
        kept = _replace(graph, node, source)
        if kept is None:
            scales.tensors[rounded], scales.rounded[rounded] = scale, rounded
        else:
            scales.tensors[kept], scales.rounded[kept] = scale, rounded
    pairs = [node for node in graph.nodes if node.op in _QUANTIZE]
    graph.sweep()
    for node in pairs:
        if node not in graph:
            graph.folded[node.name] = f"its scale is that of {node.inputs[0]}"


def _replace(graph: Graph, node: Node, source: str) -> str | None:
    """Let readers of a DequantizeLinear read ``source``; return the name they read."""
    rounded = node.outputs[0]
    if rounded in graph.outputs:
        producer = graph.producer(source)
        if producer is None or source in graph.outputs:
            return None
        producer.outputs = tuple(rounded if name == source else name for name in producer.outputs)
        graph.rename_reads(source, rounded)
        source = rounded
    graph.remove(node)
    graph.folded[node.name] = f"its scale is that of {source}"
    graph.rename_reads(rounded, source)
    return source


def _only_rounded(graph: Graph, source: str, scales: QdqScales) -> bool:
    """Whether all readers of a tensor are QuantizeLinear nodes of one scale."""
    readers = graph.consumers(source)
    others = {
        scales.pairs.get(after.outputs[0])
        for reader in readers for after in graph.consumers(reader.outputs[0])
        if reader.op in _QUANTIZE
    } - {None}
    plain = [reader for reader in readers if reader.op not in _QUANTIZE]
    done = source in scales.tensors and all(  # an earlier pair of the same tensor has been removed
        scales.tensors[source] == scale for scale in others
    )
    return source not in graph.outputs and len(others) <= 1 and (not plain or done)


def _matches(graph: Graph, quantize: Node, dequantize: Node) -> bool:
    """Whether two nodes are a pair of the same scale, and no other node reads the integers."""
    if quantize.op not in _QUANTIZE or quantize.outputs[0] in graph.outputs:
        return False
    readers = graph.consumers(quantize.outputs[0])
    return all(reader.op in _DEQUANTIZE for reader in readers) and all(
        _same(graph, a, b) for a, b in zip(quantize.inputs[1:], dequantize.inputs[1:], strict=False)
    )


def _same(graph: Graph, a: str, b: str) -> bool:
    if a == b:
        return True
    first, second = graph.value(a), graph.value(b)
    return first is not None and second is not None and np.array_equal(first, second)


def _read_activation(graph: Graph, node: Node, scales: QdqScales, problems: list[str]) -> None:
    name, scale = node.inputs[0], graph.value(node.inputs[1])
    with_zero = len(node.inputs) > 2 and node.inputs[2]
    zero = graph.value(node.inputs[2]) if with_zero else np.zeros((), graph.tensors[name].dtype)
    if scale is None or zero is None:
        return  # scales that are computed: nothing is known at compile time
    kind = str(zero.dtype)
    if kind not in ("int8", "uint8"):
        problems.append(f"{node.op} {node.name!r}: {kind} activations; int8 or uint8 are possible")
    elif scale.size != 1:
        problems.append(
            f"{node.op} {node.name!r}: {scale.size} scales for one activation; one is possible"
        )
    elif not (np.isfinite(scale).all() and (scale > 0).all()):
        problems.append(f"{node.op} {node.name!r}: its scale {scale} is not a positive number")
    else:
        shift = 128 if kind == "uint8" else 0
        scales.pairs[node.outputs[0]] = TensorScale(float(scale.item()), int(zero.item()) - shift)


def _read_weights(graph: Graph, node: Node, scales: QdqScales, problems: list[str]) -> None:
    """Record the scales of weights; those of biases follow from them."""
    integers, scale = graph.tensors[node.inputs[0]], graph.value(node.inputs[1])
    layers = [
        layer for layer in graph.consumers(node.outputs[0])
        if layer.op in _LAYERS and layer.inputs[1:2] == node.outputs[:1]
    ]
    for layer in layers:
        last = layer.op == "MatMul" or (layer.op == "Gemm" and not layer.attrs.get("transB", 0))
        axis = len(integers.shape) - 1 if last else 0
        along = node.attrs.get("axis", 1) % max(1, len(integers.shape))
        outputs = integers.shape[axis]
        subject = f"{layer.op} {layer.name!r}: its weights"
        if integers.dtype not in ("int8", "uint8"):
            problems.append(f"{subject} are {integers.dtype}; int8 or uint8 are possible")
        elif scale is None or not (scale.size == 1 or (scale.size == outputs and along == axis)):
            problems.append(f"{subject} have neither one scale nor one for each output channel")
        elif not (np.isfinite(scale).all() and (scale > 0).all()):
            problems.append(f"{subject} have a scale that is not a positive number")
        elif layer.op != "ConvTranspose":
            scales.weights[layer.name] = np.broadcast_to(
                np.asarray(scale, np.float64).reshape(-1), (outputs,))
