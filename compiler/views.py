"""Which channels, rows and columns an activation has on the accelerator.

There every activation is [N, C, H, W].  A dense vector [N, F] is [N, F, 1, 1]; a Flatten is a view,
so what follows it keeps seeing the channels, rows and columns from before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

__all__ = ["View", "views"]

View = tuple[int, int, int]


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


def views(nodes: Iterable[_Node], tensors: Mapping[str, _Tensor]) -> dict[str, View]:
    """Return ``(channels, rows, columns)`` of every 2-D or 4-D activation by name."""
    known: dict[str, View] = {}

    def own(name: str) -> View | None:
        shape = tensors[name].shape
        if len(shape) == 4:
            return shape[1], shape[2], shape[3]
        return (shape[1], 1, 1) if len(shape) == 2 else None

    for node in nodes:
        for name in node.inputs:
            view = own(name) if name else None
            if view is not None:
                known.setdefault(name, view)
        passes = node.op in ("Flatten", "Relu", "Add") and node.inputs[0] in known
        for name in node.outputs:
            view = known[node.inputs[0]] if passes else own(name) if name else None
            if view is not None:
                known[name] = view
    return known
