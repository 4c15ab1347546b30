"""A planted bug is data: its place, the text there, the replacement, the tests that detect it.

:mod:`plant` plants those of its table one by one and tells which test kills which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PARTS", "Planted", "problems"]

PARTS = {
    "gemm": ("device/gemm", "device/errors"),
    "depthwise": ("device/depthwise", "device/errors"),
    "alu": ("device/alu", "device/rqt", "device/errors"),
    "lanes": ("device/lookup", "device/reduce"),
    "load": ("device/load", "device/errors", "device/overlap"),
    "store": ("device/store", "device/errors"),
    "tokens": ("device/tokens",),
    "memory_port": ("device/errors", "device/bus_errors", "device/reset", "device/fuzz"),
    "forward": ("device/forward", "cosim/random"),
    "weights4": ("device/weights4", "device/forward"),
    "decode": ("device/extension_errors", "device/errors"),
    "control": ("device/launch", "device/errors", "device/tokens", "device/reset"),
}
"""Part of the core -> tests of the whole device that look at it, tried after a bug's own."""


@dataclass(frozen=True)
class Planted:
    """One bug.

    Attributes
    ----------
    name : str
        What is wrong, in words; unique.
    part : str
        A key of :data:`PARTS`.
    file : str
        In ``rtl/``.
    old, new : str
        Text that occurs exactly once in the file, and its replacement.
    tests : str
        Who is asked first, with blanks between: ``rtl_queue`` is ``tests/rtl/lib/test_queue.py``,
        ``rtl_queue::test_x`` one test of it.
    """

    name: str
    part: str
    file: str
    old: str
    new: str
    tests: str = ""

    def asked(self) -> list[str]:
        """Return the tests to run, in order, as pytest names them."""
        names = dict.fromkeys([*self.tests.split(), *PARTS[self.part]])
        return [_path(*name.partition("::")) for name in names]

    def files(self) -> list[str]:
        """Return the files that these tests are in."""
        return list(dict.fromkeys(test.partition("::")[0] for test in self.asked()))

    def apply(self, text: str) -> str:
        """Return the text of the file with the bug in it."""
        return text.replace(self.old, self.new)


def _path(where: str, colons: str, test: str) -> str:
    folder, _, name = where.rpartition("/")
    return f"tests/{folder}/test_{name}.py{colons}{test}"


def problems(table: Iterable[Planted], rtl: Path, root: Path) -> list[str]:
    """List all reasons why a table cannot be planted in ``rtl``; tests are under ``root``."""
    found, names = [], set()
    for bug in table:
        if bug.name in names:
            found.append(f"{bug.name}: there are two of that name")
        names.add(bug.name)
        found += [f"{bug.name}: {text}" for text in _problems_of(bug, rtl, root)]
    return found


def _problems_of(bug: Planted, rtl: Path, root: Path) -> list[str]:
    if bug.part not in PARTS:
        return [f"part must be one of {', '.join(PARTS)}, not {bug.part!r}"]
    found = [f"there is no {test}" for test in bug.asked() if not _exists(test, root)]
    source = rtl / bug.file
    if not source.is_file():
        return [*found, f"there is no rtl/{bug.file}"]
    text = source.read_text(encoding="utf-8")
    count = text.count(bug.old)
    if count != 1:
        return [*found, f"its old text occurs {count} times in rtl/{bug.file}: {bug.old!r}"]
    changed = bug.apply(text)
    if changed == text:
        found.append("its new text is its old one")
    try:
        compile(changed, bug.file, "exec")
    except SyntaxError as error:
        found.append(f"rtl/{bug.file} is no Python with it: {error}")
    return found


def _exists(test: str, root: Path) -> bool:
    file, _, name = test.partition("::")
    return (root / file).is_file() and f"def {name}" in (root / file).read_text(encoding="utf-8")
