"""Run the digits on a target and compare every layer's tensor, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from ..compiler.ir.graph import Graph
from ..compiler.session import Session
from ..cosim.cosim_errors import MissingTool
from ..driver.program.program import Program
from ..driver.target.open_target import open_target
from ..driver.target.protocol import Target
from ..driver.target.target_url import parse_url
from ..isa.config import Config
from .input_errors import InputError

__all__ = [
    "BACKENDS", "DIGITS", "Backend", "Digits", "TargetRun", "count_macs", "first_difference",
    "load_digits", "open_backend", "run_images",
]

_BESIDE = Path(__file__).resolve().parents[1] / "examples" / "digits"
# the checkout that contains the package; for an installed wheel the current folder
DIGITS = _BESIDE if _BESIDE.is_dir() else Path("examples", "digits").resolve()
BACKENDS = {"verilator": 360, "icarus": 2, "model": 0}
"""Simulators of the RTL in order of preference, and the default number of images of each."""

Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Digits:
    """Held-out ``images`` uint8 [n, 8, 8] in 0..16, ``labels`` [n], and the ONNX ``model``."""

    images: np.ndarray
    labels: np.ndarray
    model: Path
    calibration: Path

    @property
    def inputs(self) -> np.ndarray:
        """The network's ``image`` inputs: float32 [n, 1, 8, 8] in 0..1."""
        return np.expand_dims(self.images / np.float32(16), 1)


@dataclass(frozen=True)
class Backend:
    """The RTL's target: ``name`` of its scheme, ``target`` (None: the model alone), and why."""

    name: str
    target: Target | None
    note: str = ""


@dataclass
class TargetRun:
    """Tensors and predictions of the images on a target, in their order."""

    tensors: list[Tensors] = field(default_factory=list)
    predictions: list[int] = field(default_factory=list)
    cycles: int = 0
    seconds: float = 0.0
    different: dict[int, str] = field(default_factory=dict)  # image -> first differing tensor

    def accuracy(self, labels: np.ndarray) -> float:
        """Return the share of right predictions among the images run."""
        return float(np.mean(np.array(self.predictions) == labels[: len(self.predictions)]))


def load_digits(folder: Path = DIGITS) -> Digits:
    """Read the example.

    Raises
    ------
    InputError
        A file is missing: the demo needs the source tree.
    """
    for name in ("digits.onnx", "held_out.npz", "calibration.npz"):
        if not (folder / name).is_file():
            missing = folder / name
            raise InputError(f"{missing} is missing: run the demo from a clone of the project")
    with np.load(folder / "held_out.npz") as data:
        images, labels = data["images"], data["labels"]
    return Digits(images, labels, folder / "digits.onnx", folder / "calibration.npz")


def count_macs(graph: Graph) -> int:
    """Return the multiply-accumulates of one evaluation: those of its Conv and Gemm nodes."""
    total = 0
    for node in graph.nodes:
        if node.op in ("Conv", "Gemm"):
            weight, output = (
                graph.tensors[name].shape for name in (node.inputs[1], node.outputs[0]))
            total += (
                prod(output) * prod(weight[1:]) if node.op == "Conv" else prod(weight) * output[0]
            )
    return total


def open_backend(url: str | None, config: Config) -> Backend:
    """Open the RTL: the target asked for, else the first simulator whose tools are installed.

    Raises
    ------
    TargetError
        The requested target cannot be opened (MissingTool names the package to install).
    """
    if url is not None:
        name = parse_url(url).scheme
        return Backend(name, None if name == "model" else open_target(url, config))
    reasons = []
    for name in BACKENDS:
        if name == "model":
            break
        try:
            target = open_target(f"{name}://", config)
        except MissingTool as error:
            reasons.append(str(error))
            continue
        return Backend(name, target, _note(name, reasons))
    return Backend("model", None, _note("model", reasons))


def _note(name: str, reasons: Sequence[str]) -> str:
    if not reasons:
        return ""
    instead = {
        "icarus": f"running {BACKENDS['icarus']} images of the RTL in Icarus",
        "model": "running the model alone",
    }
    return f"{instead[name]}, because {'; '.join(reasons)}"


def run_images(
    target: Target, program: Program, inputs: np.ndarray, expected: Sequence[Sequence[Tensors]],
    advance: Callable[[], None] = lambda: None,
) -> TargetRun:
    """Run a program on images and compare each tensor that a launch writes.

    Parameters
    ----------
    inputs
        The network's ``image`` inputs, [n, 1, 8, 8].
    expected
        For each image the expected tensors: one mapping for each oracle.
    advance
        Called after each image.
    """
    run = TargetRun()
    session = Session(program, target)
    layers = [name for launch in program.launches for name in launch.outputs]
    for start in range(0, len(inputs), session.images):
        batch = inputs[start : start + session.images]
        results = session.run({"image": batch}, capture=True)
        run.predictions += results["logits"].argmax(1).tolist()
        for index in range(len(batch)):
            tensors = {name: results[name][index : index + 1] for name in layers}
            run.tensors.append(tensors)
            for oracle in expected[start + index]:
                name = first_difference(tensors, oracle)
                if name is not None:
                    run.different.setdefault(start + index, name)
            advance()
    run.cycles = sum(report.cycles for _, report in session.reports)
    run.seconds = sum(report.seconds for _, report in session.reports)
    return run


def first_difference(tensors: Tensors, oracle: Tensors) -> str | None:
    """Return the name of the first tensor that differs from the oracle's or is missing."""
    assert tensors, "a program without a single tensor: nothing would be compared"
    for name, value in tensors.items():
        if name not in oracle or not np.array_equal(value, oracle[name]):
            return name
    return None
