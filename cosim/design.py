"""The Verilog that a simulator gets: the core converted for a configuration, or a user's file."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from ..driver.errors import TargetError
from ..isa.config import Config
from .build_cache import cached
from .event_log import add_event_log

__all__ = ["TOP", "convert_once", "read_design"]

TOP = "myvta_core"
_ROOM = Path(__file__).resolve().parent.parent


def read_design(location: str, config: Config, *, events: bool = False) -> str:
    """Return the Verilog text of a target's location.

    Parameters
    ----------
    location
        Path of a Verilog file with top module ``myvta_core``, or ``""`` for the core itself,
        converted from MyHDL once per source and configuration.
    events
        With the process that records instructions (:mod:`.event_log`).

    Raises
    ------
    TargetError
        The file cannot be read or has no such module, or the core cannot be converted.
    ValueError
        ``events`` with a file, whose nets are not known.
    """
    if not location:
        return _core(config, events)
    if events:
        raise ValueError(f"events=FILE records the converted core only, not {location}")
    try:
        text = Path(location).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"cannot read the Verilog file {location}: {error}") from None
    if TOP not in text:
        raise TargetError(f"{location} has no module {TOP}")
    return text


def _core(config: Config, events: bool) -> str:
    def build(folder: Path) -> Path:
        from ..rtl.convert import convert  # a user's file needs no converter

        return convert(config, folder)

    folder = _converted(TOP, config, ("rtl", "isa"), build)
    design = (folder / f"{TOP}.v").read_text(encoding="utf-8")
    if not events:
        return design
    nets = json.loads((folder / f"{TOP}.map.json").read_text(encoding="utf-8"))
    return add_event_log(design, nets["blocks"])


def convert_once(
    top: str, config: Config, rooms: tuple[str, ...], build: Callable[[Path], object],
    *facts: object,
) -> str:
    """Return the Verilog of a top module, from the cache when its sources are the same.

    Parameters
    ----------
    top
        Name of the module and of the file.
    rooms
        Folders of this package whose modules it is built from.
    build
        Writes ``top.v`` into a folder.
    facts
        Other facts that the text depends on.
    """
    folder = _converted(top, config, rooms, build, *facts)
    return (folder / f"{top}.v").read_text(encoding="utf-8")


def _converted(
    top: str, config: Config, rooms: tuple[str, ...], build: Callable[[Path], object],
    *facts: object,
) -> Path:
    """Return the cached folder that ``build`` wrote."""
    sources = sorted(source for room in rooms for source in (_ROOM / room).rglob("*.py"))
    parts = [top, config.to_json(), metadata.version("myhdl"), *map(repr, facts)]
    for source in sources:
        parts += [source.name, source.read_text(encoding="utf-8")]

    def fill(folder: Path) -> None:
        build(folder)

    return cached("verilog", parts, fill)
