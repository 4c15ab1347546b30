"""Options of simulated targets, as a URL gives them after the question mark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..isa.config import Config

__all__ = ["Wave", "SimulationOptions", "parse_options", "with_bus"]

_BUS_WIDTHS = (64, 128, 256)
_TABLE = {
    # name: (lowest, highest, meaning)
    "latency": (0, 100_000, "cycles from an accepted address to its first beat"),
    "bandwidth": (1, 100, "percent of cycles with a beat, in each direction"),
    "stall": (0, 90, "percent probability of a stall, per channel and cycle"),
    "shy": (0, 1, "1: READY waits for VALID"),
    "seed": (0, 2**32 - 1, "seed of the random stalls"),
    "max_cycles": (1, 2**62, "cycles a launch may take"),
    "wave_from": (0, 2**62, "first cycle in the wave file"),
    "wave_cycles": (1, 2**62, "cycles in the wave file"),
}
_OTHERS = ("bus", "events", "wave")


@dataclass(frozen=True)
class Wave:
    """Waves of the cycles ``first`` to ``first + count - 1`` into a file."""

    file: Path
    first: int
    count: int


@dataclass(frozen=True)
class SimulationOptions:
    """Behaviour of the memory around a simulated device, and recording.

    Attributes
    ----------
    latency : int
        Clock edges from the one that accepts a read address to the first that can transfer data,
        and from the last beat of a write to its response.  Bursts in flight overlap: a device that
        requests early enough gets a beat every cycle.  1 is the next edge, and so is 0: AXI allows
        no earlier one, as no output may depend combinationally on an input (A3.1.1).
    bandwidth : int
        Percent of cycles in which a beat may move, separately for reads and writes.
    stall : int
        Percent probability, per cycle and independently for each of AR, R, AW, W, B, that the
        memory delays its READY or its next VALID; register accesses are delayed too.
    shy : int
        1: the memory raises a READY only in the cycle after it has seen that channel's VALID wait.
    seed : int
        The same seed gives the same stalls, cycle for cycle, in every simulator.
    max_cycles : int
        A launch that has not ended after this many cycles raises TargetTimeout.
    wave : Wave or None
        None: no waves.
    events : Path or None
        File that gets the start and end of each instruction (:mod:`.event_log`).
    """

    latency: int = 1
    bandwidth: int = 100
    stall: int = 0
    seed: int = 1
    max_cycles: int = 1_000_000_000
    wave: Wave | None = None
    shy: int = 0
    events: Path | None = None


def parse_options(
    options: Mapping[str, str], *, scheme: str, suffixes: tuple[str, ...], max_cycles: int,
    wave_cycles: int,
) -> tuple[SimulationOptions, int | None]:
    """Read the options of a simulated target; also return the bus width when one is given.

    Parameters
    ----------
    suffixes
        Wave formats of the simulator.
    max_cycles, wave_cycles
        Defaults of these options.

    Raises
    ------
    ValueError
        An unknown option (lists the known ones) or a value out of range.
    """
    unknown = [name for name in options if name not in _TABLE and name not in _OTHERS]
    if unknown:
        known = ", ".join(sorted((*_TABLE, *_OTHERS)))
        raise ValueError(f"{scheme}:// has no option {unknown[0]!r}; known: {known}")
    numbers = {name: _number(name, options[name]) for name in _TABLE if name in options}
    parsed = SimulationOptions(
        latency=numbers.get("latency", 1), bandwidth=numbers.get("bandwidth", 100),
        stall=numbers.get("stall", 0), shy=numbers.get("shy", 0), seed=numbers.get("seed", 1),
        max_cycles=numbers.get("max_cycles", max_cycles),
        wave=_wave(options.get("wave"), numbers, suffixes, wave_cycles),
        events=_file("events", options["events"]) if "events" in options else None,
    )
    bus = options.get("bus")
    if bus is None:
        return parsed, None
    if bus not in map(str, _BUS_WIDTHS):
        raise ValueError(f"bus must be one of {', '.join(map(str, _BUS_WIDTHS))}, not {bus!r}")
    return parsed, int(bus)


def with_bus(config: Config, bus: int | None) -> Config:
    """Return the configuration with another width of the memory port, in bits."""
    return config if bus is None else config.replace(log_bus_width=bus.bit_length() - 1)


def _number(name: str, text: str) -> int:
    low, high, meaning = _TABLE[name]
    value = -1
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text):
        value = int(text, 16 if text[:2].lower() == "0x" else 10)
    if not low <= value <= high:
        raise ValueError(f"{name} ({meaning}) must be a number {low}..{high}, not {text!r}")
    return value


def _wave(
    file: str | None, numbers: dict[str, int], suffixes: tuple[str, ...], count: int
) -> Wave | None:
    if file is None:
        for name in ("wave_from", "wave_cycles"):
            if name in numbers:
                raise ValueError(f"{name} needs wave=FILE")
        return None
    if Path(file).suffix not in suffixes:
        raise ValueError(f"wave must be a file named *{' or *'.join(suffixes)}, not {file!r}")
    return Wave(_file("wave", file), numbers.get("wave_from", 0), numbers.get("wave_cycles", count))


def _file(name: str, text: str) -> Path:
    path = Path(text).absolute()
    if not path.parent.is_dir():
        raise ValueError(f"{name} cannot be written: there is no folder {path.parent}")
    return path
