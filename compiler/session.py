"""Run compiled programs: the host steps of the compiler, and images in any number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..driver import LoadedProgram, RunReport, Target
from ..driver.program import HostStep, Program
from .arithmetic import dequantize, quantize
from .errors import CompileError
from .host import run_host

__all__ = ["Session", "exponent_of", "host"]


def exponent_of(program: Program, name: str) -> int:
    """Return the exponent of a tensor of a program."""
    (scale,) = program.tensor(name).scale
    return int(np.log2(scale))


def host(step: HostStep, inputs: list[np.ndarray], program: Program) -> Sequence[np.ndarray]:
    """Do a host step of the compiler: the ``host`` argument of the driver's program runner."""
    if step.op == "onnx":
        images = int(step.attributes["images"])
        runs = [
            run_host(step.payload, {
                name: value[start : start + images] if images else value
                for name, value in zip(step.inputs, inputs, strict=True)
            })
            for start in range(0, _images(step, inputs, program), images)
        ]
        return [np.concatenate([run[name] for run in runs]) if len(runs) > 1 else runs[0][name]
                for name in step.outputs]
    if step.op == "quantize_narrow":
        width = int(step.attributes["width"])
        return [
            quantize(value, exponent_of(program, name), width).astype(np.int8)
            for name, value in zip(step.outputs, inputs, strict=True)
        ]
    if step.op == "dequantize_flat":
        exponent = exponent_of(program, step.inputs[0])
        return [dequantize(inputs[0], exponent).reshape(program.tensor(step.outputs[0]).shape)]
    raise CompileError(f"host step {step.layer!r}: unknown operation {step.op!r}")


def _images(step: HostStep, inputs: list[np.ndarray], program: Program) -> int:
    return inputs[0].shape[0] if inputs else program.tensor(step.outputs[0]).shape[0]


class Session:
    """A program loaded on a target, run on any number of images.

    Raises
    ------
    TargetError, OutOfMemoryError
        As :class:`~myvta.driver.LoadedProgram`.
    """

    def __init__(self, program: Program, target: Target):
        self.program = program
        self.loaded = LoadedProgram(program, target, host)
        self.images = program.tensor(program.inputs[0]).shape[0]
        self.reports: list[tuple[str, RunReport]] = []

    def check(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the inputs in the program's types.

        Raises
        ------
        CompileError
            Lists every input that is missing, unknown, not finite or of a wrong shape.
        """
        given = dict(inputs)
        names = self.program.inputs
        if len(names) == 1 and len(given) == 1 and names[0] not in given:
            given = {names[0]: next(iter(given.values()))}
        problems = [f"no input is called {name!r}" for name in given if name not in names]
        counts = set()
        for name in names:
            tensor = self.program.tensor(name)
            wanted = "[images, " + ", ".join(str(size) for size in tensor.shape[1:]) + "]"
            if name not in given:
                problems.append(f"input {name!r} {wanted} is missing")
                continue
            value = np.asarray(given[name])
            if value.dtype.kind not in "fiub" or value.shape[1:] != tensor.shape[1:] or (
                value.ndim == 0 or len(value) == 0
            ):
                problems.append(
                    f"input {name!r} must be numbers {wanted}, not {value.dtype} "
                    f"{list(value.shape)}"
                )
            elif value.dtype.kind == "f" and not np.isfinite(value).all():
                problems.append(f"input {name!r} holds NaN or infinite values")
            else:
                counts.add(len(value))
                given[name] = value.astype(tensor.dtype)
        if len(counts) > 1:
            problems.append(f"inputs hold different numbers of images: {sorted(counts)}")
        if problems:
            raise CompileError(*problems)
        return {name: given[name] for name in names}

    def run(
        self, inputs: Mapping[str, np.ndarray], *, capture: bool = False, timeout: float = 60.0,
    ) -> dict[str, np.ndarray]:
        """Run images and return outputs by name, with ``capture`` every tensor made.

        The last launch is filled with zero images; :attr:`reports` holds what launches cost.
        """
        values = self.check(inputs)
        total = len(next(iter(values.values())))
        parts: list[dict[str, np.ndarray]] = []
        for start in range(0, total, self.images):
            feeds = {}
            for name, value in values.items():
                part = value[start : start + self.images]
                missing = self.images - len(part)
                feeds[name] = np.pad(part, [(0, missing)] + [(0, 0)] * (part.ndim - 1))
            result = self.loaded.run(feeds, capture=capture, timeout=timeout)
            self.reports += result.reports
            parts.append({**result.tensors, **result.outputs})
        return {
            name: np.concatenate([part[name] for part in parts])[:total] for name in parts[0]
        }
