"""Which channels, rows and columns an activation has on the accelerator.

There every activation is [N, C, H, W].  A dense vector [N, F] is [N, F, 1, 1], a signal [N, C, L]
is [N, C, 1, L]; a Flatten is a view, so what follows it keeps seeing the channels, rows and columns
from before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

__all__ = ["ALIASES", "View", "learn", "own_view", "views"]

View = tuple[int, int, int]
ALIASES = ("Flatten", "View")  # nodes whose output is their input's memory
_PASS = ("Flatten", "Relu", "Add", "Clip", "LeakyRelu", "Affine", "ScaledAdd")  # output lies so


class _Node(Protocol):
    @property
    def op(self) -> str: ...
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


def views(nodes: Iterable[_Node], tensors: Mapping[str, _Tensor]) -> dict[str, View]:
    """Return ``(channels, rows, columns)`` of every activation of 2 to 4 dimensions by name."""
    known: dict[str, View] = {}
    for node in nodes:
        learn(node, tensors, known)
    return known


def learn(
    node: _Node, tensors: Mapping[str, _Tensor], known: dict[str, View], on_device: bool = True
) -> None:
    """Add the views of a node's inputs that are new, and of its outputs.

    What the host makes lies as its own shape says.
    """
    for name in node.inputs:
        view = own_view(tensors[name].shape) if name else None
        if view is not None:
            known.setdefault(name, view)
    passes = on_device and node.op in _PASS and node.inputs[0] in known
    for name in node.outputs:
        view = known[node.inputs[0]] if passes else own_view(tensors[name].shape) if name else None
        if view is not None:
            known[name] = view
