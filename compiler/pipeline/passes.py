"""A pass, and the runner that takes a compile request through a list of them.

A pass is a function from one intermediate representation (IR) to the next.  Between two passes a
verifier checks invariants: a violation is a bug of the compiler, never of the model, and is
reported with the pass, the node and the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

from .dump import DumpRow

__all__ = ["InvariantError", "Pass", "PassObserver", "PassRunner", "BrokenRule"]


@dataclass(frozen=True)
class BrokenRule:
    """A broken invariant: the node (or tensor) and the rule that it breaks."""

    node: str
    rule: str


class InvariantError(Exception):
    """The result of a pass breaks an invariant: an internal error of the compiler.

    Attributes
    ----------
    pass_name
        The pass.
    violations
        All findings of its verifier.
    """

    def __init__(self, pass_name: str, violations: Sequence[BrokenRule]):
        self.pass_name, self.violations = pass_name, tuple(violations)
        listed = "; ".join(f"node {item.node!r}: {item.rule}" for item in violations)
        super().__init__(
            f"internal error: the result of pass {pass_name!r} is not valid: {listed}; "
            "please report it together with the model and the options"
        )


@dataclass(frozen=True)
class Pass:
    """One step of the compiler.

    Attributes
    ----------
    name
        As in ``--dump-after NAME``.
    doc
        One line: its effect.
    source, target
        The IR it reads and the IR it returns, by name.
    run
        ``run(ir, request)`` returns the next IR; CompileError where the model cannot be compiled.
    verify
        Yields the broken invariants of its result.
    dump
        Returns its result as rows, for people and for JSON.
    """

    name: str
    doc: str
    source: str
    target: str
    run: Callable[[Any, Any], Any]
    verify: Callable[[Any], Iterable[BrokenRule]]
    dump: Callable[[Any], list[DumpRow]]


class PassObserver(Protocol):
    """Follows a compilation: the methods are called before and after every pass."""

    def started(self, item: Pass) -> None: ...

    def finished(self, item: Pass, result: Any, seconds: float) -> None: ...


@dataclass
class PassRunner:
    """Runs passes in order, and keeps the result of each.

    Attributes
    ----------
    passes
        In order.
    request
        Second argument of every pass.
    observer
        Called for every pass.
    results
        By the name of the pass.
    """

    passes: Sequence[Pass]
    request: Any
    observer: PassObserver | None = None
    results: dict[str, Any] = field(default_factory=dict)

    def run(self, stop_after: str | None = None) -> Any:
        """Run the passes up to and with ``stop_after`` (default: all); return the last result.

        Raises
        ------
        ValueError
            No pass has the name.
        CompileError
            The model cannot be compiled.
        InvariantError
            A pass returned a result that breaks an invariant.
        """
        return self._run(self.passes, None, stop_after)

    def resume(self, after: str, ir: Any, stop_after: str | None = None) -> Any:
        """Run the passes after ``after`` on ``ir``, its result; otherwise as :meth:`run`."""
        return self._run(self.passes[self._index(after) + 1 :], ir, stop_after)

    def _index(self, name: str) -> int:
        names = [item.name for item in self.passes]
        if name not in names:
            raise ValueError(f"unknown pass {name!r}: the passes are {', '.join(names)}")
        return names.index(name)

    def _run(self, passes: Sequence[Pass], ir: Any, stop_after: str | None) -> Any:
        if stop_after is not None:
            self._index(stop_after)
        for item in passes:
            if self.observer is not None:
                self.observer.started(item)
            begin = perf_counter()
            ir = item.run(ir, self.request)
            violations = list(item.verify(ir))
            if violations:
                raise InvariantError(item.name, violations)
            self.results[item.name] = ir
            if self.observer is not None:
                self.observer.finished(item, ir, perf_counter() - begin)
            if item.name == stop_after:
                break
        return ir
