"""Verilog and VHDL from the MyHDL blocks, reproducible to the byte.

MyHDL keeps conversion state in module globals and changes names when one process elaborates a
block twice, so every conversion runs in its own Python process.  Files are written completely or
not at all.  A warning of MyHDL is an error: the hardware it warns about is seldom the intended one.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..isa.config import Config
from .inspection import cache_inspection

__all__ = [
    "CONVERTED_PACKAGE", "MAP_SUFFIX", "SUFFIXES", "ConvertError", "convert", "convert_block",
    "core_top",
]

SUFFIXES = {"verilog": ".v", "vhdl": ".vhd"}
MAP_SUFFIX = ".map.json"  # maps the signals of each block instance to nets
CONVERTED_PACKAGE = "pck_myhdl_011.vhd"  # MyHDL's VHDL package, written next to a VHDL file

# MyHDL warnings that are no defect: pattern and reason.
_ALLOWED_WARNINGS: tuple[tuple[str, str], ...] = (
    (r"driven but not read: .*write_port\w*_owner$", "only one client writes: no number needed"),
    (
        r"^Port is not used: ((settings|results|status|load|compute|store|tokens|[lgs]2[lgs])_\w+"
        r"|\w+_error_address)$",
        "a block converted alone uses part of a bundle",
    ),
    (r"driven but not read: acc_pad_memory_type$", "the accumulator has one kind of padding"),
    (
        r"driven but not read: to_memory_(arburst|awburst|awlen)$",
        "on-chip memory supports INCR bursts only, and writes end with WLAST",
    ),
    (r"(not used|not read): (\w*_)?data_last$", "a client may count beats instead"),
)


# MyHDL's wrong label for the last test of `if x == 0: ... elif x == SIZE - 1:`, as a case.
_WRONG_LABEL = "(-'h1): begin"


class ConvertError(OSError):
    """A conversion that wrote no file; the text names the failure, the place and the remedy."""


def convert(config: Config, folder: str | os.PathLike[str], hdl: str = "verilog") -> Path:
    """Write the accelerator as ``myvta_core.v`` or ``myvta_core.vhd`` and return the path.

    Parameters
    ----------
    config
        Configuration to build.
    folder
        Output folder, created when missing.  Also gets ``myvta_core.map.json``, the nets of each
        block (:mod:`.net_names`), and, for VHDL, :data:`CONVERTED_PACKAGE`.
    hdl
        ``verilog`` or ``vhdl``.

    Raises
    ------
    ConvertError
        The folder cannot be written or MyHDL refused the design.
    ValueError
        Unknown ``hdl``.
    """
    return convert_block(core_top, folder, hdl, config=config, name="myvta_core")


def core_top(config: Config) -> Any:
    """Return the instance of the top-level block, with its ports."""
    from myhdl import ResetSignal, Signal

    from .core import core
    from .lib.bundles import Axi4, AxiLite

    reset = ResetSignal(0, active=1, isasync=False)
    return core(
        Signal(False), reset, AxiLite(), Axi4(config), Signal(False), config=config,
    )


def convert_block(
    factory: Callable[..., Any], folder: str | os.PathLike[str], hdl: str = "verilog", *,
    config: Config, name: str, parameters: Mapping[str, int] | None = None,
) -> Path:
    """Convert the block instance ``factory(config, **parameters)``, as module or entity ``name``.

    ``factory`` must be at the top level of a module: the fresh process imports it by name, or from
    its file when it is not part of this package.
    """
    if hdl not in SUFFIXES:
        raise ValueError(f"hdl must be one of {', '.join(SUFFIXES)}, not {hdl!r}")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".convert-", dir=folder) as scratch:
            job = {
                "factory": [_source(factory), factory.__name__], "config": config.to_dict(),
                "folder": scratch, "hdl": hdl, "name": name, "parameters": dict(parameters or {}),
                "path": sys.path,
            }
            _run(job)
            for path in sorted(Path(scratch).iterdir()):
                os.replace(path, folder / path.name)
    except ConvertError:
        raise
    except OSError as error:
        raise ConvertError(
            f"cannot write {name}{SUFFIXES[hdl]} into {folder}: {error.strerror or error}; "
            "name a writable folder"
        ) from error
    return folder / (name + SUFFIXES[hdl])


def _source(factory: Callable[..., Any]) -> str:
    """Return where to import a factory from: a module of this package or a file."""
    package = __name__.split(".")[0]
    if factory.__module__.split(".")[0] == package:
        return factory.__module__
    return factory.__code__.co_filename


def _run(job: dict[str, Any]) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}  # MyHDL writes out sets of names
    root = Path(__file__).parents[1]
    if root.name == __name__.split(".")[0]:  # otherwise an installed finder knows the package
        paths = [str(root.parent), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", __name__], input=json.dumps(job), env=environment,
        capture_output=True, text=True, check=False,
    )
    if done.returncode:
        text = (done.stderr or done.stdout).strip()
        raise ConvertError(f"{job['name']} does not convert to {job['hdl']}: {text}")


def _convert_here(job: dict[str, Any]) -> None:
    """Elaborate and convert in this process (which must do nothing else afterwards)."""
    source, name = job["factory"]
    if source.endswith(".py"):
        spec = importlib.util.spec_from_file_location("factory", source)
        if spec is None or spec.loader is None:
            raise ConvertError(f"cannot import {source}")
        module = importlib.util.module_from_spec(spec)
        sys.path += [folder for folder in job["path"] if folder not in sys.path]  # the caller's
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(source)
    from .net_names import NetNames  # loads MyHDL, which the calling process does not need

    names = NetNames()
    names.install()
    instance = getattr(module, name)(Config.from_dict(job["config"]), **job["parameters"])
    options: dict[str, Any] = {
        "path": job["folder"], "name": job["name"], "no_myhdl_header": True,
        "initial_values": False,
    }
    if job["hdl"] == "verilog":
        options["testbench"] = False
    # before each conversion MyHDL elaborates once more, to remove traces of the one before
    instance._clear = lambda: None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        instance.convert(hdl={"verilog": "Verilog", "vhdl": "VHDL"}[job["hdl"]], **options)
    problems = sorted(
        {str(warning.message) for warning in caught if not _allowed(warning)}
    )
    if problems:
        raise ConvertError("MyHDL warns: " + "; ".join(problems))
    result = Path(job["folder"], job["name"] + SUFFIXES[job["hdl"]])
    text = result.read_text(encoding="utf-8")
    if job["hdl"] == "verilog" and _WRONG_LABEL in text:
        raise ConvertError(
            "MyHDL wrote a wrong case label: compare with a named constant, not with a sum"
        )
    result.with_suffix(MAP_SUFFIX).write_text(
        json.dumps({"module": job["name"], "blocks": names.net_map(text)}, indent=1) + "\n",
        encoding="utf-8",
    )


def _allowed(warning: warnings.WarningMessage) -> bool:
    if "Warning" not in warning.category.__name__ or not warning.category.__name__.startswith("To"):
        return True  # not about the conversion
    return any(re.search(pattern, str(warning.message)) for pattern, _ in _ALLOWED_WARNINGS)


def _main() -> int:
    """Do the one conversion described on standard input."""
    cache_inspection()
    try:
        _convert_here(json.load(sys.stdin))
    except ConvertError as error:
        print(error, file=sys.stderr)
        return 1
    except Exception:  # whatever MyHDL or a block raises becomes the parent's ConvertError
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
