"""The Verilog a simulator gets: the core converted for a configuration, or a file of the user's."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from ..driver.errors import TargetError
from ..isa.config import Config
from .cache import cached

__all__ = ["TOP", "read_design"]

TOP = "myvta_core"
_ROOM = Path(__file__).resolve().parent.parent


def read_design(location: str, config: Config) -> str:
    """Return the Verilog text of a target's location.

    Parameters
    ----------
    location
        Path of a Verilog file with top module ``myvta_core``, or ``""`` for the core itself,
        converted from MyHDL once per source and configuration.

    Raises
    ------
    TargetError
        The file cannot be read or has no such module, or the core cannot be converted.
    """
    if not location:
        return _converted(config)
    try:
        text = Path(location).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TargetError(f"cannot read the Verilog file {location}: {error}") from None
    if TOP not in text:
        raise TargetError(f"{location} has no module {TOP}")
    return text


def _converted(config: Config) -> str:
    sources = sorted((*_ROOM.glob("rtl/*.py"), *_ROOM.glob("isa/*.py")))
    parts = [config.to_json(), metadata.version("myhdl")]
    for source in sources:
        parts += [source.name, source.read_text(encoding="utf-8")]

    def build(folder: Path) -> None:
        from ..rtl.convert import convert  # a file of the user's needs no converter

        convert(config, folder)

    return (cached("verilog", parts, build) / f"{TOP}.v").read_text(encoding="utf-8")
