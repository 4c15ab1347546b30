"""Integer reference evaluator: the oracle of every layer, in plain numpy.

It knows nothing of tiles, scratchpads, instructions or targets; it evaluates a
:class:`~.quantized_graph.QuantizedGraph` by the definitions of :mod:`.fixed_point`.
"""

from __future__ import annotations

import numpy as np

from ..frontend.front_ends import run_host_images
from ..ir.arrays import check_arrays
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from .reference_operators import REFERENCES

__all__ = ["evaluate", "evaluate_node"]


def evaluate(graph: QuantizedGraph, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Evaluate a network on float inputs, any multiple of its own number of images.

    Returns
    -------
    dict
        Every activation by name: int64 where it is quantized, float where it is on the host.
        Quantized graph outputs are integers too: ``graph.tensors[name].reals``.  For tensors
        without a batch dimension (``graph.alone``) axis 0 is the evaluation.
    """
    reals: dict[str, np.ndarray] = {}
    integers: dict[str, np.ndarray] = {}
    wanted = {name: (graph.tensors[name].shape, graph.tensors[name].dtype)
              for name in graph.inputs}
    for name, value in check_arrays(inputs, wanted, "inputs").items():
        tensor, reals[name] = graph.tensors[name], value
        if tensor.exponent is not None:
            integers[name] = tensor.integers(value, graph.inp_width)
    for node in graph.nodes:
        if node.on_host:
            feeds = {
                name: reals[name] if name in reals
                else graph.tensors[name].reals(integers[name]).astype(np.float32)
                for name in node.inputs
            }
            results = run_host_images(node.attrs.payload, feeds, graph.images, graph.alone)
            for name, value in results.items():
                reals[name] = value
                tensor = graph.tensors[name]
                if tensor.exponent is not None:
                    integers[name] = tensor.integers(value, graph.inp_width)
        else:
            values = [integers[name] for name in node.inputs]
            integers[node.outputs[0]] = evaluate_node(node, values, graph.inp_width)
    return {**reals, **integers}


def evaluate_node(node: QuantizedNode, values: list[np.ndarray], width: int) -> np.ndarray:
    """Evaluate one accelerator node on integer inputs."""
    return REFERENCES[node.op](node, [value.astype(np.int64) for value in values], width)
