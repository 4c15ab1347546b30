"""Configurations of the architecture template: validated, named, read from files.

A configuration is VTA's ``vta_config.json`` (HW_VER 0.0.2): log2 of operand widths in bits, of the
matrix shape, and of the on-chip buffer sizes in bytes.  Everything else is derived, depths and tile
bytes in :mod:`myvta.isa.geometry`, field positions in :mod:`myvta.isa.fields`.  A configuration
that does not fit the 128-bit instruction or the 32-bit micro-op is refused, and all its problems
are listed at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields as dataclass_fields, replace
from pathlib import Path
from typing import Any

from .extensions import EXTENSION_NAMES, EXTENSIONS
from .fields import fit_problems
from .geometry import COUNTER_SETS, Geometry
from .opcodes import MemoryType

__all__ = ["Config", "ConfigError", "NAMED", "load_config", "named"]


class ConfigError(ValueError):
    """A configuration that cannot be built; ``problems`` lists every reason found."""

    def __init__(self, problems: list[str]):
        self.problems = list(problems)
        super().__init__("configuration refused: " + "; ".join(problems))


# attribute, minimum, maximum (inclusive), meaning
_RANGES = (
    ("log_inp_width", 2, 3, "log2 bits of an input operand"),
    ("log_wgt_width", 2, 3, "log2 bits of a weight operand"),
    ("log_acc_width", 5, 5, "log2 bits of an accumulator lane"),
    ("log_batch", 0, 3, "log2 rows of an input tile"),
    ("log_block", 2, 5, "log2 columns of an input tile and rows of a weight tile"),
    ("log_uop_buff_size", 6, 15, "log2 bytes of the micro-op buffer"),
    ("log_inp_buff_size", 0, 30, "log2 bytes of the input buffer"),
    ("log_wgt_buff_size", 0, 30, "log2 bytes of the weight buffer"),
    ("log_acc_buff_size", 0, 30, "log2 bytes of the accumulator buffer"),
    ("log_bus_width", 6, 8, "log2 bits of the memory port"),
)
_MIN_LOG_DEPTH = 4  # a beat of the widest port holds at most as many tiles as a buffer


@dataclass(frozen=True, kw_only=True)
class Config(Geometry):
    """One accelerator configuration.

    The last attributes (bus width, extensions, counters) are not keys of VTA's ``vta_config.json``:
    a file of VTA is written back unchanged as long as they have their defaults.

    Raises
    ------
    ConfigError
        Lists every attribute out of range and every instruction field that does not fit.
    """

    def __post_init__(self) -> None:
        problems = []
        for name in ("target", "hw_ver"):
            if not isinstance(getattr(self, name), str):
                problems.append(f"{name.upper()} must be a string, not {getattr(self, name)!r}")
        if (self.target, self.hw_ver) != ("zcu104", "0.0.1") and self.hw_ver != "0.0.2":
            problems.append(
                f"HW_VER must be '0.0.2', not {self.hw_ver!r}: 0.0.1 has 2-bit memory types and "
                "ALU opcodes and is not binary compatible (VTA's zcu104 file says it by mistake)"
            )
        for name in EXTENSION_NAMES:
            if not isinstance(getattr(self, name), bool):
                problems.append(f"{name} must be a bool, not {getattr(self, name)!r}")
        if self.counters not in tuple(COUNTER_SETS):
            problems.append(
                f"counters must be one of {', '.join(COUNTER_SETS)}, not {self.counters!r}")
        for name, minimum, maximum, meaning in _RANGES:
            value = getattr(self, name)
            is_int = isinstance(value, int) and not isinstance(value, bool)
            if not is_int or not minimum <= value <= maximum:
                problems.append(
                    f"{name.upper()} ({meaning}) must be {minimum}..{maximum}, not {value!r}"
                )
        if not problems:
            problems += self._depth_problems() + self._extension_problems()
        if not problems:
            problems += fit_problems(self)
        if problems:
            raise ConfigError(problems)

    def _depth_problems(self) -> list[str]:
        problems = []
        for kind in ("uop", "inp", "wgt", "acc"):
            depth = getattr(self, f"log_{kind}_depth")
            if not _MIN_LOG_DEPTH <= depth <= 16:
                problems.append(
                    f"LOG_{kind.upper()}_BUFF_SIZE gives 2^{depth} tiles of "
                    f"{self.tile_bytes(MemoryType[kind.upper()])} bytes; "
                    f"must be 2^{_MIN_LOG_DEPTH}..2^16"
                )
        return problems

    def _extension_problems(self) -> list[str]:
        problems = [
            f"{extension.name} needs {name}: {extension.purpose}"
            for extension in EXTENSIONS if getattr(self, extension.name)
            for name in extension.needs if not getattr(self, name)
        ]
        if self.weights4 and self.wgt_width != 8:
            problems.append(
                f"weights4 is for 8-bit weights, and LOG_WGT_WIDTH says {self.wgt_width} bits")
        if self.depthwise and self.log_wgt_depth < (self.taps - 1).bit_length():
            problems.append(
                f"depthwise: a window of {self.taps} taps is a field as wide as the index of a "
                f"weight tile, and LOG_WGT_BUFF_SIZE leaves {self.log_wgt_depth} bits")
        return problems

    # -- identity --------------------------------------------------------------------------------
    @property
    def name(self) -> str:
        """Name in :data:`NAMED` of an equal configuration, else of one with another bus width or
        other counters, else VTA's string.
        """
        alike = [name for name, config in NAMED.items() if config.canonical == self.canonical]
        same_port = [name for name in alike if NAMED[name].bus_width == self.bus_width]
        return (*same_port, *alike, self.canonical)[0]

    def replace(self, **changes: Any) -> Config:
        """Return a copy with some attributes changed, validated again."""
        return replace(self, **changes)

    # -- vta_config.json -------------------------------------------------------------------------
    @classmethod
    def from_dict(cls, values: dict) -> Config:
        """Build from the keys of a ``vta_config.json``; unknown or missing keys are refused."""
        if not isinstance(values, dict):
            raise ConfigError([f"a configuration is a JSON object, not {type(values).__name__}"])
        keys = {_json_key(field.name): field.name for field in dataclass_fields(cls)}
        problems = [f"unknown key {key!r}" for key in values if key not in keys]
        problems += [f"missing key {key!r}" for key in _VTA_KEYS if key not in values]
        if problems:
            raise ConfigError(problems)
        return cls(**{keys[key]: value for key, value in values.items()})

    def to_dict(self, *, all_keys: bool = False) -> dict:
        """Return the keys of ``vta_config.json``.

        ``all_keys``: also the bus width, the extensions and the counters where they have their
        defaults, which VTA's files omit.
        """
        out = {}
        for field in dataclass_fields(self):
            value, key = getattr(self, field.name), _json_key(field.name)
            if all_keys or key in _VTA_KEYS or value != field.default:
                out[key] = value
        return out

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read the text of a ``vta_config.json``."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigError([f"not JSON: {error}"]) from None
        return cls.from_dict(values)

    def to_json(self, *, all_keys: bool = False) -> str:
        """Return the text of a ``vta_config.json`` in VTA's layout; see :meth:`to_dict`."""
        values = self.to_dict(all_keys=all_keys)
        rows = [f'  "{key}" : {json.dumps(value)}' for key, value in values.items()]
        return "{\n" + ",\n".join(rows) + "\n}\n"


