"""Which channels, rows and columns an activation has on the accelerator.

There every activation is [N, C, H, W].  A dense vector [N, F] is [N, F, 1, 1], a signal [N, C, L]
is [N, C, 1, L], rows of features [N, T, K] around a dense layer are [N, K, T, 1]; a Flatten is a
view, so what follows it keeps seeing the channels, rows and columns from before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Protocol

from .attributes import DenseAttributes
from .quantized_graph import QuantizedNode

__all__ = ["LayoutNode", "View", "last_view", "learn", "needed_view", "own_view", "views"]

View = tuple[int, int, int]


@dataclass(frozen=True)
class LayoutNode:
    """What the layouts of a node's inputs and outputs depend on, besides their shapes.

    Attributes
    ----------
    keeps_layout
        Whether the outputs have the first input's layout.
    channels_last
        Whether the last of three axes of inputs and outputs holds the channels.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    keeps_layout: bool = False
    channels_last: bool = False


class _Tensor(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


def own_view(shape: tuple[int, ...]) -> View | None:
    """Return the layout of a tensor that is not a view, None for unsupported ranks."""
    if len(shape) not in (2, 3, 4):
        return None
    _, channels, *size = shape
    return channels, size[0] if len(size) > 1 else 1, size[-1] if size else 1


def last_view(shape: tuple[int, ...]) -> View:
    """Return the layout of a tensor ``[N, T, K]`` whose channels are its last axis.

    Rows, not columns: so it differs from :func:`own_view` where T = K, too.
    """
    _, rows, channels = shape
    return channels, rows, 1


def needed_view(shape: tuple[int, ...], channels_last: bool) -> View | None:
    """Return how a node has an input or output of a shape, where nothing else is known of it."""
    return last_view(shape) if channels_last and len(shape) == 3 else own_view(shape)


def views(
    nodes: Iterable[QuantizedNode], tensors: Mapping[str, _Tensor]
) -> dict[str, View]:
    """Return ``(channels, rows, columns)`` of every activation on the accelerator by name."""
    known: dict[str, View] = {}
    for node in nodes:
        if not node.on_host:
            attrs = node.attrs
            last = isinstance(attrs, DenseAttributes) and attrs.axis == 2
            learn(
                LayoutNode(node.inputs, node.outputs, attrs.keeps_layout, last), tensors, known)
    return known


def learn(
    node: LayoutNode, tensors: Mapping[str, _Tensor], known: MutableMapping[str, View]
) -> None:
    """Add the views of a node's inputs that are new, and of its outputs."""
    for name in node.inputs:
        if name and name not in known:
            view = needed_view(tensors[name].shape, node.channels_last)
            if view is not None:
                known[name] = view
    passes = node.keeps_layout and node.inputs[0] in known
    for name in node.outputs:
        view = known[node.inputs[0]] if passes else (
            needed_view(tensors[name].shape, node.channels_last) if name else None)
        if view is not None:
            known[name] = view
