"""The runner of passes: order, results, observers, and errors that name pass, node and rule."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from myvta.compiler.pipeline.passes import BrokenRule, InvariantError, Pass, PassRunner


def even(value: int) -> Iterator[BrokenRule]:
    """Yield a violation for odd numbers."""
    if value % 2:
        yield BrokenRule("number", f"{value} is odd")


def numbers(*increments: int) -> tuple[Pass, ...]:
    """Return passes ``add0``, ``add1`` ... that add to a number, which has to stay even."""
    def adding(amount: int) -> Callable[[int | None, int], int]:
        return lambda ir, start: (start if ir is None else ir) + amount

    return tuple(
        Pass(f"add{index}", "add", "int", "int", adding(amount), even, lambda _: [])
        for index, amount in enumerate(increments)
    )


class Log:
    """An observer that keeps its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []

    def started(self, item: Pass) -> None:
        self.calls.append(("started", item.name, None))

    def finished(self, item: Pass, result: Any, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append(("finished", item.name, result))


def test_passes_run_in_order_and_their_results_are_kept() -> None:
    log = Log()
    runner = PassRunner(numbers(2, 4), 10, log)
    assert runner.run() == 16
    assert runner.results == {"add0": 12, "add1": 16}
    assert log.calls == [
        ("started", "add0", None), ("finished", "add0", 12),
        ("started", "add1", None), ("finished", "add1", 16)]


def test_run_stops_after_a_pass() -> None:
    runner = PassRunner(numbers(2, 4, 6), 10)
    assert runner.run("add1") == 16
    assert list(runner.results) == ["add0", "add1"]


def test_resume_runs_the_later_passes() -> None:
    runner = PassRunner(numbers(2, 4, 6), 10)
    assert runner.resume("add0", 100) == 110
    assert runner.resume("add0", 100, "add1") == 104


@pytest.mark.parametrize("call", [
    lambda runner: runner.run("add7"), lambda runner: runner.resume("add7", 0),
])
def test_unknown_pass_is_refused_before_anything_runs(call: Any) -> None:
    runner = PassRunner(numbers(2, 4), 10)
    with pytest.raises(ValueError, match="unknown pass 'add7': the passes are add0, add1"):
        call(runner)
    assert not runner.results


def test_broken_invariant_names_pass_node_and_rule() -> None:
    runner = PassRunner(numbers(2, 1, 4), 10)
    with pytest.raises(InvariantError) as caught:
        runner.run()
    assert str(caught.value) == (
        "internal error: the result of pass 'add1' is not valid: node 'number': 13 is odd; "
        "please report it together with the model and the options")
    assert caught.value.pass_name == "add1"
    assert caught.value.violations == (BrokenRule("number", "13 is odd"),)
    assert list(runner.results) == ["add0"]