_OURS = (*EXTENSION_NAMES, "counters")


def _json_key(name: str) -> str:
    return f"MYVTA_{name.upper()}" if name in _OURS else name.upper()


_VTA_KEYS = tuple(
    _json_key(field.name)
    for field in dataclass_fields(Config)
    if field.name not in ("log_bus_width", *_OURS)
)

_BOTH: dict[str, Any] = {"overwrite": True, "requantize": True}
_ALL: dict[str, Any] = dict.fromkeys(EXTENSION_NAMES, True)
_ALL_4BIT_WEIGHTS: dict[str, Any] = {**_ALL, "weights4": False, "log_wgt_width": 2}


def _sized(batch: int, block: int, buffers: tuple[int, int, int, int], **more: Any) -> Config:
    uop, inp, wgt, acc = buffers
    return Config(
        log_batch=batch, log_block=block, log_uop_buff_size=uop, log_inp_buff_size=inp,
        log_wgt_buff_size=wgt, log_acc_buff_size=acc, **{**_BOTH, **more},
    )


NAMED: dict[str, Config] = {
    # VTA's published 256-MAC configuration with every extension, with two, and with the base ISA
    "default": Config(**_ALL),
    "lean": Config(**_BOTH),
    "base": Config(),
    # small ones: fast to simulate, with limits that tests can reach, or for small FPGAs
    "1x4x4": _sized(0, 2, (10, 10, 11, 12)),
    "1x4x4_base": _sized(0, 2, (10, 10, 11, 12), overwrite=False, requantize=False),
    "1x4x4_int4": _sized(0, 2, (10, 9, 10, 12), log_inp_width=2, log_wgt_width=2),
    "1x8x8": _sized(0, 3, (15, 14, 16, 16)),
    "1x8x8_all": _sized(0, 3, (15, 14, 16, 16), **_ALL),
    "2x8x8": _sized(1, 3, (12, 13, 14, 15)),
    # larger arrays and narrow operands, with every extension that their widths allow
    "2x16x16": _sized(1, 4, (15, 15, 18, 17), **_ALL),
    "4x16x16": _sized(2, 4, (15, 16, 18, 18), **_ALL),
    # weights that fill the block RAMs of their 64 x 256 columns; memory ports of 64, 128, 256 bits
    "1x32x32": _sized(0, 5, (15, 15, 19, 17), **_ALL),
    "1x32x32_128": _sized(0, 5, (15, 15, 19, 17), log_bus_width=7, **_ALL),
    "1x32x32_256": _sized(0, 5, (15, 15, 19, 17), log_bus_width=8, **_ALL),
    "1x16x16_int4": _sized(0, 4, (15, 14, 17, 17), log_inp_width=2, **_ALL_4BIT_WEIGHTS),
    "1x16x16_w4": _sized(0, 4, (15, 15, 17, 17), **_ALL_4BIT_WEIGHTS),
}
"""Named configurations, one table: every one is converted, linted and simulated."""


def named(name: str) -> Config:
    """Return a named configuration.

    Raises
    ------
    ConfigError
        Names the known ones.
    """
    try:
        return NAMED[name]
    except KeyError:
        raise ConfigError([f"no configuration named {name!r}; known: {', '.join(NAMED)}"]) from None


def load_config(name_or_file: str | Path | Config | None) -> Config:
    """Return a configuration from a name, a ``vta_config.json`` path, a Config or None (default).

    Raises
    ------
    ConfigError
        The name is unknown and no such file exists, or the file does not hold a legal one.
    """
    if name_or_file is None:
        return NAMED["default"]
    if isinstance(name_or_file, Config):
        return name_or_file
    if str(name_or_file) in NAMED:
        return NAMED[str(name_or_file)]
    path = Path(name_or_file)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            [f"{str(path)!r} is neither a file nor a named configuration ({', '.join(NAMED)})"]
        ) from None
    except (OSError, ValueError) as error:  # unreadable, not UTF-8, or a NUL in its name
        raise ConfigError([f"cannot read {path}: {error}"]) from None
    try:
        return Config.from_json(text)
    except ConfigError as error:
        raise ConfigError([f"{path}: {problem}" for problem in error.problems]) from None
