"""Diagnosis of the device at a URL: does it work, and if not, why (`myvta doctor --target URL`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...isa.config import Config, ConfigError
from ...isa.register_map import IDENTITY, VERSION, Feature, Reg, reset_values
from ..errors import CheckError, OutOfMemoryError, TargetError, UrlError
from ..target.identity import COUNTERS_ADVICE, counters_difference
from ..target.open_target import open_target
from ..target.protocol import Target
from ..target.schemes import Advice, find_scheme
from ..target.target_url import parse_url
from ..target.troubleshooting import fingerprint_advice, identity_advice, memory_in_use, open_advice
from . import probe_memory, probes
from .probe_memory import ProbeError

__all__ = ["Diagnosis", "diagnose"]

IOMEM = Path("/proc/iomem")
_PROBES: tuple[tuple[str, Callable[[Target], str]], ...] = (
    ("no launch", probes.idle), ("registers", probes.registers),
    ("address lines", probe_memory.host_memory), ("data lines", probe_memory.data_lines),
    ("bandwidth", probe_memory.bandwidth), ("device memory", probe_memory.device_memory),
    ("program", probes.compute), ("clock", probes.clock),
)


@dataclass(frozen=True)
class Diagnosis:
    """One check: its result, and advice where it fails."""

    name: str
    works: bool
    found: str
    advice: str = ""


def diagnose(url: str, config: str | Config | None = None) -> Iterator[Diagnosis]:
    """Check a target step by step; a failure ends it where later steps depend on it.

    Memory that is written to is restored.  A window of physical memory that Linux uses
    itself is not touched at all.
    """
    wanted, advice = config, Advice()
    try:
        parsed = parse_url(url)
        wanted = config or parsed.config
        advice = find_scheme(parsed.scheme).advice
        target = open_target(url, config)
    except ConfigError as error:
        yield Diagnosis("open", False, str(error), "name a known configuration or its file")
        return
    except (UrlError, TargetError, OSError) as error:
        yield Diagnosis("open", False, str(error), open_advice(advice, error, wanted))
        return
    with target:
        yield Diagnosis(
            "open", True, f"{parsed.scheme}://, window {target.window[0]:#x} + {target.window[1]}"
        )
        for step in _who(target, advice):
            yield step
            if not step.works:
                return
        if getattr(target, "uses_physical_memory", False):
            used = memory_in_use(*target.window, _iomem())
            if used:
                yield Diagnosis("reserved memory", False, "it is not", used)
                return
        for name, probe in _PROBES:
            step = _probe(target, advice, name, probe)
            yield step
            if not step.works:
                return


def _iomem() -> str:
    try:
        return IOMEM.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _who(target: Target, advice: Advice) -> Iterator[Diagnosis]:
    """Look at who answers."""
    try:
        actual = target.read_register(Reg.IDENTITY)
        if actual != IDENTITY:
            text = f"IDENTITY reads {actual:#010x}, not {IDENTITY:#010x} ('MVTA')"
            yield Diagnosis("identity", False, text, identity_advice(advice, actual))
            return
        version = target.read_register(Reg.VERSION)
        text = f"register map {version >> 16}.{version & 0xFFFF}"
        if version >> 16 != VERSION >> 16:
            yield Diagnosis(
                "identity", False, f"{text}; this myvta speaks {VERSION >> 16}.{VERSION & 0xFFFF}",
                "install the myvta that the bitstream was built with, or build the bitstream again",
            )
            return
        yield Diagnosis("identity", True, text)
        yield _configuration(target)
    except TargetError as error:
        yield Diagnosis("identity", False, str(error), open_advice(advice, error))


def _configuration(target: Target) -> Diagnosis:
    expected = target.config
    actual = target.read_register(Reg.FINGERPRINT)
    features = Feature(target.read_register(Reg.FEATURES))
    # Python 3.10 names no combination of flags
    names = "|".join(str(flag.name) for flag in Feature if flag in features)
    text = f"{actual:#010x}, {names or 'no extensions'}"
    if actual != expected.fingerprint:
        return Diagnosis(
            "configuration", False, f"{text}; {expected.name} is {expected.fingerprint:#010x}",
            fingerprint_advice(actual, expected),
        )
    if features != reset_values(expected)[Reg.FEATURES]:
        if counters := counters_difference(expected, features):
            return Diagnosis("configuration", False, f"{text}; {counters}", COUNTERS_ADVICE)
        return Diagnosis(
            "configuration", False, f"{text}; {expected.name} has other extensions",
            "the bitstream does not have the extensions of its fingerprint: build it again",
        )
    return Diagnosis("configuration", True, f"{expected.name}, {text}")


def _probe(
    target: Target, advice: Advice, name: str, probe: Callable[[Target], str]
) -> Diagnosis:
    try:
        return Diagnosis(name, True, probe(target))
    except ProbeError as error:
        return Diagnosis(name, False, *error.args)
    except OutOfMemoryError as error:
        return Diagnosis(name, False, str(error), "give it a larger window: mem=BASE:SIZE")
    except CheckError as error:
        return Diagnosis(name, False, str(error), "")
    except TargetError as error:
        return Diagnosis(name, False, str(error), open_advice(advice, error))
