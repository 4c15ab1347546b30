"""A program to bundle, and a bundle written again with changes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from myvta.driver import (
    BundleError,
    Program,
    ProgramBuilder,
    ProgramTensor,
    StreamBuilder,
    read_bundle,
)
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

__all__ = ["CONFIG", "make_program", "refused", "rewrite"]

CONFIG = named("1x4x4")


def make_program(attributes: dict[str, Any] | None = None) -> Program:
    """Return a program with a constant, two launches, a host step and attachments."""
    builder = ProgramBuilder("näme", CONFIG)
    weight = builder.constant("weight", bytes(range(64)))
    builder.add(ProgramTensor(name="real", shape=(1, 4), dtype="float32"))
    x = builder.tensor("x", (1, 4, 2, 2), MemoryType.INP, scale=[0.25, 0.5, 1, 2], layer="in")
    assert x.offset is not None
    stream = StreamBuilder(CONFIG, serial=True)
    stream.note("load")
    stream.load_2d(MemoryType.INP, 0, x.offset // 4, 4)
    stream.load_2d(MemoryType.WGT, 0, weight // 16, 4)
    stream.note("multiply")
    stream.gemm([(0, 0, 0)], reset=True)
    builder.launch("conv", stream.finish(), ["x"], ["x"])
    builder.launch("empty", StreamBuilder(CONFIG).finish())
    builder.host("soft", "onnx", ["x"], ["real"], payload=b"model",
                 attributes=attributes or {"axis": [1, None, "a"]}, reason="no exp")
    return builder.build(["x"], ["real"], info={"options": {"shift": 3}},
                         attachments={"reference/x.npy": b"abc", "empty": b""})


def refused(path: Path, message: str) -> None:
    """Assert that a bundle is refused with a message, a regular expression, and its path."""
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(path)
    assert str(path) in str(caught.value)


def rewrite(
    source: Path,
    target: Path,
    change: Callable[[Any], Any] | None = None,
    comment: bytes | None = None,
    rename: str | None = None,
    extra: Iterable[tuple[str, bytes]] = (),
) -> Path:
    """Copy a bundle with its manifest changed and all hashes right; return the copy."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        parts = {name: old.read(name) for name in old.namelist()}
        document = json.loads(parts.pop("bundle.json"))
        document = change(document) if change else document
        text = json.dumps(document).encode()
        new.writestr(rename or "bundle.json", text)
        for name, data in (*parts.items(), *extra):
            new.writestr(name, data)
        digest = hashlib.sha256(text).hexdigest()
        new.comment = comment or f"myvta-bundle 1 sha256:{digest}".encode()
    return target
