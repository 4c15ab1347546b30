"""Run compiled programs: the host steps of the compiler, and images in any number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..driver import LoadedProgram, RunReport, Target
from ..driver.program.program import HostStep, Program
from .frontend.front_ends import FRONT_ENDS, run_host_images
from .ir.arrays import check_arrays
from .ir.compile_errors import CompileError
from .ir.host_payload import HostPayload

__all__ = ["Session", "host"]


def host(step: HostStep, inputs: list[np.ndarray], program: Program) -> Sequence[np.ndarray]:
    """Compute a host step with nodes of a network: the ``host`` of the driver's program runner.

    The driver itself computes conversions between real numbers and integers.
    """
    if step.op in FRONT_ENDS:
        feeds = dict(zip(step.inputs, inputs, strict=True))
        images = int(step.attributes["images"])
        alone = {
            name for name in (*step.inputs, *step.outputs) if not _has_images(program, name)
        }
        feeds |= {name: feeds[name][None] for name in alone & feeds.keys()}
        results = run_host_images(HostPayload(step.op, step.payload), feeds, images, alone)
        return [results[name][0] if name in alone else results[name] for name in step.outputs]
    raise CompileError(f"host step {step.layer!r}: unknown operation {step.op!r}")


def _has_images(program: Program, name: str) -> bool:
    """Whether axis 0 of a tensor is images; else each launch has one such tensor."""
    return program.tensor(name).shape[:1] == program.tensor(program.inputs[0]).shape[:1]


class Session:
    """A program loaded on a target, run on any number of images.

    Raises
    ------
    TargetError, OutOfMemoryError, CheckError
        As :class:`~myvta.driver.LoadedProgram`.
    """

    def __init__(self, program: Program, target: Target, *, check: bool = True):
        self.program = program
        self.loaded = LoadedProgram(program, target, host, check=check)
        self.images = program.tensor(program.inputs[0]).shape[0]
        self.reports: list[tuple[str, RunReport]] = []

    def check(
        self, inputs: Mapping[str, np.ndarray], where: str = "inputs"
    ) -> dict[str, np.ndarray]:
        """Return the inputs in the program's types (errors: :func:`~.arrays.check_arrays`)."""
        tensors = [self.program.tensor(name) for name in self.program.inputs]
        return check_arrays(inputs, {t.name: (t.shape, t.dtype) for t in tensors}, where)

    def run(
        self, inputs: Mapping[str, np.ndarray], *, capture: bool = False, timeout: float = 60.0,
        where: str = "inputs",
    ) -> dict[str, np.ndarray]:
        """Run images and return outputs by name, with ``capture`` every tensor produced.

        The last launch is filled with zero images; :attr:`reports` holds the cost of launches.  A
        tensor without a batch dimension gets one for launches.
        """
        values = self.check(inputs, where)
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
            name: np.concatenate([part[name] for part in parts])[:total]
            if _has_images(self.program, name) else np.stack([part[name] for part in parts])
            for name in parts[0]
        }
