"""Which channels, rows and columns an activation has on the accelerator.

There every activation is [N, C, H, W].  A dense vector [N, F] is [N, F, 1, 1], a signal [N, C, L]
is [N, C, 1, L], rows of features [N, T, K] around a dense layer are [N, K, T, 1]; a Flatten is a
view, so what follows it keeps seeing the channels, rows and columns from before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Protocol

__all__ = ["ALIASES", "View", "last_view", "learn", "needed_view", "own_view", "views"]

View = tuple[int, int, int]
ALIASES = ("Flatten", "View")  # nodes whose output is their input's memory
_PASS = ("Flatten", "Relu", "Add", "Clip", "LeakyRelu", "Tanh", "Affine", "ScaledAdd",
         "HardSwish", "HardSigmoid")


class _Node(Protocol):
    @property
    def op(self) -> str: ...
    @property
    def attrs(self) -> dict[str, Any]: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def outputs(self) -> tuple[str, ...]: ...


class _Tensor(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


def own_view(shape: tuple[int, ...]) -> View | None:
    """Return how a tensor of a shape lies that is nobody's view, None for unfit ranks."""
    if len(shape) not in (2, 3, 4):
        return None
    _, channels, *size = shape
    return channels, size[0] if len(size) > 1 else 1, size[-1] if size else 1


def last_view(shape: tuple[int, ...]) -> View:
    """Return how a tensor ``[N, T, K]`` lies whose channels are its last axis.

    Rows, not columns: so it differs from :func:`own_view` where T = K, too.
    """
    _, rows, channels = shape
    return channels, rows, 1


def needed_view(node: _Node, shape: tuple[int, ...]) -> View | None:
    """Return how a node has an input or output of a shape, where nothing else is known of it."""
    if node.op == "Gemm" and node.attrs.get("axis") == 2 and len(shape) == 3:
        return last_view(shape)
    return own_view(shape)


def views(nodes: Iterable[_Node], tensors: Mapping[str, _Tensor]) -> dict[str, View]:
    """Return ``(channels, rows, columns)`` of every activation on the accelerator by name."""
    known: dict[str, View] = {}
    for node in nodes:
        if node.op != "Host":
            learn(node, tensors, known)
    return known


def learn(node: _Node, tensors: Mapping[str, _Tensor], known: MutableMapping[str, View]) -> None:
    """Add the views of a node's inputs that are new, and of its outputs."""
    for name in node.inputs:
        view = needed_view(node, tensors[name].shape) if name and name not in known else None
        if view is not None:
            known[name] = view
    passes = node.op in _PASS and node.inputs[0] in known
    for name in node.outputs:
        view = known[node.inputs[0]] if passes else (
            needed_view(node, tensors[name].shape) if name else None)
        if view is not None:
            known[name] = view
