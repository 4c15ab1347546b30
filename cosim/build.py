"""Compile a design and the harness into one shared library, once per content."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .build_cache import cached
from .cosim_errors import BuildError, MissingTool
from .design import TOP
from .rules import header
from .tools import (
    Verilator,
    find_compiler,
    find_verilator,
    native_flags,
    run_tool,
    tool_version,
)

__all__ = ["CORE", "TRACE_FORMATS", "UART", "Harness", "build_harness"]

TRACE_FORMATS = {"": "", ".fst": "TRACE_FST", ".vcd": "TRACE_VCD"}
"""Suffix of the wave file -> macro that harness.cpp is compiled with."""

_HERE = Path(__file__).resolve().parent
_LZ4 = _HERE / "lz4_stand_in.h"
_VERILATE = (
    "--cc", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--threads", "1", "-Wno-fatal",
)
_VERILATE_TRACE = {"": (), ".fst": ("--trace-fst",), ".vcd": ("--trace",)}
# The harness defines the handlers that would end the process.  Several designs are loaded into one
# process: no symbol of one library may be visible to another.
_COMPILE = (
    "-std=gnu++17", "-march=native", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-pthread",
    "-DVL_USER_FATAL", "-DVL_USER_STOP", "-DVL_USER_FINISH", "-w",
)
_FAST, _RUNTIME, _SLOW = "-O3", "-O2", "-O0"
_UNIT_BYTES = 500_000  # source text of one compiler run


@dataclass(frozen=True)
class Harness:
    """A top module and the C++ around it: ``sources[0]`` is compiled, the rest are its headers."""

    top: str
    sources: tuple[str, ...]


CORE = Harness(TOP, ("harness.cpp", "memory.h", "lite.h"))
UART = Harness("uart_top", ("uart_harness.cpp",))


def build_harness(design: str, suffix: str = "", harness: Harness = CORE) -> Path:
    """Return the shared library of a design.

    Parameters
    ----------
    design
        Verilog text.
    suffix
        A key of :data:`TRACE_FORMATS`: a library with waves is built separately and is slower.
    harness
        The harness around the design.

    Raises
    ------
    MissingTool
        Verilator or g++ is not installed, or zlib's header for FST waves.
    BuildError
        One of them refused its input.
    """
    verilator, compiler = find_verilator(), find_compiler()
    parts = [
        design, suffix, header(), verilator.version, str(verilator.root), tool_version(compiler),
        native_flags(compiler), *_VERILATE, *_COMPILE, _FAST, _SLOW,
        *((_HERE / name).read_text(encoding="utf-8") for name in (*harness.sources, "build.py")),
    ]
    build = partial(_build, design, suffix, harness, verilator, compiler)
    return cached("verilator", parts, build) / "harness.so"


def _build(
    design: str, suffix: str, harness: Harness, verilator: Verilator, compiler: Path, folder: Path
) -> None:
    top = harness.top
    if suffix == ".fst":
        _require_zlib(compiler)
    (folder / f"{top}.v").write_text(design, encoding="utf-8")
    (folder / "rules.h").write_text(header(), encoding="utf-8")
    run_tool(
        [verilator.binary, *_VERILATE, "--prefix", f"V{top}", "--top-module", top,
         *_VERILATE_TRACE[suffix], "--Mdir", folder / "model", folder / f"{top}.v"],
        environment={"VERILATOR_ROOT": str(verilator.root)},
    )
    lists = _lists((folder / "model" / f"V{top}_classes.mk").read_text(encoding="utf-8"))
    runtime = _runtime(sorted(lists["GLOBAL_FAST"] + lists["GLOBAL_SLOW"]), suffix, verilator,
                       compiler)
    include = [*_includes(verilator), f"-I{folder / 'model'}", f"-I{folder}", f"-I{_HERE}"]
    macro = [f"-D{TRACE_FORMATS[suffix]}"] if suffix else []
    model = {name: [folder / "model" / f"{unit}.cpp" for unit in units]
             for name, units in lists.items() if not name.startswith("GLOBAL")}
    fast = model["CLASSES_FAST"] + model["SUPPORT_FAST"]
    slow = model["CLASSES_SLOW"] + model["SUPPORT_SLOW"]
    jobs = [(unit, _FAST) for unit in _gather([_HERE / harness.sources[0], *fast], "fast", folder)]
    jobs += [(unit, _SLOW) for unit in _gather(slow, "slow", folder)]
    objects = _compile(compiler, jobs, [*include, *macro], folder)
    run_tool([compiler, "-shared", "-pthread", "-Wl,-Bsymbolic", "-o", folder / "harness.so",
              *objects, *sorted(runtime.glob("*.o")), *_libraries(suffix, compiler)])
    for item in objects:
        item.unlink()  # only the library of an entry is used later


def _runtime(units: list[str], suffix: str, verilator: Verilator, compiler: Path) -> Path:
    """Return Verilator's runtime library, the same for every design."""
    lz4 = "" if suffix != ".fst" or _has_header(compiler, "lz4.h") else _LZ4.read_text()
    parts = [verilator.version, str(verilator.root), tool_version(compiler),
             native_flags(compiler), suffix, lz4, *units, *_COMPILE, _RUNTIME]

    def build(folder: Path) -> None:
        if lz4:
            (folder / "lz4.h").write_text(lz4)
        jobs = [(verilator.root / "include" / f"{unit}.cpp", _RUNTIME) for unit in units]
        _compile(compiler, jobs, [*_includes(verilator), f"-I{folder}"], folder)

    return cached("verilator-runtime", parts, build)


def _lists(makefile: str) -> dict[str, list[str]]:
    """Parse Verilator's lists of files: ``VM_CLASSES_FAST += a b`` over continued lines."""
    text = makefile.replace("\\\n", " ")
    lists = re.findall(r"^VM_((?:CLASSES|SUPPORT|GLOBAL)_(?:FAST|SLOW)) \+=(.*)$", text, re.M)
    return {name: units.split() for name, units in lists}


def _gather(sources: list[Path], name: str, folder: Path) -> list[Path]:
    """Merge many files into few by inclusion: each costs a second for its headers alone."""
    size = sum(source.stat().st_size for source in sources)
    count = min(os.cpu_count() or 1, size // _UNIT_BYTES + 1)
    units = []
    for index in range(count):
        units.append(folder / f"{name}{index}.cpp")
        lines = [f'#include "{source}"' for source in sources[index::count]]
        units[-1].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return units


def _compile(
    compiler: Path, jobs: Iterable[tuple[Path, str]], flags: list[str], folder: Path
) -> list[Path]:
    def one(job: tuple[Path, str]) -> Path:
        source, level = job
        target = folder / f"{source.stem}.o"
        run_tool([compiler, *_COMPILE, level, *flags, "-c", source, "-o", target])
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(one, jobs))


def _includes(verilator: Verilator) -> list[str]:
    include = verilator.root / "include"
    return [f"-I{include}", f"-I{include / 'vltstd'}"]


def _libraries(suffix: str, compiler: Path) -> list[str]:
    if suffix != ".fst":
        return []
    return ["-lz", *(["-llz4"] if _has_header(compiler, "lz4.h") else [])]


def _has_header(compiler: Path, name: str) -> bool:
    try:
        run_tool([compiler, "-E", "-include", name, "-x", "c++", os.devnull])
    except BuildError:
        return False
    return True


def _require_zlib(compiler: Path) -> None:
    if not _has_header(compiler, "zlib.h"):
        raise MissingTool(
            "FST waves need zlib's header zlib.h; install it with: sudo apt-get install "
            "zlib1g-dev, or name the wave file *.vcd"
        )
