"""Programs on the model and on the RTL: all results of a launch, compared bit by bit."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from device_programs import ACC, BASE, INP, OUT, SIZE, WGT, unpack
from extended import extended

from myvta.driver.errors import TargetError
from myvta.driver.run.launch import launch
from myvta.driver.target.open_target import open_target
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import COUNTERS, Reg, Status
from myvta.model.model_errors import UnwrittenReadWarning
from myvta.model.model_target import ModelTarget

MODEL = "model"
_LIMITS = {"icarus": 60_000, "verilator": 2_000_000}  # cycles a launch may take


def devices(backend, *names, slow=False):
    """Return the parameters of configurations on a backend; names as in :mod:`extended`."""
    marks = [] if backend == MODEL else [getattr(pytest.mark, backend)]
    marks += [pytest.mark.slow] * slow
    return [pytest.param((backend, name), id=f"{backend}-{name}", marks=marks) for name in names]


SIMULATED = [*devices("icarus", "1x4x4"), *devices("verilator", "1x4x4")]
EVERYWHERE = [*devices(MODEL, "1x4x4"), *SIMULATED]
"""Parameters of fixture ``device``: the smallest configuration on every backend."""
NOT_ICARUS = [EVERYWHERE[0], EVERYWHERE[2]]
"""For programs of thousands of instructions."""
SLOW_ICARUS = [*NOT_ICARUS, *devices("icarus", "1x4x4", slow=True)]
"""For programs whose shortest form takes seconds in Icarus."""
WIDER = [
    *devices(MODEL, "1x4x4_int4", "2x8x8", "default"),
    *devices("verilator", "1x4x4_int4", "2x8x8", "default", slow=True),
]
"""Other shapes and operand widths."""


def everywhere(name):
    """Return the parameters of a configuration on every backend: "1x4x4+forward" (extended).

    Icarus, the slowest, is in ``tox -e slow``.
    """
    return [
        parameter for backend in (MODEL, "icarus", "verilator")
        for parameter in devices(backend, name, slow=backend == "icarus")
    ]


EXTENDED = everywhere("1x4x4+all")
"""The smallest configuration with every extension."""
BASE_ISA = [
    *devices(MODEL, "1x4x4_base"), *devices("icarus", "1x4x4_base"),
    *devices("verilator", "1x4x4_base"),
]
"""The configuration without our two extensions."""
LOOKUP_REDUCE = [
    *EXTENDED, *devices(MODEL, "1x4x4_int4+lookup+reduce", "2x8x8+all", "default"),
    *devices("verilator", "1x4x4_int4+lookup+reduce", "2x8x8+all", slow=True),
]
"""Configurations with lookup tables and reductions across lanes."""


@dataclass(frozen=True)
class Outcome:
    """The results of a launch.

    Attributes
    ----------
    status : Status
        CONTROL after the end.
    error : (ErrorCode, int)
        Code and index.
    counters : dict of str to int
        ``isa.register_map.COUNTERS``; compared only after a launch without error.
    memory : bytes
        The whole window.
    """

    config: object
    status: Status
    error: tuple
    counters: dict
    memory: bytes

    def tiles(self, region):
        """Return the signed lanes [count, lanes] of a region."""
        at = region.address - BASE
        size = self.config.tile_bytes(region.kind) * region.count
        return unpack(self.config, region.kind, self.memory[at : at + size])

    def view(self, shown):
        """Return the lanes [count, lanes] stored by ``Program.show``."""
        config, width = self.config, self.config.out_width
        if shown.kind == ACC:
            planes = [self.tiles(region) & ((1 << width) - 1) for region in shown.planes]
            word = sum(plane << (width * n) for n, plane in enumerate(planes))
            return (word ^ 1 << 31) - (1 << 31)
        lanes = self.tiles(shown.planes[0])
        if shown.kind == INP:
            return lanes
        assert shown.kind == WGT
        grid = lanes.reshape(shown.count, config.block_in, config.batch, config.block_out)
        assert (grid == grid[:, :, :1]).all()  # each row of the batch saw the same weights
        return grid[:, :, 0].swapaxes(1, 2).reshape(shown.count, -1)


def differences(program, expected, found):
    """List the differences between two outcomes of a program."""
    lines = []
    if expected.status != found.status:
        lines.append(f"status: {expected.status!r} expected, {found.status!r} found")
    if expected.error != found.error:
        lines.append(f"error: {expected.error} expected, {found.error} found")
    if lines or expected.error[0]:
        return lines  # memory after an erroneous launch is not specified
    for name, value in expected.counters.items():
        if found.counters[name] != value:
            lines.append(f"{name}: {value} expected, {found.counters[name]} found")
    want, have = (np.frombuffer(it.memory, np.uint8) for it in (expected, found))
    where = np.flatnonzero(want != have)
    if where.size:
        first = int(where[0])
        at = slice(first // 16 * 16, first // 16 * 16 + 16)
        lines.append(
            f"memory: {where.size} bytes differ, the first at {BASE + first:#x} "
            f"({program.place(BASE + first)}): {want[at].tobytes().hex(' ')} expected, "
            f"{have[at].tobytes().hex(' ')} found from {BASE + at.start:#x} on"
        )
    return lines


def run_on(target, program, *, image=None):
    """Run a program on a target in a memory of its own; return the Outcome."""
    memory, address, count, bases = program.launchable()
    target.write_memory(BASE, memory if image is None else image)
    return launch_on(target, address, count, bases)


def launch_on(target, address, count, bases):
    """Launch the stream in memory; an error end is an outcome like any other."""
    try:
        launch(target, address, count, bases=bases, timeout=60)
    except TargetError as error:
        if not hasattr(error, "code"):
            raise
    return outcome_of(target)


def outcome_of(target):
    """Read back everything after a launch."""
    code = target.read_register(Reg.ERROR_CODE)
    return Outcome(
        target.config, Status(target.read_register(Reg.CONTROL)),
        (ErrorCode(code), target.read_register(Reg.ERROR_INDEX)),
        {name.name: target.read_register(name) for name in COUNTERS},
        target.read_memory(BASE, SIZE),
    )


def open_model(config, *, order=None, strict=False):
    """Return a fresh model, with a random legal schedule when it gets a seed for one."""
    return ModelTarget(config, base=BASE, size=SIZE, seed=order, strict=strict)


class Targets:
    """Simulators that tests share: builds and starts are slow.  Icarus allows one at a time."""

    def __init__(self):
        self._open = {}

    def get(self, backend, config, **options):
        """Return an open simulator of a backend with a configuration (:mod:`extended`)."""
        key = (backend, config, tuple(sorted(options.items())))
        if key not in self._open:
            if backend == "icarus":
                self.close("icarus")
            options = {"max_cycles": _LIMITS[backend], **options}
            query = "".join(f"&{option}={value}" for option, value in options.items())
            url = f"{backend}://?mem={BASE:#x}:{SIZE >> 10}K{query}"
            self._open[key] = open_target(url, extended(config))
        return self._open[key]

    def close(self, backend=None):
        """Close the simulators of a backend, or all: after a hang or a violation, start anew."""
        for key in [key for key in self._open if backend in (None, key[0])]:
            self._open.pop(key).close()


class Device:
    """A backend with a configuration, and the model next to it.

    Every launch of a simulator is compared with the model's; a test's own expectation is
    compared with the model's outcome, and so holds for both.
    """

    def __init__(self, targets, backend, name):
        self.backend, self.name, self.config = backend, name, extended(name)
        self._targets = targets
        self.model = open_model(self.config, strict=True)

    @property
    def simulator(self):
        """The simulated target, None where the backend is the model itself."""
        if self.backend == MODEL:
            return None
        return self._targets.get(self.backend, self.name)

    def run(self, program, *, strict="error"):
        """Run a program on both; return the outcome.  It may not read unwritten tiles."""
        with warnings.catch_warnings():
            warnings.simplefilter(strict, UnwrittenReadWarning)
            expected = run_on(self.model, program)
        if self.backend != MODEL:
            self._compare(program, expected)
        return expected

    def _compare(self, program, expected):
        try:
            found = run_on(self.simulator, program)
        except TargetError:
            self._targets.close(self.backend)
            print(program.listing())
            raise
        lines = differences(program, expected, found)
        if lines:
            pytest.fail("\n".join([*lines, "", program.listing()]), pytrace=False)

    def fails(self, program, code, index):
        """Run a program that ends in an error."""
        outcome = self.run(program, strict="ignore")
        assert outcome.error == (code, index)
        assert outcome.status == Status.FINISH | Status.ERROR
        return outcome

    def passes(self, program):
        """Run a program that ends well and leaves no token."""
        outcome = self.run(program)
        assert outcome.error == (ErrorCode.NONE, 0)
        assert outcome.status == Status.FINISH
        return outcome


def check_out(outcome, region, expected):
    """Compare stored OUT tiles with integers of any size, truncated (rule D6 of device.md)."""
    width = outcome.config.out_width
    half = 1 << (width - 1)
    want = (np.asarray(expected, object) + half) % (2 * half) - half
    assert region.kind == OUT
    np.testing.assert_array_equal(outcome.tiles(region), want.astype(np.int64))
