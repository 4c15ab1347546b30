"""A real function of one value, as nodes of the model that compute it."""

from __future__ import annotations

from dataclasses import dataclass

from .host_payload import HostPayload

__all__ = ["ElementwiseFunction"]


@dataclass(frozen=True)
class ElementwiseFunction:
    """Nodes between two tensors that compute every value of one from that of the other.

    Attributes
    ----------
    payload
        The nodes, for tensors of ``shape``.
    source, target
        Their input and output.
    shape
        As many axes as the model's tensors have; the last has 256 values, the others one.
    operators
        Of the nodes, in order.
    """

    payload: HostPayload
    source: str
    target: str
    shape: tuple[int, ...]
    operators: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.operators)
