"""The contract of a front end: the part of the compiler that knows a file format.

A front end turns a file into a :class:`~.graph.Graph`, evaluates the float model on samples, and
packs and runs the nodes that stay on the host.  Nothing else imports the format's library.  A new
one implements :class:`FrontEnd` and gets an entry in :data:`~.front_ends.FRONT_ENDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ..ir.graph import Graph, Node
from ..ir.qdq_scales import QdqScales

__all__ = ["Feeds", "FloatModel", "FrontEnd"]

Feeds = dict[str, np.ndarray]


class FloatModel(Protocol):
    """The model as its file has it, to be evaluated in float."""

    @property
    def evaluator_name(self) -> str:
        """The evaluator and its version."""

    @property
    def deviation_note(self) -> str:
        """How results of a pre-quantized model may differ on this processor, else ''."""

    def evaluator(self, names: Sequence[str]) -> Callable[[Feeds], Feeds]:
        """Return a function from the model's inputs to the named tensors, outputs or inner ones.

        The function may raise any exception of the evaluator.
        """


class FrontEnd(Protocol):
    """One file format."""

    def import_model(
        self, path: Path, shapes: dict[str, tuple[int, ...]]
    ) -> tuple[Graph, FloatModel]:
        """Read and check a file; ``shapes`` are sizes of inputs whose shape is dynamic.

        Every tensor that a node on the accelerator may access has a static shape.

        Raises
        ------
        CompileError
            Lists every problem found.
        """

    def normalize(self, graph: Graph) -> None:
        """Rewrite nodes of the format's own forms to canonical ones, in place.

        Canonical nodes (``form`` of :mod:`myvta.compiler.operators.registry`) have no ``source``.
        Unknown nodes are unchanged: they run on the host.
        """

    def read_scales(self, graph: Graph) -> QdqScales | None:
        """Return the scales of a pre-quantized model before :meth:`normalize`, else None.

        Raises
        ------
        CompileError
            A tensor is quantized in an unsupported way; all such tensors are listed.
        """

    def drop_pairs(self, graph: Graph, scales: QdqScales) -> None:
        """Remove quantize and dequantize nodes of a canonical graph whose scales are known."""

    def export_host(self, graph: Graph, nodes: Sequence[Node]) -> bytes:
        """Pack nodes of a graph for :meth:`run_host`.

        Inputs are the tensors they read and do not compute, constants aside; outputs are the
        tensors that other nodes, or the outputs of the graph, read.
        """

    def run_host(self, data: bytes, feeds: Feeds) -> Feeds:
        """Run nodes of :meth:`export_host`; returns their outputs by name.

        Raises
        ------
        HostError
            The evaluator cannot run them.
        """
