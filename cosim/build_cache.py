"""Build cache: nothing is built twice from the same content.

An entry is a folder named by the hash of all its inputs.  It is built in a temporary folder next to
its final place and renamed, so an entry exists completely or not at all.  If two processes need the
same entry at once, one builds it under a file lock while the other waits; the lock ends with its
holder, so a killed build blocks nobody.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..driver.errors import TargetError, TargetTimeout

__all__ = ["CacheError", "cache_folder", "cached", "content_key"]

LOCK_SECONDS = 900.0
"""Longest wait for another process that builds the same entry."""


class CacheError(TargetError):
    """The cache folder cannot be used; the message names it and MYVTA_CACHE."""


def cache_folder() -> Path:
    """Return ``MYVTA_CACHE``, else ``myvta`` in the user's cache folder (XDG_CACHE_HOME)."""
    chosen = os.environ.get("MYVTA_CACHE")
    if chosen:
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "myvta"


def content_key(parts: Iterable[str | bytes]) -> str:
    """Return a hash of a sequence of texts, 32 hexadecimal digits; their boundaries count."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:32]


def cached(
    kind: str,
    parts: Iterable[str | bytes],
    build: Callable[[Path], None],
    *,
    lock_seconds: float = LOCK_SECONDS,
) -> Path:
    """Return the folder of an entry, building it when it does not exist.

    Parameters
    ----------
    kind
        Start of the folder's name, for people.
    parts
        Everything the result depends on: sources, flags, tool versions.
    build
        Fills an empty folder.  When it raises, no entry remains.
    lock_seconds
        Longest wait for another process that builds the same entry.

    Raises
    ------
    CacheError
        The cache folder cannot be written.
    TargetTimeout
        Another process held the entry for longer than ``lock_seconds``.
    """
    folder = cache_folder()
    entry = folder / f"{kind}-{content_key(parts)}"
    if entry.is_dir():
        return entry
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=folder))
    except OSError as error:
        raise CacheError(
            f"cannot write the build cache {folder}: {error.strerror or error}; "
            "set MYVTA_CACHE to a folder that can be written"
        ) from None
    try:
        with _locked(folder / f"{entry.name}.lock", lock_seconds):
            if not entry.is_dir():
                build(temporary)
                temporary.rename(entry)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry


@contextmanager
def _locked(path: Path, seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    with path.open("w") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TargetTimeout(
                        f"waited {seconds:g} s for another process that builds {path.stem}; "
                        f"it holds {path}"
                    ) from None
                time.sleep(0.05)
        yield
