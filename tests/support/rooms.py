"""The rooms of the package and their floors: imports only go to lower floors.

A room is a folder with modules.  :data:`FLOORS` is the only definition of the allowed imports;
``test_rooms.py`` compares it with the actual ones.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

__all__ = [
    "FLOORS", "LINES", "OWN_TESTS", "ROOT", "arrows", "cycles", "imports", "libraries",
    "long_files", "modules", "room_of", "test_of", "untested", "upward",
]

ROOT = Path(__file__).parents[2]
PARTS = ("isa", "model", "driver", "rtl", "fpga", "cosim", "compiler", "cli")
LINES = 300
"""Lines that a file may have."""
OWN_TESTS = ("rtl", "fpga", "cosim")
"""Parts whose tests are in ``tests/``, not in ``tests/unit/``: most of them simulate hardware."""

FLOORS: tuple[tuple[str, ...], ...] = (
    ("isa",),
    ("isa.asm",),
    ("isa.check",),
    ("driver",),
    ("driver.target",),
    ("model", "model.timing", "driver.transport", "driver.mmio"),
    ("driver.serve", "driver.stream"),
    ("driver.program",),
    ("driver.run",),
    ("driver.validate",),
    ("rtl.lib",),
    ("rtl.host", "rtl.memory"),
    ("rtl.fetch", "rtl.load"),
    ("rtl.compute", "rtl.store"),
    ("rtl",),
    ("fpga",),
    ("cosim",),
    ("compiler.ir",),
    ("compiler.frontend.onnx",),
    ("compiler.frontend",),
    ("compiler.canonicalize",),
    ("compiler.schedule",),
    ("compiler.codegen",),
    ("compiler.layout",),
    ("compiler.lower",),
    ("compiler.lower.depthwise",),
    ("compiler.lower.conv",),
    ("compiler.operators",),
    ("compiler.partition",),
    ("compiler.reference",),
    ("compiler.quantize",),
    ("compiler.pipeline", "compiler.tune"),
    ("compiler",),
    ("cli",),
)
"""Rooms from the lowest floor up.  A room imports rooms of lower floors and its own modules."""


def modules() -> Iterator[tuple[str, Path]]:
    """Give every module of the package, ``__init__`` aside: ``driver.run.launch``, its file."""
    for part in PARTS:
        for path in sorted((ROOT / part).rglob("*.py")):
            if path.name != "__init__.py":
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def room_of(module: str) -> str:
    """Return the room of a module."""
    return module.rpartition(".")[0]


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules of the package that a module imports, ``driver.run.launch``, and the line.

    Imports inside functions count.  A name imported from a room's ``__init__`` counts as the room.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            base = module.split(".")[: -node.level]
        elif node.module and node.module.split(".")[0] == "myvta":
            base = []
        else:
            continue
        names = (node.module or "").removeprefix("myvta").strip(".")
        base += names.split(".") if names else []
        if ROOT.joinpath(*base).is_dir():
            for name in node.names:
                one = [*base, name.name]
                is_module = ROOT.joinpath(*one).with_suffix(".py").exists()
                yield ".".join(one) if is_module else ".".join(base) + ".__init__", node.lineno
        else:
            yield ".".join(base), node.lineno


def libraries(path: Path) -> set[str]:
    """Return the top-level packages that a module imports absolutely, in functions too."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


def test_of(module: str) -> Path:
    """Return the test of a module's name, from the root: ``tests/unit/driver/run/test_launch.py``.

    Tests of ``isa.asm`` and ``isa.check`` are next to those of ``isa``.
    """
    *room, name = module.split(".")
    folder = Path("tests") if room[0] in OWN_TESTS else Path("tests", "unit")
    if room[0] == "isa" and room[1:]:
        room = room[1:]
    return folder.joinpath(*room, f"test_{name}.py")


def untested() -> list[str]:
    """Return the tests that are missing, of all modules."""
    places = [test_of(module) for module, _ in modules()]
    return [str(place) for place in places if not (ROOT / place).exists()]


def arrows() -> dict[tuple[str, str], int]:
    """Return how many imports go from room to room."""
    out: dict[tuple[str, str], int] = {}
    for module, path in modules():
        for target, _ in imports(module, path):
            pair = room_of(module), room_of(target)
            if pair[0] != pair[1]:
                out[pair] = out.get(pair, 0) + 1
    return out


def upward() -> list[str]:
    """Return the imports that do not go to a lower floor, one line each."""
    height = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    return [
        f"{path.relative_to(ROOT)}:{line}: {room_of(module)} imports {target}"
        for module, path in modules() for target, line in imports(module, path)
        if room_of(target) != room_of(module)
        and height[room_of(target)] >= height[room_of(module)]
    ]


def cycles() -> list[str]:
    """Return the modules that import each other, directly or through others, one line per cycle."""
    graph = {module: {target for target, _ in imports(module, path)}
             for module, path in modules()}
    found: list[str] = []
    done: set[str] = set()
    path_to: list[str] = []

    def visit(module: str) -> None:
        if module in path_to:
            found.append(" > ".join([*path_to[path_to.index(module) :], module]))
            return
        if module in done:
            return
        path_to.append(module)
        for target in sorted(graph.get(module, ())):
            visit(target)
        done.add(path_to.pop())

    for module in graph:
        visit(module)
    return found


def long_files() -> list[str]:
    """Return the Python files of the repository with more than :data:`LINES` lines, and how many.

    Hidden folders and ``build`` are not of the repository.
    """
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        if place.parts[0] == "build" or any(part.startswith(".") for part in place.parts):
            continue
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > LINES:
            found.append(f"{place}: {count} lines")
    return found
