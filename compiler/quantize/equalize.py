"""Equalize channels across layers (Nagel et al., "Data-free quantization ...", 2019).

Between two layers with only positively homogeneous work in between (Relu, pooling, Flatten ...),
channel i may be divided by any s > 0 in the first and multiplied by it in the second: the float
network does not change.  s is chosen so that both sides of a channel take the same part of their
range: with one scale per tensor no channel then wastes it.

The range on the first side depends on the scales that weights will have.  With one
scale for the tensor it is the channel's largest weight, as published.  With a scale for each
channel that range costs nothing, and the largest activation in calibration is used instead, as
the activation between them has a single scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..ir.attributes import WeightedAttributes
from ..ir.graph import Graph, Node, Tensor
from ..operators.registry import OPERATORS

__all__ = ["equalized"]

_ROUNDS = 8  # over chains of layers; the factors settle within a few
_LIMIT = 256.0  # of a factor, either way


def equalized(
    graph: Graph, peaks: Mapping[str, np.ndarray] | None = None
) -> tuple[Graph, dict[str, np.ndarray]]:
    """Return an equalized copy of a folded graph, and the divisors of its channels.

    Parameters
    ----------
    peaks
        Maximum magnitude of each channel by activation, to equalize activations against weights;
        None to equalize weights against weights.

    Returns
    -------
    graph
        The same float function, with new weights.
    factors
        By activation between two layers, one for each of its channels; empty if nothing can be
        equalized.
    """
    copy = graph.copy()
    pairs = [pair for node in copy.nodes if (pair := _pair(copy, node)) is not None]
    if peaks is not None:
        pairs = [pair for pair in pairs if pair[1][0] in peaks]
    for node in {id(node): node for first, _, second in pairs for node in (first, second)}.values():
        _own_constants(copy, node)
    factors: dict[str, np.ndarray] = {}
    for _ in range(_ROUNDS if peaks is None else 1):
        for first, between, second in pairs:
            factor = _factor(copy, first, second, None if peaks is None else peaks[between[0]])
            _divide(copy, first, second, factor)
            for name in between:
                channels = graph.tensors[name].shape[1]
                repeated = factor.repeat(channels // factor.size)  # a Flatten's features
                factors[name] = factors.get(name, 1.0) * repeated
    return copy, factors


def _pair(graph: Graph, first: Node) -> tuple[Node, list[str], Node] | None:
    """Return a layer, the activations after it and the layer that alone reads them."""
    if not _weighted(graph, first) or first.attrs.keys() & {"clip", "unflatten"}:
        return None
    between: list[str] = []
    node: Node | None = first
    while node is not None:
        between.append(node.outputs[0])
        node = graph.only_consumer(between[-1])
        if node is None or _weighted(graph, node):
            break
        if node.op not in OPERATORS or not OPERATORS[node.op].homogeneous(node):
            return None
    if node is None or node.inputs[0] != between[-1]:
        return None
    return first, between, node


def _weighted(graph: Graph, node: Node) -> bool:
    """Whether a node is a layer in normal form, with constant finite weights."""
    operator = OPERATORS.get(node.op)
    if operator is None or not issubclass(operator.attributes, WeightedAttributes):
        return False
    canonical = node.source is None or "kernel" in node.attrs
    constant = all(not name or graph.tensors[name].constant for name in node.inputs[1:])
    if not canonical or not constant or "axis" in node.attrs:
        return False
    values = [np.asarray(graph.value(name)) for name in node.inputs[1:] if name]
    return all(np.isfinite(value).all() for value in values)


def _own_constants(graph: Graph, node: Node) -> None:
    """Replace the weights of a node by new constants."""
    node.inputs = (node.inputs[0], *(
        graph.constant(f"{node.name}.equalized", np.asarray(graph.value(name))) if name else ""
        for name in node.inputs[1:]
    ))


def _inputs_of(weight: np.ndarray, groups: int, channels: int) -> Iterator[np.ndarray]:
    """Yield, for each of ``channels`` input channels, a view of the weights it meets."""
    rows, each = weight.shape[0] // groups, channels // groups
    width = weight.shape[1] // each  # positions of a flattened feature map
    for channel in range(channels):
        group, index = divmod(channel, each)
        yield weight[group * rows : (group + 1) * rows, index * width : (index + 1) * width]


def _factor(graph: Graph, first: Node, second: Node, peaks: np.ndarray | None) -> np.ndarray:
    """Return the divisor of each output channel of ``first``, float64."""
    weight = np.asarray(graph.value(first.inputs[1]), np.float64)
    own_range = np.abs(weight).reshape(len(weight), -1).max(1) if peaks is None else peaks
    reader = np.abs(np.asarray(graph.value(second.inputs[1]), np.float64))
    reader_range = np.array([
        part.max(initial=0)
        for part in _inputs_of(reader, second.attrs.get("group", 1), len(weight))
    ])
    used = (own_range > 0) & (reader_range > 0)
    factor = np.sqrt(np.where(used, own_range, 1) / np.where(used, reader_range, 1))
    if used.any():
        factor /= np.exp(np.log(factor[used]).mean())  # the geometric mean of the factors is 1
    return np.where(used, np.clip(factor, 1 / _LIMIT, _LIMIT), 1.0)


def _divide(graph: Graph, first: Node, second: Node, factor: np.ndarray) -> None:
    def fresh(name: str, value: np.ndarray) -> None:
        graph.tensors[name] = Tensor(name, value.shape, "float32", value.astype(np.float32))

    weight, *bias = (np.asarray(graph.value(name), np.float64) for name in first.inputs[1:] if name)
    fresh(first.inputs[1], weight / factor.reshape((-1,) + (1,) * (weight.ndim - 1)))
    for value in bias:
        fresh(first.inputs[2], value / factor)
    reader = np.array(graph.value(second.inputs[1]), np.float64)
    parts = _inputs_of(reader, second.attrs.get("group", 1), len(factor))
    for part, each in zip(parts, factor, strict=True):
        part *= each
    fresh(second.inputs[1], reader)
