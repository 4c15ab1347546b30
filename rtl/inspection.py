"""Cache the introspection on which MyHDL spends most of its time.

For every block and process MyHDL requests the whole call stack with source lines, and the source
of the process without its indentation, thousands of times the same one; that is more than half the
time of a conversion, and more where the stack is deep, as in a test runner.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["cache_inspection"]

_Result = TypeVar("_Result")


def cache_inspection() -> None:
    """Replace functions of :mod:`inspect` and MyHDL's removal of indentation in this process.

    For processes that convert or simulate MyHDL and do nothing else with :mod:`inspect`.
    """
    from myhdl import _util, _Waiter  # the process that starts a conversion does not need MyHDL

    inspect.stack = _frames  # type: ignore[assignment]
    inspect.getsource = _once_for_each_code(inspect.getsource)  # type: ignore[assignment]
    inspect.getsourcelines = _once_for_each_code(  # type: ignore[assignment]
        inspect.getsourcelines)
    _util._dedent = _Waiter._dedent = functools.cache(_util._dedent)


def _once_for_each_code(function: Callable[[Any], _Result]) -> Callable[[Any], _Result]:
    """Return ``function`` with its results kept: functions of the same code share one."""
    kept: dict[Any, _Result] = {}

    def once(thing: Any) -> _Result:
        key = getattr(thing, "__code__", thing)
        if key not in kept:
            kept[key] = function(thing)
        return kept[key]

    return once


def _frames(context: int = 1) -> list[tuple[Any, str, int, str, None, None]]:
    """Replace ``inspect.stack``; without source lines, which MyHDL does not read."""
    frames, frame = [], inspect.currentframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
        frames.append((frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
    return frames
