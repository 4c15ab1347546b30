"""The seam: everything above the hardware talks to a :class:`Target`, opened by URL.

A URL is ``scheme://location?mem=BASE:SIZE&config=NAME_OR_FILE&option=value``.  Schemes are found
through the entry-point group ``myvta.targets``; those of this package are also in :data:`BUILTIN`,
so a checkout that was never installed has them.  Both name a factory by text, which is imported
when its scheme is opened: the driver imports no simulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from types import TracebackType
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, unquote

from ...isa.config import Config, ConfigError, load_config
from ...isa.opcodes import ADDRESS_BITS, WINDOW_GRANULE
from ..errors import TargetError, UrlError

__all__ = [
    "BUILTIN", "ENTRY_POINT_GROUP", "Target", "TargetUrl", "known_schemes", "open_target",
    "parse_url",
]

ENTRY_POINT_GROUP = "myvta.targets"
BUILTIN = {
    "model": "myvta.model.model_target:open_model",
    "icarus": "myvta.cosim.icarus:open_icarus",
    "verilator": "myvta.cosim.verilator:open_verilator",
    "uart": "myvta.driver.transport.uart_target:open_uart",
    "tcp": "myvta.driver.transport.tcp_target:open_tcp",
    "devmem": "myvta.driver.mmio.devmem:open_devmem",
    "uio": "myvta.driver.mmio.uio:open_uio",
}
"""Schemes of this package; setup.cfg's entry points say the same."""

DEFAULT_WINDOW = (0, 64 << 20)
# Without mem= these get (0, 0): the device or its board knows.
_OWN_WINDOW = ("uart", "tcp", "devmem", "uio")
_SPY = "spy:"


@runtime_checkable
class Target(Protocol):
    """One accelerator and the memory it works in.

    Opening a target programs WINDOW_BASE and WINDOW_LIMIT to :attr:`window`.  Simulated targets
    advance while the host waits: each read of CONTROL during a launch runs a bounded piece of the
    simulation.  Every method raises :class:`~myvta.driver.errors.TargetError` (or a ValueError for
    an impossible argument) and never waits without a bound.
    """

    @property
    def window(self) -> tuple[int, int]:
        """Base and size in bytes of the memory the device may touch; multiples of 4096."""

    @property
    def config(self) -> Config:
        """Configuration the target was opened with."""

    def read_register(self, offset: int) -> int:
        """Return a 32-bit register (``isa.registers.Reg``)."""

    def write_register(self, offset: int, value: int) -> None:
        """Write a 32-bit register."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of the window; ValueError outside it."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes (anything with the buffer protocol); ValueError outside, nothing written."""

    def close(self) -> None:
        """Let go of the device; closing twice is harmless."""

    def __enter__(self) -> Target:
        """Return self."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""


@dataclass(frozen=True)
class TargetUrl:
    """A parsed target URL: ``options`` holds what only the scheme's factory understands."""

    scheme: str
    location: str
    base: int
    size: int
    config: str | None
    options: dict[str, str]
    spy: bool = False


def parse_url(url: str) -> TargetUrl:
    """Split a target URL.

    Raises
    ------
    UrlError
        No ``scheme://``, a repeated or empty option, or a bad ``mem=``.
    """
    spy = url.startswith(_SPY)
    scheme, mark, rest = url.removeprefix(_SPY).partition("://")
    if not mark or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise UrlError(
            f"a target is scheme://location?option=value, not {url!r}; "
            f"schemes: {', '.join(known_schemes())}"
        )
    location, _, query = rest.partition("?")
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise UrlError(f"options are ?name=value&name=value, not {query!r} in {url!r}") from None
    for name, value in pairs:
        if name in options:
            raise UrlError(f"option {name!r} is given twice in {url!r}")
        options[name] = value
    base, size = (0, 0) if scheme in _OWN_WINDOW else DEFAULT_WINDOW
    if "mem" in options:
        base, size = _parse_window(options.pop("mem"))
    config = options.pop("config", None)
    return TargetUrl(scheme, unquote(location), base, size, config, options, spy)


def _parse_window(text: str) -> tuple[int, int]:
    example = "BASE:SIZE, for example 0x0:64M"
    parts = text.split(":")
    if len(parts) != 2:
        raise UrlError(f"mem must be {example}, not {text!r}")
    numbers = []
    for part in parts:
        match = re.fullmatch(r"(0[xX][0-9a-fA-F]+|[0-9]+)([KMG]?)", part)
        if not match:
            raise UrlError(f"mem must be {example}, not {text!r} ({part!r} is not a size)")
        shift = {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]
        digits = match[1]
        numbers.append(int(digits, 16 if digits[:2].lower() == "0x" else 10) << shift)
    base, size = numbers
    if base % WINDOW_GRANULE or size % WINDOW_GRANULE or not size:
        raise UrlError(f"mem base and size must be multiples of {WINDOW_GRANULE}, not {text!r}")
    if base + size > 1 << ADDRESS_BITS:
        raise UrlError(f"mem must end at or below 2^{ADDRESS_BITS}, not {text!r}")
    return base, size


def _registered() -> dict[str, str]:
    found = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**BUILTIN, **found}


def known_schemes() -> tuple[str, ...]:
    """Return the schemes that :func:`open_target` finds, sorted."""
    return tuple(sorted(_registered()))


def _factory(scheme: str) -> Callable[..., Target]:
    registered = _registered()
    if scheme not in registered:
        raise UrlError(f"no target scheme {scheme!r}; known: {', '.join(sorted(registered))}")
    module_name, _, function = registered[scheme].partition(":")
    try:
        factory: Callable[..., Target] = getattr(import_module(module_name), function)
        return factory
    except ImportError as error:
        raise TargetError(f"target {scheme}:// cannot be loaded: {error}") from error


def open_target(url: str, config: str | Config | None = None) -> Target:
    """Open a device.

    Parameters
    ----------
    url : str
        ``scheme://location?mem=BASE:SIZE&config=NAME_OR_FILE&...``; a leading ``spy:`` logs all
        traffic (:mod:`myvta.driver.target.tracing`) to standard error, or to ``trace=FILE``, and
        records it in ``record=FILE``.
    config : Config, str or None
        Configuration, a name or a file; wins over nothing: when the URL names one too, both must
        describe the same device.  Neither: ``default``.

    Raises
    ------
    UrlError
        Unknown scheme, bad window, unknown option (the known ones are listed).
    ConfigError
        The configuration is unknown or illegal.
    TargetError
        The device cannot be opened.
    """
    parsed = parse_url(url)
    options = dict(parsed.options)
    trace = options.pop("trace", None) if parsed.spy else None
    record = options.pop("record", None) if parsed.spy else None
    chosen = load_config(parsed.config if config is None else config)
    if config is not None and parsed.config is not None:
        named = load_config(parsed.config)
        if named.canonical != chosen.canonical:
            raise UrlError(f"the URL asks for {named.name}, the caller for {chosen.name}")
    factory = _factory(parsed.scheme)
    try:
        target = factory(
            location=parsed.location, config=chosen, base=parsed.base, size=parsed.size,
            options=options,
        )
    except (TargetError, ConfigError):
        raise
    except ValueError as error:
        raise UrlError(f"{parsed.scheme}://: {error}") from error
    if not parsed.spy:
        return target
    from .tracing import SpyTarget, open_record, open_trace  # not loaded otherwise

    try:
        return SpyTarget(target, open_trace(trace), open_record(record, chosen))
    except BaseException:
        target.close()
        raise
