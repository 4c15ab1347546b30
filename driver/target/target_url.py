"""Target URLs: ``scheme://location?mem=BASE:SIZE&config=NAME_OR_FILE&option=value``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

from ...isa.opcodes import ADDRESS_BITS, WINDOW_GRANULE
from ..errors import UrlError
from .schemes import known_schemes

__all__ = ["TargetUrl", "parse_url"]

_SPY = "spy:"


@dataclass(frozen=True)
class TargetUrl:
    """A parsed target URL.

    Attributes
    ----------
    window : (int, int) or None
        Base and size in bytes of ``mem=``, None without.
    config : str or None
        ``config=``: a name or a file.
    options : dict
        The rest, which only the scheme understands.
    spy : bool
        The URL begins with ``spy:``.
    """

    scheme: str
    location: str
    window: tuple[int, int] | None
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
    window = _parse_window(options.pop("mem")) if "mem" in options else None
    config = options.pop("config", None)
    return TargetUrl(scheme, unquote(location), window, config, options, spy)


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
