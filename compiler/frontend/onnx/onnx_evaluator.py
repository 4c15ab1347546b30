"""Run nodes on the host: through onnxruntime when installed, else onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from ...ir.compile_errors import HostError
from ...ir.graph import Graph, Node
from .onnx_export import activation_nodes, opsets_of, written_out
from .saturation import has_integer_products, pairs_saturate
from .transposed import onnx_nodes

__all__ = [
    "evaluator", "evaluator_name", "host_model", "run_host",
]

Feeds = dict[str, np.ndarray]


def evaluator_name() -> str:
    """Return the name and version of the evaluator of host nodes."""
    try:
        import onnxruntime
    except ImportError:
        return "onnx.reference"
    return f"onnxruntime {onnxruntime.__version__}"


def evaluator(model: onnx.ModelProto, outputs: Sequence[str]) -> Callable[[Feeds], Feeds]:
    """Return a function from inputs by name to the named outputs of a model.

    Results do not depend on the processor (:mod:`.saturation`).
    """
    names = list(outputs)
    try:
        import onnxruntime
    except ImportError:
        return _reference(model, names)
    if has_integer_products(model) and pairs_saturate():
        return _reference(model, names)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # errors come as exceptions
    if any(node.op_type == "DequantizeLinear" for node in model.graph.node):
        # fused kernels round at other points than the model
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    data, providers = model.SerializeToString(), ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(data, options, providers=providers)
    except Exception:  # its optimizer breaks some valid models: Pad before a 1x1 AveragePool
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(data, options, providers=providers)
    return lambda feeds: dict(zip(names, session.run(names, feeds), strict=True))


def _reference(model: onnx.ModelProto, names: list[str]) -> Callable[[Feeds], Feeds]:
    reference = ReferenceEvaluator(model)
    return lambda feeds: dict(zip(names, reference.run(names, feeds), strict=True))


def host_model(graph: Graph, nodes: Sequence[Node]) -> bytes:
    """Return an ONNX model of some nodes of a graph.

    Its inputs are the tensors they read and do not compute (constants stay inside), its outputs
    the tensors that other nodes or the graph's outputs read.
    """
    produced = {name for node in nodes for name in node.outputs}
    read = dict.fromkeys(name for node in nodes for name in node.inputs if name)
    outputs = graph.results(nodes)
    constants = [name for name in read if graph.tensors[name].constant]
    inputs = [name for name in read if name not in produced and name not in constants]
    protos = [proto for node in nodes for proto in _protos(node, graph)]
    body = helper.make_graph(
        protos, graph.name, [_info(graph, n) for n in inputs], [_info(graph, n) for n in outputs],
        [numpy_helper.from_array(np.ascontiguousarray(graph.value(n)), n) for n in constants],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in opsets_of(graph).items()]
    model = helper.make_model(body, opset_imports=opsets)
    model.ir_version = min(model.ir_version, 10)  # that released onnxruntimes read
    return bytes(model.SerializeToString())


def run_host(model: bytes, feeds: Feeds) -> Feeds:
    """Run a model of :func:`host_model`; sessions are kept.

    Raises
    ------
    HostError
        The evaluator cannot run it.
    """
    try:
        return _session(model)(feeds)
    except HostError:
        raise
    except Exception as error:  # evaluators raise their own types, which may not be importable
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HostError(f"host nodes fail in {evaluator_name()}: {text}") from None


@lru_cache(maxsize=64)
def _session(model: bytes) -> Callable[[Feeds], Feeds]:
    proto = onnx.load_from_string(model)
    return evaluator(proto, [output.name for output in proto.graph.output])


def _info(graph: Graph, name: str) -> onnx.ValueInfoProto:
    tensor = graph.tensors[name]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    return helper.make_tensor_value_info(name, kind, tensor.shape)


def _protos(node: Node, graph: Graph) -> list[onnx.NodeProto]:
    """Return ONNX nodes that compute a node; canonical kinds are written as ONNX again."""
    after, target = activation_nodes(node, graph)
    inputs, attrs = [name for name in node.inputs if name], node.attrs
    before: list[onnx.NodeProto] = []
    if node.op == "Conv" and "kernel" in attrs:
        proto = helper.make_node(
            "Conv", inputs, [target], kernel_shape=attrs["kernel"], strides=attrs["strides"],
            pads=attrs["pads"], dilations=attrs["dilations"], group=attrs["group"],
        )
    elif node.op == "ConvTranspose" and "kernel" in attrs:
        weight, proto = onnx_nodes(node, graph, target)
        before = [weight]
    elif node.op == "MaxPool" and "kernel" in attrs:
        proto = helper.make_node(
            "MaxPool", inputs, [target], kernel_shape=attrs["kernel"], strides=attrs["strides"],
            pads=attrs["pads"], dilations=attrs["dilations"],
        )
    elif node.op == "Gemm" and node.source is None and not {"unflatten", "axis"} & set(attrs):
        proto = helper.make_node("Gemm", inputs, [target], transB=1)
    elif node.op == "Flatten" and node.source is None:
        proto = helper.make_node("Flatten", inputs, [target], axis=1)
    elif node.op in ("Add", "Relu", "GlobalAveragePool") and node.source is None:
        proto = helper.make_node(node.op, inputs, [target])
    elif node.source is None:
        return [*written_out(node, graph, target), *after]
    else:
        assert isinstance(node.source, bytes)
        proto = onnx.NodeProto()
        proto.ParseFromString(node.source)
        del proto.input[:]
        proto.input.extend(node.inputs)
        del proto.output[:]
        proto.output.extend(node.outputs)
        return [proto]
    return [*before, proto, *after]
