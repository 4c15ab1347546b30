"""Cache the introspection on which MyHDL spends most of its time.

For every block and process MyHDL requests the whole call stack with source lines, and the source
of the process, thousands of times the same one; that is half the time of a conversion, and more
where the stack is deep, as in a test runner.
"""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["cache_inspection"]


def cache_inspection() -> None:
    """Replace ``inspect.stack`` and ``inspect.getsource`` for the rest of this process.

    For processes that convert or simulate MyHDL and do nothing else with :mod:`inspect`.
    """
    inspect.stack = _frames  # type: ignore[assignment]
    getsource, kept = inspect.getsource, {}

    def getsource_once(thing: Any) -> str:
        key = getattr(thing, "__code__", thing)
        if key not in kept:
            kept[key] = getsource(thing)
        return kept[key]

    inspect.getsource = getsource_once  # type: ignore[assignment]


def _frames(context: int = 1) -> list[tuple[Any, str, int, str, None, None]]:
    """Replace ``inspect.stack``; without source lines, which MyHDL does not read."""
    frames, frame = [], inspect.currentframe()
    while frame is not None and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
        frames.append((frame, code.co_filename, frame.f_lineno, code.co_name, None, None))
    return frames
