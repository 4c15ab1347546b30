"""A program as one file, ``NET.vta``: a zip of JSON and raw bytes (docs/bundle.md).

Every part is covered by a SHA-256 in the manifest and the manifest by one in the zip's comment, so
a file is read whole and exactly as written, or refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BundleError, ProgramError
from .bundle_json import program_from_json, program_to_json
from .program import Program

__all__ = ["FORMAT_VERSION", "read_bundle", "write_bundle"]

FORMAT_VERSION = 1
_MANIFEST = "bundle.json"
_COMMENT = re.compile(rb"myvta-bundle (\d{1,9}) sha256:([0-9a-f]{64})")
_LARGEST = 1 << 30  # bytes of all parts: guards against zip bombs
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the file depends on nothing but the program


@dataclass(frozen=True)
class _Parts:
    """Parts by path; reading a missing one is a BundleError."""

    data: dict[str, bytes]

    def __getitem__(self, path: str) -> bytes:
        if path not in self.data:
            raise BundleError(f"part {path!r} is missing")
        return self.data[path]


def write_bundle(program: Program, path: str | Path) -> Path:
    """Write a program to ``path``, whole or not at all; equal programs give equal files.

    Raises
    ------
    BundleError
        The folder cannot be written, or ``info`` or attributes are not JSON.
    """
    path = Path(path)
    parts: dict[str, bytes] = {}
    try:
        document = program_to_json(program, parts)
        document["parts"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in parts.items()
        }
        text = json.dumps(document, indent=1, allow_nan=False, sort_keys=True).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise BundleError(f"program {program.name!r} cannot be written: {error}") from error
    try:
        handle, temporary = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    except OSError as error:
        raise BundleError(f"cannot write {path}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as stream:
            with zipfile.ZipFile(stream, "w") as archive:
                for name, data in ((_MANIFEST, text), *parts.items()):
                    entry = zipfile.ZipInfo(name, _EPOCH)
                    entry.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(entry, data)
                digest = hashlib.sha256(text).hexdigest()
                archive.comment = f"myvta-bundle {FORMAT_VERSION} sha256:{digest}".encode("ascii")
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise BundleError(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def read_bundle(path: str | Path) -> Program:
    """Read a program back, every byte verified.

    Raises
    ------
    BundleError
        Missing, truncated, altered, foreign or newer; says which.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
            stream.seek(0)
            if start != b"PK\x03\x04":
                raise BundleError("foreign: it is not a bundle (a zip file)")
            try:
                with zipfile.ZipFile(stream) as archive:
                    return _read(archive)
            except zipfile.BadZipFile as error:
                raise BundleError(f"truncated or altered: {error}") from error
            except (
                zlib.error, struct.error, NotImplementedError, RuntimeError, EOFError, KeyError,
                UnicodeError, OverflowError, IndexError,
            ) as error:
                raise BundleError(f"altered: {error}") from error
    except BundleError as error:
        raise BundleError(f"{path} refused: {error}") from error.__cause__
    except ProgramError as error:
        raise BundleError(f"{path} refused: {error}") from error
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror or error}") from error


def _read(archive: zipfile.ZipFile) -> Program:
    match = _COMMENT.fullmatch(archive.comment)
    if not match:
        raise BundleError("foreign or altered: a zip file without a bundle's comment")
    version = int(match[1])
    if version > FORMAT_VERSION:
        raise BundleError(f"newer: format {version}, this myvta reads up to {FORMAT_VERSION}")
    if version < 1:
        raise BundleError(f"altered: there is no format {version}")
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) != len(archive.infolist()):
        raise BundleError("altered: a part is there twice")
    if sum(entry.file_size for entry in entries.values()) > _LARGEST:
        raise BundleError(f"altered: its parts exceed {_LARGEST} bytes")
    if _MANIFEST not in entries:
        raise BundleError(f"altered: no {_MANIFEST}")
    text = _part(archive, entries[_MANIFEST])
    if hashlib.sha256(text).hexdigest().encode("ascii") != match[2]:
        raise BundleError(f"altered: {_MANIFEST} does not match its SHA-256")
    document = _parse(text)
    listed = document.get("parts")
    if not isinstance(listed, dict) or set(listed) != set(entries) - {_MANIFEST}:
        raise BundleError("altered: the parts are not those the manifest lists")
    data = {}
    for name, expected in listed.items():
        data[name] = _part(archive, entries[name])
        actual = {"size": len(data[name]), "sha256": hashlib.sha256(data[name]).hexdigest()}
        if actual != expected:
            raise BundleError(f"altered: part {name!r} does not match its SHA-256")
    return program_from_json(document, _Parts(data))


def _part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as stream:
        return stream.read(entry.file_size + 1)


def _parse(text: bytes) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise BundleError(f"altered: {name} in the manifest")

    try:
        document = json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"altered: the manifest is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BundleError("altered: the manifest is not an object")
    return document
