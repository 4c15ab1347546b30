"""Open a device by its URL."""

from __future__ import annotations

from ...isa.config import Config, ConfigError, load_config
from ..errors import TargetError, UrlError
from .protocol import Target
from .schemes import OpenRequest, find_scheme
from .target_url import parse_url
from .tracing import SpyTarget, open_record, open_trace

__all__ = ["open_target"]


def open_target(url: str, config: str | Config | None = None) -> Target:
    """Open a device.

    Parameters
    ----------
    url : str
        ``scheme://location?mem=BASE:SIZE&config=NAME_OR_FILE&...``; a leading ``spy:`` logs all
        traffic (:mod:`myvta.driver.target.tracing`) to standard error, or to ``trace=FILE``, and
        records it in ``record=FILE``.
    config : Config, str or None
        Configuration, a name or a file; when the URL names one too, both must describe the same
        device, and the URL's bus width and counters count.  Without either: ``default``.

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
            raise UrlError(
                f"the URL asks for {named.name}, the caller for {chosen.name}; a program runs on "
                f"devices of its own configuration alone: compile it for {named.name}"
            )
        chosen = named  # a program does not depend on where they still differ, the device does
    scheme = find_scheme(parsed.scheme)
    try:
        target = scheme.open(OpenRequest(parsed.location, chosen, parsed.window, options))
    except (TargetError, ConfigError):
        raise
    except ValueError as error:
        raise UrlError(f"{parsed.scheme}://: {error}") from error
    if not parsed.spy:
        return target
    try:
        return SpyTarget(target, open_trace(trace), open_record(record, chosen))
    except BaseException:
        target.close()
        raise
