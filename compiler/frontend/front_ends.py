"""The front ends by name, and the compiler's calls of the one that read a model.

Each is imported when a model of its format is first read or run: a board whose programs have no
host nodes needs no library of any format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..ir.elementwise_function import ElementwiseFunction
from ..ir.graph import Graph, Node
from ..ir.host_payload import HostPayload
from .front_end_protocol import Feeds, FloatModel, FrontEnd

__all__ = [
    "FRONT_ENDS", "FrontEndEntry", "export_host", "front_end", "has_model_suffix", "import_model",
    "run_elementwise", "run_host", "run_host_images",
]


def _onnx() -> FrontEnd:
    from .onnx.onnx_front_end import OnnxFrontEnd

    return OnnxFrontEnd()


@dataclass(frozen=True)
class FrontEndEntry:
    """The suffixes of a format's files, and the function that imports its front end."""

    suffixes: tuple[str, ...]
    load: Callable[[], FrontEnd]


FRONT_ENDS: dict[str, FrontEndEntry] = {"onnx": FrontEndEntry((".onnx",), _onnx)}
"""By name; host steps of programs carry the name too."""

_DEFAULT = "onnx"  # reads files of any other suffix: nothing in an ONNX file identifies it


def front_end(name: str) -> FrontEnd:
    """Return a front end by name."""
    return FRONT_ENDS[name].load()


def has_model_suffix(path: Path) -> bool:
    """Return whether a file has the suffix of a model."""
    return any(path.suffix in entry.suffixes for entry in FRONT_ENDS.values())


def import_model(
    path: str | Path, shapes: dict[str, tuple[int, ...]] | None = None
) -> tuple[Graph, FloatModel]:
    """Read a model with the front end of its suffix (:meth:`~.FrontEnd.import_model`)."""
    path = Path(path)
    name = next(
        (name for name, entry in FRONT_ENDS.items() if path.suffix in entry.suffixes), _DEFAULT)
    return front_end(name).import_model(path, shapes or {})


def export_host(graph: Graph, nodes: Sequence[Node]) -> HostPayload:
    """Pack nodes of a graph for the host (:meth:`~.FrontEnd.export_host`)."""
    name = graph.origin.front_end
    return HostPayload(name, front_end(name).export_host(graph, nodes))


def run_host(payload: HostPayload, feeds: Feeds) -> Feeds:
    """Run packed nodes (:meth:`~.FrontEnd.run_host`)."""
    return front_end(payload.front_end).run_host(payload.data, feeds)


def run_host_images(
    payload: HostPayload, feeds: Feeds, images: int, alone: Collection[str] = ()
) -> Feeds:
    """Run nodes packed for ``images`` images on any multiple of them, axis 0 of every tensor.

    ``alone`` names tensors without a dimension of images: axis 0 has an entry for each launch.
    """
    launches = [
        len(value) if name in alone else len(value) // images for name, value in feeds.items()
    ]
    runs = []
    for launch in range(launches[0] if launches else 1):
        part = slice(launch * images, (launch + 1) * images)
        runs.append(run_host(payload, {
            name: np.asarray(value[launch if name in alone else part])
            for name, value in feeds.items()
        }))
    return {
        name: (np.stack if name in alone else np.concatenate)([run[name] for run in runs])
        for name in runs[0]
    }


def run_elementwise(function: ElementwiseFunction, values: np.ndarray) -> np.ndarray:
    """Return a function of 256 real values, float32 [256] (HostError: it cannot run)."""
    feeds = {function.source: np.asarray(values, np.float32).reshape(function.shape)}
    with np.errstate(all="ignore"):  # a function may be undefined, or infinite
        results = run_host(function.payload, feeds)
    return np.asarray(results[function.target], np.float32).reshape(-1)
