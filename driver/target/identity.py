"""Check that the device is this accelerator, of the configuration that the host expects."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields

from ...isa.config import NAMED, Config
from ...isa.geometry import COUNTER_SETS
from ...isa.register_map import FEATURE_COUNTERS, IDENTITY, VERSION, Reg, reset_values
from ..errors import IdentityError
from .protocol import Target

__all__ = [
    "COUNTERS_ADVICE", "check_fingerprint", "check_identity", "config_difference",
    "counters_difference",
]

COUNTERS_ADVICE = (
    "name a vta_config.json with the device's MYVTA_COUNTERS in the URL, config=FILE"
)


def config_difference(expected: Config, other: Config) -> str:
    """Return ``KEY expected X, device Y`` for each key a program depends on, comma separated."""
    rows = []
    for item in dataclass_fields(Config):
        want, have = getattr(expected, item.name), getattr(other, item.name)
        if want != have and item.name not in ("target", "hw_ver", "log_bus_width", "counters"):
            rows.append(f"{item.name.upper()} expected {want}, device {have}")
    return ", ".join(rows)


def check_identity(target: Target) -> None:
    """Check that the device is this accelerator and has the target's configuration.

    Raises
    ------
    IdentityError
        Names the register that differs, and for another named configuration the keys that differ.
    """
    identity = target.read_register(Reg.IDENTITY)
    if identity != IDENTITY:
        silent = identity in (0, 0xFFFF_FFFF)
        advice = "nothing answers there: wrong base address, or no design loaded" if silent else (
            "another design answers there"
        )
        raise IdentityError(
            f"IDENTITY reads {identity:#010x}, expected {IDENTITY:#010x} ('MVTA'): {advice}"
        )
    version = target.read_register(Reg.VERSION)
    if version >> 16 != VERSION >> 16:
        raise IdentityError(
            f"register map version is {version >> 16}.{version & 0xFFFF}, this driver speaks "
            f"{VERSION >> 16}.{VERSION & 0xFFFF}"
        )
    expected = reset_values(target.config)
    check_fingerprint(target.config, target.read_register(Reg.FINGERPRINT))
    features = target.read_register(Reg.FEATURES)
    if features != expected[Reg.FEATURES]:
        counters = counters_difference(target.config, features)
        raise IdentityError(
            f"FEATURES reads {features:#x}, expected {expected[Reg.FEATURES]:#x} for "
            f"configuration {target.config.name}"
            + (f": {counters}; {COUNTERS_ADVICE}" if counters else "")
        )


def counters_difference(expected: Config, features: int) -> str:
    """Return an explanation where FEATURES differs in the set of counters, else ""."""
    wanted = reset_values(expected)[Reg.FEATURES]
    code = (features ^ wanted) >> FEATURE_COUNTERS
    if not code:
        return ""
    device = dict(enumerate(COUNTER_SETS)).get(features >> FEATURE_COUNTERS, "unknown counters")
    return f"the device has counters {device!r}, the configuration {expected.counters!r}"


def check_fingerprint(expected: Config, fingerprint: int) -> None:
    """Compare a device's fingerprint with a configuration; IdentityError with the difference."""
    if fingerprint == expected.fingerprint:
        return
    for name, config in NAMED.items():
        if config.fingerprint == fingerprint:
            explanation = f"it is {name!r}: {config_difference(expected, config)}"
            break
    else:
        explanation = "it is none of the named configurations"
    raise IdentityError(
        f"the device has configuration {fingerprint:#010x}, expected {expected.fingerprint:#010x} "
        f"({expected.name}); {explanation}"
    )
