"""A second front end, as small as one can be: dense layers in a JSON file, evaluated by numpy.

    {"input": ["x", [1, 8]], "outputs": ["y"],
     "layers": [{"kind": "dense", "name": "d", "from": "x", "to": "h", "weight": [[...]]}, ...]}

Kinds: dense (spelled so in the file only: it becomes Gemm), relu, and sine, which runs on the host.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from myvta.compiler.frontend.front_end_protocol import Feeds, FrontEnd
from myvta.compiler.frontend.front_ends import FrontEndEntry
from myvta.compiler.ir.compile_errors import CompileError, HostError
from myvta.compiler.ir.graph import Graph, Node, Origin, Tensor
from myvta.compiler.ir.qdq_scales import QdqScales

__all__ = ["JSON_ENTRY", "JsonFrontEnd", "JsonModel"]


class JsonModel:
    """The layers of a file, evaluated in float32."""

    evaluator_name = "numpy"
    deviation_note = ""

    def __init__(self, layers: list[dict[str, object]]):
        self.layers = layers

    def evaluator(self, names: Sequence[str]) -> Callable[[Feeds], Feeds]:
        def run(feeds: Feeds) -> Feeds:
            values = dict(feeds)
            for layer in self.layers:
                values[str(layer["to"])] = evaluate(layer, values[str(layer["from"])])
            return {name: values[name] for name in names}

        return run


def evaluate(layer: dict[str, object], x: np.ndarray) -> np.ndarray:
    """Return the output of a layer."""
    if layer["kind"] == "dense":
        return np.asarray(x @ np.asarray(layer["weight"], np.float32).T)
    return np.maximum(x, 0) if layer["kind"] == "relu" else np.sin(x)


class JsonFrontEnd:
    """:class:`FrontEnd` of the JSON files."""

    def import_model(
        self, path: Path, shapes: dict[str, tuple[int, ...]]
    ) -> tuple[Graph, JsonModel]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CompileError(f"{path}: not a JSON network: {error}") from None
        name, shape = data["input"]
        tensors = {name: Tensor(name, tuple(shape))}
        nodes = []
        for layer in data["layers"]:
            rows, columns = tensors[layer["from"]].shape
            inputs = [layer["from"]]
            if "weight" in layer:
                weight = np.asarray(layer["weight"], np.float32)
                columns, key = len(weight), f"{layer['name']}.weight"
                tensors[key] = Tensor(key, weight.shape, "float32", weight)
                inputs.append(key)
            tensors[layer["to"]] = Tensor(layer["to"], (rows, columns))
            nodes.append(Node(
                layer["kind"], layer["name"], tuple(inputs), (layer["to"],), source=layer))
        graph = Graph("json", nodes, tensors, [name], data["outputs"], Origin("json"))
        return graph, JsonModel(data["layers"])

    def normalize(self, graph: Graph) -> None:
        for node in graph.nodes:
            if node.op in ("dense", "relu"):
                node.op, node.source = {"dense": "Gemm", "relu": "Relu"}[node.op], None

    def read_scales(self, graph: Graph) -> QdqScales | None:
        return None

    def drop_pairs(self, graph: Graph, scales: QdqScales) -> None:
        raise AssertionError("no file has scales")

    def export_host(self, graph: Graph, nodes: Sequence[Node]) -> bytes:
        return json.dumps([node.source for node in nodes]).encode()

    def run_host(self, data: bytes, feeds: Feeds) -> Feeds:
        layers = json.loads(data)
        if any(layer["kind"] != "sine" for layer in layers):
            raise HostError("the host knows sine alone")
        return {layer["to"]: evaluate(layer, feeds[layer["from"]]) for layer in layers}


def _load() -> FrontEnd:
    return JsonFrontEnd()


JSON_ENTRY = FrontEndEntry((".json",), _load)
