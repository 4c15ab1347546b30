"""Compare a target with the model layer by layer, bit for bit.

Each layer first runs alone: it gets the model's inputs, and its outputs are filled with wrong bytes
before it runs.  Then the whole program runs, and the outputs are compared after each step.  A
failure is traced to its element, instructions and cycle, and the other layers are still run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ...isa.opcodes import WINDOW_GRANULE
from ...isa.register_map import Reg
from ..errors import HostStepError, OutOfMemoryError, TargetError
from ..program.launch_partition import LaunchLayer, Ranges, split, whole
from ..program.program import HostStep, LaunchStep, Program, ProgramTensor
from ..run.launch import RunReport
from ..run.program_runner import Host, LoadedProgram
from ..target.open_target import open_target
from ..target.protocol import Target
from .mismatch import locate
from .run_layer import example_inputs, read, run_layer, until
from .store_provenance import last_writers
from .validate_report import LayerResult, Mismatch, ValidationReport
from .waves import trace_store

__all__ = ["Validation", "validate"]

OnResult = Callable[[LayerResult], None]


def validate(
    program: Program, target: Target, inputs: Mapping[str, npt.ArrayLike] | None = None, *,
    host: Host | None = None, url: str = "", waves: str | None = None, timeout: float = 60.0,
    reference: str = "model://", on_result: OnResult | None = None,
) -> ValidationReport:
    """Validate a program on a target.

    Parameters
    ----------
    program : Program
    target : Target
        Open; of the program's configuration.
    inputs : mapping, optional
        An array for each input; default :func:`example_inputs`.
    host : callable, optional
        Computes the host steps (:mod:`myvta.driver.run.program_runner`).
    url : str
        URL of the target, for the report and to open a simulator again for waves.
    waves : str, optional
        Folder for waves of failing layers, on simulated targets.
    timeout : float
        Longest wait of one launch in seconds.
    reference : str
        URL of the target to compare with.
    on_result : callable, optional
        Called with each result as soon as it is known.

    Raises
    ------
    CheckError, IdentityError, OutOfMemoryError, ProgramError
        The program cannot be loaded at all.
    """
    room = program.size + max((launch.count for launch in program.launches), default=0) * 32
    room = -(-room // WINDOW_GRANULE) * WINDOW_GRANULE
    mark = "&" if "?" in reference else "?"
    with open_target(f"{reference}{mark}mem=0:{room}", program.config) as model:
        run = Validation(
            LoadedProgram(program, model, host), LoadedProgram(program, target, host),
            url=url, waves=waves, timeout=timeout, on_result=on_result,
        )
        arrays = example_inputs(program) if inputs is None else inputs
        run.alone(arrays)
        run.chained(arrays)
    return ValidationReport(program.name, program.config.name, url, tuple(run.results))


class Validation:
    """One program on two targets: the reference, and the device under test."""

    def __init__(
        self, reference: LoadedProgram, dut: LoadedProgram, *, url: str = "",
        waves: str | None = None, timeout: float = 60.0, on_result: OnResult | None = None,
    ):
        self.reference, self.dut, self.program = reference, dut, reference.program
        self._url, self._waves, self._timeout = url, waves, timeout
        self._on_result = on_result
        self.results: list[LayerResult] = []
        self.lost = False  # the device no longer answers

    def alone(self, inputs: Mapping[str, npt.ArrayLike]) -> None:
        """Run every layer alone, from the reference's state before it."""
        for name, value in inputs.items():
            self.reference.write(name, value)
        for step in self.program.steps:
            if not isinstance(step, LaunchStep):
                if not self._host("alone", step, self.reference):
                    return
                continue
            for layer in split(self.program, step):
                if not self._keep(self._alone(step, layer)):
                    return

    def chained(self, inputs: Mapping[str, npt.ArrayLike]) -> None:
        """Run the whole program on both, and compare after each launch."""
        if self.lost:
            return
        for name, value in inputs.items():
            self.reference.write(name, value)
            self.dut.write(name, value)
        for step in self.program.steps:
            if isinstance(step, LaunchStep):
                if not self._keep(self._chained(step)):
                    return
            elif not self._host("chained", step, self.reference, self.dut):
                return

    def _host(self, mode: str, step: HostStep, *programs: LoadedProgram) -> bool:
        """Compute a host step; if no function implements it, this mode ends with an error."""
        try:
            for loaded in programs:
                loaded.execute(step, self._timeout)
        except (HostStepError, TargetError) as error:
            self._keep(LayerResult(mode, step.layer, error=f"{error}; later steps were not run"))
            return False
        return True

    def _chained(self, step: LaunchStep) -> LayerResult:
        """Run a launch on both; wrong outputs are corrected for later steps."""
        layer = whole(self.program, step)
        places = [self.program.tensor(name) for name in step.outputs]
        config = self.program.config
        starts = [tensor.offset or 0 for tensor in places]
        ranges = tuple(
            (start, start + tensor.nbytes(config))
            for start, tensor in zip(starts, places, strict=True)
        )
        before = [read(self.reference, area) for area in layer.reads]
        expected = self.reference.execute(step, self._timeout)
        assert expected is not None
        result, started = LayerResult("chained", step.layer), time.monotonic()
        try:
            report = self.dut.execute(step, self._timeout)
            assert report is not None
            result = self._compare(result, ranges, report, expected, places)
            if result.mismatch is not None:
                mismatch = self._explain(step, layer, result.mismatch, before)
                result = replace(result, mismatch=mismatch)
        except TargetError as error:
            result = replace(result, error=str(error))
        try:
            for area in ranges if not result.passed else ():
                self.dut.target.write_memory(
                    self.dut.base + area[0], read(self.reference, area)
                )
        except TargetError as error:
            result = replace(result, error=str(error))
        return replace(result, seconds=time.monotonic() - started)

    # -- one layer -------------------------------------------------------------------------------
    def _alone(self, step: LaunchStep, layer: LaunchLayer) -> LayerResult:
        before = [read(self.reference, area) for area in layer.reads]
        expected = run_layer(self.reference, step, layer, self._timeout)
        result = LayerResult("alone", layer.name, remark=layer.whole)
        started = time.monotonic()
        try:
            self._prepare(layer, before)
            report = run_layer(self.dut, step, layer, self._timeout)
            places = [tensor for tensor in map(self.program.tensor, step.outputs)
                      if tensor.layer == layer.name or layer.whole]
            result = self._compare(result, layer.writes, report, expected, places)
        except (TargetError, OutOfMemoryError) as error:
            return replace(result, error=str(error), seconds=time.monotonic() - started)
        result = replace(result, seconds=time.monotonic() - started)
        if result.mismatch is not None:
            mismatch = self._explain(step, layer, result.mismatch, before)
            result = replace(result, mismatch=mismatch)
        return result

    def _prepare(self, layer: LaunchLayer, before: list[bytes], dut: LoadedProgram | None = None
                 ) -> None:
        """Write a layer's inputs to a target, and wrong bytes to its outputs."""
        dut = dut or self.dut
        for area in layer.writes:
            wrong = ~np.frombuffer(read(self.reference, area), np.uint8)
            dut.target.write_memory(dut.base + area[0], wrong.tobytes())
        for area, data in zip(layer.reads, before, strict=True):
            dut.target.write_memory(dut.base + area[0], data)

    def _compare(
        self, result: LayerResult, ranges: Ranges, report: RunReport, expected: RunReport,
        places: list[ProgramTensor],
    ) -> LayerResult:
        result = replace(
            result, cycles=report.cycles, bytes=sum(end - start for start, end in ranges)
        )
        first, count = None, 0
        for start, end in ranges:
            want = np.frombuffer(read(self.reference, (start, end)), np.uint8)
            have = np.frombuffer(read(self.dut, (start, end)), np.uint8)
            wrong = np.flatnonzero(want != have)
            count += wrong.size
            if wrong.size and first is None:
                first = start + int(wrong[0])
        if first is not None:
            mismatch = locate(self.reference, self.dut, first, count, places)
            return replace(result, mismatch=mismatch)
        other = {name: (value, report.counters[name]) for name, value in expected.counters.items()
                 if report.counters.get(name, value) != value}
        if other:
            text = ", ".join(f"{name} {have}, not {want}" for name, (want, have) in other.items())
            return replace(result, error=f"memory agrees, but the device counted {text}")
        return result

    def _explain(
        self, step: LaunchStep, layer: LaunchLayer, mismatch: Mismatch, before: list[bytes]
    ) -> Mismatch:
        place, store, compute = last_writers(self.program, step, layer, mismatch.address)
        mismatch = replace(mismatch, store=store, compute=compute)
        if place is None:
            return mismatch
        part = until(layer, place)
        try:
            self._prepare(layer, before)
            cycle = run_layer(self.dut, step, part, self._timeout).cycles
        except TargetError:
            return mismatch  # it does not run without the rest
        if not cycle:
            return mismatch

        def again(loaded: LoadedProgram) -> None:
            self._prepare(layer, before, loaded)
            run_layer(loaded, step, part, self._timeout)

        wave = trace_store(self.dut, self._url, self._waves, layer.name, again)
        return replace(mismatch, cycle=cycle, wave=wave)

    def _keep(self, result: LayerResult) -> bool:
        """Record a result; return whether to continue, which a device that does not answer ends."""
        if result.error:
            try:
                self.dut.target.read_register(Reg.IDENTITY)
            except TargetError as error:
                self.lost = True
                gone = f"the device does not answer any more ({error}); later steps were not run"
                result = replace(result, error=f"{result.error}\n{gone}")
        self.results.append(result)
        if self._on_result is not None:
            self._on_result(result)
        return not self.lost
