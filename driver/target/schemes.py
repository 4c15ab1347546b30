"""Schemes of target URLs: the built-in ones, and others through entry points.

The entry-point group ``myvta.targets`` maps a scheme's name to ``module:OBJECT``, a
:class:`TargetScheme`; :data:`SCHEMES` says the same for this package.  An object is imported when
its scheme is used: the driver imports no simulator and no serial port by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points

from ...isa.config import Config
from ..errors import TargetError, UrlError
from .protocol import Target

__all__ = [
    "DEFAULT_WINDOW", "ENTRY_POINT_GROUP", "SCHEMES", "Advice", "OpenRequest", "TargetScheme",
    "find_scheme", "known_schemes",
]

ENTRY_POINT_GROUP = "myvta.targets"
SCHEMES = {
    "model": "myvta.model.model_target:SCHEME",
    "icarus": "myvta.cosim.icarus:SCHEME",
    "verilator": "myvta.cosim.verilator:SCHEME",
    "uart": "myvta.driver.transport.uart_target:SCHEME",
    "tcp": "myvta.driver.transport.tcp_target:SCHEME",
    "devmem": "myvta.driver.mmio.devmem:SCHEME",
    "uio": "myvta.driver.mmio.uio:SCHEME",
}
"""Schemes of this package; an entry point cannot take their names."""

DEFAULT_WINDOW = (0, 64 << 20)
"""Base and size in bytes for a device whose memory is made when it is opened."""


@dataclass(frozen=True)
class OpenRequest:
    """The parts of a URL that a scheme opens a target from.

    Attributes
    ----------
    location : str
        The text between ``://`` and ``?``, decoded.
    config : Config
    window : (int, int) or None
        Base and size in bytes of ``mem=``, multiples of 4096; None: the scheme decides.
    options : mapping of str to str
        Options that only the scheme understands.
    """

    location: str
    config: Config
    window: tuple[int, int] | None = None
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Advice:
    """Advice for a user whose device cannot be reached; ``""`` where the error's text is enough.

    Attributes
    ----------
    by_errno : mapping of int to str
        For an error of the operating system while opening.
    no_answer : str
        A wait ran out.
    no_device : str
        Register IDENTITY reads all zeros or all ones.
    """

    by_errno: Mapping[int, str] = field(default_factory=dict)
    no_answer: str = ""
    no_device: str = "nothing answers there"


@dataclass(frozen=True)
class TargetScheme:
    """How the targets of one scheme are opened.

    Attributes
    ----------
    open : callable
        ``open(request) -> Target``; a ValueError for a location, window or option it refuses
        becomes a UrlError.
    advice : Advice
    """

    open: Callable[[OpenRequest], Target]
    advice: Advice = Advice()


def _registered() -> dict[str, str]:
    others = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**others, **SCHEMES}


def known_schemes() -> tuple[str, ...]:
    """Return the schemes that :func:`find_scheme` knows, sorted."""
    return tuple(sorted(_registered()))


def find_scheme(name: str) -> TargetScheme:
    """Import a scheme.

    Raises
    ------
    UrlError
        There is none of that name; the known ones are listed.
    TargetError
        Its module cannot be imported, or gives no TargetScheme.
    """
    registered = _registered()
    if name not in registered:
        raise UrlError(f"no target scheme {name!r}; known: {', '.join(sorted(registered))}")
    module_name, _, attribute = registered[name].partition(":")
    try:
        scheme = getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise TargetError(f"target {name}:// cannot be loaded: {error}") from error
    if not isinstance(scheme, TargetScheme):
        raise TargetError(
            f"target {name}:// cannot be loaded: {registered[name]} must be a "
            f"myvta.driver.Scheme, not {type(scheme).__name__}"
        )
    return scheme
