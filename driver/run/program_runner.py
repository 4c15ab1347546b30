"""Run a program on a target: load its constants once, then step by step, any number of times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...isa.opcodes import MemoryType
from ..errors import HostStepError, IdentityError, OutOfMemoryError, ProgramError
from ..program.program import HostStep, LaunchStep, Program, ProgramStep, ProgramTensor
from ..program.program_check import require_program
from ..program.tensor_layout import pack_tensor, unpack_tensor
from ..target.identity import check_identity, config_difference
from ..target.protocol import Target
from .host_conversions import HOST_CONVERSIONS
from .launch import RunReport, launch

__all__ = ["Host", "LoadedProgram", "OnStep", "RunResult", "run_program"]

Host = Callable[[HostStep, list[np.ndarray], Program], Sequence[npt.ArrayLike]]
"""``host(step, inputs in the step's order, program) -> outputs in the step's order``."""

OnStep = Callable[[ProgramStep, RunReport | None, Callable[[str], np.ndarray]], None]
"""``on_step(step, report, read)`` after each step: ``read(name)`` gives any tensor made so far that
no later one has replaced; ``report`` is None for host steps."""


@dataclass(frozen=True)
class RunResult:
    """Outputs by name, a report by layer (launches in order), and captured tensors by name."""

    outputs: dict[str, np.ndarray]
    reports: list[tuple[str, RunReport]]
    tensors: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def cycles(self) -> int:
        """Device cycles of all launches."""
        return sum(report.cycles for _, report in self.reports)


class LoadedProgram:
    """A program in a target's memory, at the base of its window.

    Parameters
    ----------
    program : Program
    target : Target
    host : callable, optional
        Computes the host steps that the driver itself does not.
    check : bool
        Run the static checker on every launch first (once for each Program).

    Raises
    ------
    CheckError
        The static checker found errors; nothing was loaded.
    IdentityError
        The device, or the target's configuration, is not the program's; the difference is named.
    OutOfMemoryError
        The window is smaller than the program.
    """

    def __init__(
        self, program: Program, target: Target, host: Host | None = None, *, check: bool = True,
    ):
        expected, actual = program.config, target.config
        if expected.fingerprint != actual.fingerprint:
            raise IdentityError(
                f"program {program.name!r} is for configuration {expected.name}, the target has "
                f"{actual.name}: {config_difference(expected, actual)}; compile it for "
                f"{actual.name}"
            )
        check_identity(target)
        self.program, self.target, self.host = program, target, host
        self.base, room = target.window
        if program.size > room:
            raise OutOfMemoryError(program.size, room, room, f"program {program.name!r}")
        if check:
            require_program(program)
        self._values: dict[str, np.ndarray] = {}  # tensors that live on the host
        for segment in program.segments:
            if segment.data:
                target.write_memory(self.base + segment.offset, segment.data)

    def write(self, name: str, array: npt.ArrayLike) -> None:
        """Give a tensor its value; ProgramError for another shape or a kind that would lose."""
        tensor, values = self.program.tensor(name), np.asarray(array)
        if values.shape != tensor.shape:
            raise ProgramError(f"{name!r} has shape {tensor.shape}, not {values.shape}")
        if not np.can_cast(values.dtype, tensor.dtype, "same_kind"):
            raise ProgramError(f"{name!r} holds {tensor.dtype}, not {values.dtype}")
        if tensor.memory_type is not None:
            data = pack_tensor(values, tensor.memory_type, self.program.config)
        else:
            _check_range(tensor, values)
            kind = np.dtype(tensor.dtype).newbyteorder("<")
            if tensor.offset is None:
                self._values[name] = values.astype(tensor.dtype)
                return
            data = np.ascontiguousarray(values, dtype=kind).tobytes()
        self.target.write_memory(self.base + (tensor.offset or 0), data)

    def read(self, name: str) -> np.ndarray:
        """Return a tensor's present contents, in its logical shape."""
        tensor = self.program.tensor(name)
        if tensor.offset is None:
            if name not in self._values:
                raise ProgramError(f"{name!r} has no value yet")
            return self._values[name].copy()
        data = self.target.read_memory(
            self.base + tensor.offset, tensor.nbytes(self.program.config)
        )
        if tensor.memory_type is not None:
            return unpack_tensor(data, tensor.shape, tensor.memory_type, self.program.config)
        kind = np.dtype(tensor.dtype).newbyteorder("<")
        return np.frombuffer(data, dtype=kind).reshape(tensor.shape).astype(tensor.dtype)

    def execute(self, step: ProgramStep, timeout: float = 60.0) -> RunReport | None:
        """Do one step on the present contents of its input tensors; return a launch's report."""
        if isinstance(step, LaunchStep):
            bases = dict.fromkeys(MemoryType, self.base)
            bases[MemoryType.UOP] = self.base + step.uops
            return launch(
                self.target, self.base + step.code, step.count, bases=bases, timeout=timeout,
                notes=step.notes or (step.layer,) * step.count,
            )
        values = [self.read(name) for name in step.inputs]
        results = list(self._host_results(step, values))
        if len(results) != len(step.outputs):
            raise HostStepError(
                f"host step {step.layer!r} ({step.op}) gave {len(results)} outputs, "
                f"not {len(step.outputs)}"
            )
        for name, value in zip(step.outputs, results, strict=True):
            self.write(name, value)
        return None

    def _host_results(
        self, step: HostStep, values: list[np.ndarray],
    ) -> Sequence[npt.ArrayLike]:
        own = HOST_CONVERSIONS.get(step.op)
        if own is not None:
            return own(step, values, self.program)
        if self.host is None:
            raise HostStepError(
                f"layer {step.layer!r} runs {step.op!r} on the host: give host="
            )
        return self.host(step, values, self.program)

    def run(
        self, inputs: Mapping[str, npt.ArrayLike], *, on_step: OnStep | None = None,
        capture: bool = False, timeout: float = 60.0,
    ) -> RunResult:
        """Run every step.

        Parameters
        ----------
        inputs : mapping
            An array for each input, by name.
        on_step : callable, optional
            See :data:`OnStep`.
        capture : bool
            Keep a copy of every tensor that a step produces, in ``RunResult.tensors``.
        timeout : float
            Longest wait of one launch in seconds.
        """
        expected, provided = set(self.program.inputs), set(inputs)
        if expected != provided:
            raise ProgramError(
                f"inputs are {', '.join(sorted(expected))}, not {', '.join(sorted(provided))}"
            )
        for name, value in inputs.items():
            self.write(name, value)
        reports: list[tuple[str, RunReport]] = []
        tensors: dict[str, np.ndarray] = {}
        for step in self.program.steps:
            report = self.execute(step, timeout)
            if report is not None:
                reports.append((step.layer, report))
            if capture:
                tensors.update((name, self.read(name)) for name in step.outputs)
            if on_step is not None:
                on_step(step, report, self.read)
        outputs = {name: self.read(name) for name in self.program.outputs}
        return RunResult(outputs, reports, tensors)


def _check_range(tensor: ProgramTensor, values: np.ndarray) -> None:
    if values.size and np.dtype(tensor.dtype).kind in "iu":
        limits = np.iinfo(tensor.dtype)
        if int(values.min()) < limits.min or int(values.max()) > limits.max:
            raise ProgramError(f"{tensor.name!r} holds {tensor.dtype}; the values do not fit")


def run_program(
    program: Program, target: Target, inputs: Mapping[str, npt.ArrayLike], *,
    host: Host | None = None, on_step: OnStep | None = None, capture: bool = False,
    timeout: float = 60.0, check: bool = True,
) -> RunResult:
    """Load a program and run it once: :class:`LoadedProgram` and its ``run``."""
    loaded = LoadedProgram(program, target, host, check=check)
    return loaded.run(inputs, on_step=on_step, capture=capture, timeout=timeout)
