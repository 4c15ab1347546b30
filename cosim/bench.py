"""One MyHDL simulation with a vvp process in it, stepped explicitly.

MyHDL keeps its simulator in module globals and allows one simulation at a time; this class starts
one, steps it, and restores the globals.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from myhdl import (
    Cosimulation,
    CosimulationError,
    Signal,
    SignalType,
    Simulation,
    StopSimulation,
    _simulator,
    delay,
    intbv,
)

from ..driver.errors import TargetError, TargetTimeout
from .cosim_errors import SimulatorError
from .ports import Port

__all__ = ["Bench"]

REPLY_SECONDS = 120.0
"""Longest time vvp may take for one step of simulated time."""
_CLOSE_SECONDS = 10.0
_PERIOD = 10
# vvp frees most of its heap in each cycle.  glibc returns that to the kernel and fetches it again,
# which takes two thirds of the time of a simulation; other allocators ignore the two settings.
_KEEP_HEAP = [f"MALLOC_TRIM_THRESHOLD_={1 << 28}", f"MALLOC_TOP_PAD_={1 << 26}"]
_UNKNOWN_AS_0 = str.maketrans("xXzZ", "0000")


class _Vvp(Cosimulation):
    """Cosimulation with bounded waits, which records wires without a value."""

    def __init__(self, command: list[str], signals: dict[str, SignalType]):
        self.unknown: set[str] = set()
        self._child: subprocess.Popen[bytes] | None = None
        self._rt = self._wf = -1
        self._getMode: int = 1  # MyHDL's attribute: this side listens next
        try:
            super().__init__(command, **signals)
        except (CosimulationError, BrokenPipeError):
            self.end()
            raise

    def _get(self) -> None:
        if not self._getMode:
            return
        if not select.select([self._rt], [], [], REPLY_SECONDS)[0]:
            self.end()
            raise TargetTimeout(f"waited {REPLY_SECONDS:g} s for vvp to step once")
        words = os.read(self._rt, 1 << 16).decode().split()
        if not words:
            raise CosimulationError("vvp ended")
        for name, text in zip(words[1::2], words[2::2], strict=True):
            known = text.translate(_UNKNOWN_AS_0)
            (self.unknown.discard if known == text else self.unknown.add)(name)
            self._toSigDict[name].next = int(known, 16)
        self._getMode = 0

    def end(self) -> None:
        """Close the pipes and reap the process; kill it when it does not end."""
        for name in ("_rt", "_wf"):
            if getattr(self, name) >= 0:
                os.close(getattr(self, name))
                setattr(self, name, -1)
        if self._child is not None:
            try:
                self._child.wait(_CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


@contextmanager
def _broken_pipes_are_errors() -> Iterator[None]:
    """Block SIGPIPE: some libraries (vcdvcd) set it to end the process."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE not in before:
            signal.sigtimedwait([signal.SIGPIPE], 0)  # one may be pending by now
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Steps(Simulation):
    """Simulation that ends its vvp within bounded time, whatever ended it."""

    _cosims: list[_Vvp]

    def _finalize(self) -> None:
        for vvp in self._cosims:
            vvp.end()
        self._cosims = []
        super()._finalize()


class Bench:
    """A design in vvp, its ports as MyHDL signals.

    Parameters
    ----------
    command
        vvp and its arguments.
    table
        Ports of the design; ``clock`` is driven here.
    on_edge
        Called at each rising edge, while every signal still has its value from before the edge;
        values it assigns to ``.next`` are visible at the following edge.

    Attributes
    ----------
    signals : dict of str to Signal
        By port name.
    """

    def __init__(
        self, command: list[str], table: tuple[Port, ...], on_edge: Callable[[], None]
    ):
        if Simulation._no_of_instances:
            raise TargetError(
                "another MyHDL simulation is open in this process and MyHDL allows one; "
                "close that target first"
            )
        first = len(_simulator._signals)
        self.signals: dict[str, SignalType] = {port.name: Signal(intbv(0)[port.width:])
                                               for port in table}
        self._ours = {id(signal) for signal in _simulator._signals[first:]}
        self._folder = tempfile.TemporaryDirectory(prefix="myvta-icarus-")
        self._log = Path(self._folder.name) / "log"
        # vvp prints to a file: standard output belongs to the caller
        shell = ["/bin/sh", "-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", str(self._log)]
        shell = ["/usr/bin/env", *_KEEP_HEAP, *shell]
        try:
            with _broken_pipes_are_errors():
                self._vvp = _Vvp([*shell, *command], self.signals)
        except (CosimulationError, BrokenPipeError) as error:
            text = self._output_tail()
            self._forget()
            raise SimulatorError(f"vvp does not start ({error}){text}") from None
        self._simulation = _Steps(self._vvp, self._clock(), self._edges(on_edge))
        self._open = True

    @property
    def unknown(self) -> set[str]:
        """Names of outputs that are X or Z, in part or whole; they read 0 there."""
        return self._vvp.unknown

    def step(self, cycles: int) -> None:
        """Advance by whole clock cycles."""
        try:
            with _broken_pipes_are_errors():
                running = self._simulation.run(_PERIOD * cycles, quiet=1)
        except (CosimulationError, BrokenPipeError) as error:
            raise SimulatorError(f"vvp ended by itself ({error}){self._output_tail()}") from None
        except StopSimulation:  # of a simulation that ended in an earlier call
            running = 0
        if not running:
            raise SimulatorError(f"the simulation has ended{self._output_tail()}")

    def close(self) -> None:
        """End vvp and free MyHDL for the next simulation."""
        if not self._open:
            return
        self._open = False
        self._simulation.quit()
        self._forget()

    def _forget(self) -> None:
        _simulator._signals[:] = [s for s in _simulator._signals if id(s) not in self._ours]
        del _simulator._futureEvents[:]
        del _simulator._siglist[:]
        self._folder.cleanup()

    def _output_tail(self) -> str:
        text = self._log.read_text(errors="replace").strip() if self._log.exists() else ""
        return f": {text[-2000:]}" if text else ""

    def _clock(self) -> Generator[object, None, None]:
        clock = self.signals["clock"]
        while True:
            yield delay(_PERIOD // 2)
            clock.next = 1
            yield delay(_PERIOD - _PERIOD // 2)
            clock.next = 0

    def _edges(self, on_edge: Callable[[], None]) -> Generator[object, None, None]:
        clock = self.signals["clock"]
        while True:
            yield clock.posedge
            on_edge()
