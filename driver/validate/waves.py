"""Waves of a short run on a simulated target: opened once to count cycles, once more to record."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ..errors import TargetError
from ..run.program_runner import LoadedProgram
from ..target.open_target import open_target

__all__ = ["WAVE_CYCLES", "trace_store"]

WAVE_CYCLES = 2000
"""Cycles of a wave window, most of them before its end."""


def trace_store(
    dut: LoadedProgram, url: str, folder: str | None, layer: str,
    again: Callable[[LoadedProgram], None],
) -> str:
    """Record the last cycles of a run, or return the options that record them.

    Parameters
    ----------
    dut : LoadedProgram
        On the device under test.
    url : str
        Of the target, which is opened again: a simulator repeats itself cycle by cycle.
    folder : str or None
        Folder of the wave file; None: nothing is recorded.
    layer : str
        For the name of the file.
    again : callable
        Runs the part to be recorded; the end of the window is its end.

    Returns
    -------
    str
        The file, or the URL options that record the window; ``""`` on a target without waves.
    """
    if not url or url.startswith("spy:") or getattr(dut.target, "cycle", None) is None:
        return ""  # opening spy: again would overwrite its record
    try:
        end = _run(dut, url, again)
        first = max(0, end - WAVE_CYCLES)
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", layer) or "layer"
        options = f"wave={{}}&wave_from={first}&wave_cycles={WAVE_CYCLES}"
        if folder is None:
            return f"{url} with {options.format(f'{name}.vcd')}"
        file = Path(folder).absolute() / f"{name}.vcd"
        file.parent.mkdir(parents=True, exist_ok=True)
        mark = "&" if "?" in url else "?"
        _run(dut, f"{url}{mark}{options.format(file)}", again)
    except (TargetError, OSError) as error:
        return f"none: {error}"
    return f"{file}, cycles {first} to {end}"


def _run(dut: LoadedProgram, url: str, again: Callable[[LoadedProgram], None]) -> int:
    with open_target(url, dut.program.config) as target:
        again(LoadedProgram(dut.program, target, dut.host))
        return int(getattr(target, "cycle", 0))
