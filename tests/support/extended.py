"""Named configurations with extensions added: "1x4x4+lookup+reduce", "1x4x4+all"."""

from __future__ import annotations

from myvta.isa.config import Config, named
from myvta.isa.extensions import EXTENSION_NAMES

__all__ = ["extended"]


def extended(name: str) -> Config:
    """Return a named configuration with the extensions after each ``+``; ``all`` is all of them."""
    base, *extensions = name.split("+")
    if extensions == ["all"]:
        extensions = list(EXTENSION_NAMES)
    return named(base).replace(**dict.fromkeys(extensions, True))
