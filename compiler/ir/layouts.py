"""Channel layouts: the channels, rows and columns of each activation on the accelerator.

Every activation there is [N, C, H, W].  A dense vector [N, F] is [N, F, 1, 1], a signal [N, C, L]
is [N, C, 1, L], and features [N, T, K] around a dense layer are [N, K, T, 1].  A Flatten is a view
of its input's memory: its readers still see the channels, rows and columns of that input.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from .attributes import DenseAttributes
from .quantized_graph import QuantizedNode

__all__ = [
    "ChannelLayout", "LayoutNode", "activation_layouts", "channels_first_layout",
    "channels_last_layout", "layout_of_shape", "propagate",
]


class ChannelLayout(NamedTuple):
    """The channels, rows and columns of an activation in memory, whatever its shape."""

    channels: int
    rows: int
    columns: int


@dataclass(frozen=True)
class LayoutNode:
    """The properties of a node that its layouts depend on, besides the shapes of its tensors.

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


def channels_first_layout(shape: tuple[int, ...]) -> ChannelLayout | None:
    """Return the layout of a tensor ``[N, C, ...]`` of its own, None for unsupported ranks."""
    if len(shape) not in (2, 3, 4):
        return None
    _, channels, *size = shape
    return ChannelLayout(channels, size[0] if len(size) > 1 else 1, size[-1] if size else 1)


def channels_last_layout(shape: tuple[int, ...]) -> ChannelLayout:
    """Return the layout of a tensor ``[N, T, K]`` whose channels are its last axis.

    T becomes rows, not columns: so it differs from :func:`channels_first_layout` even if T = K.
    """
    _, rows, channels = shape
    return ChannelLayout(channels, rows, 1)


def layout_of_shape(shape: tuple[int, ...], channels_last: bool) -> ChannelLayout | None:
    """Return the layout of a tensor that no earlier node determines.

    ``channels_last``: whether the channels of a tensor of three axes are its last axis.
    """
    if channels_last and len(shape) == 3:
        return channels_last_layout(shape)
    return channels_first_layout(shape)


def activation_layouts(
    nodes: Iterable[QuantizedNode], tensors: Mapping[str, _Tensor]
) -> dict[str, ChannelLayout]:
    """Return the layout of every activation on the accelerator by name."""
    known: dict[str, ChannelLayout] = {}
    for node in nodes:
        if not node.on_host:
            attrs = node.attrs
            last = isinstance(attrs, DenseAttributes) and attrs.axis == 2
            propagate(
                LayoutNode(node.inputs, node.outputs, attrs.keeps_layout, last), tensors, known)
    return known


def propagate(
    node: LayoutNode, tensors: Mapping[str, _Tensor], known: MutableMapping[str, ChannelLayout]
) -> None:
    """Add the layouts of a node's inputs that are not known yet, and of its outputs."""
    for name in node.inputs:
        if name and name not in known:
            layout = layout_of_shape(tensors[name].shape, node.channels_last)
            if layout is not None:
                known[name] = layout
    passes = node.keeps_layout and node.inputs[0] in known
    for name in node.outputs:
        layout = known[node.inputs[0]] if passes else (
            layout_of_shape(tensors[name].shape, node.channels_last) if name else None)
        if layout is not None:
            known[name] = layout
