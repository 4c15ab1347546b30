"""Bundle files: written ones are read back, others are refused."""

import hashlib
import json
import os
import re
import zipfile

import numpy as np
import pytest
from bundle_files import CONFIG, make_program, refused, rewrite

from myvta.driver import (
    BundleError,
    read_bundle,
    write_bundle,
)
from myvta.isa.opcodes import MemoryType


def test_round_trip(bundle):
    program = make_program()
    back = read_bundle(bundle)
    assert back == program
    assert back.config == CONFIG
    assert back.tensor("x").memory_type is MemoryType.INP
    assert set(back.launches[0].notes) == {"load", "multiply", ""}
    assert read_bundle(str(bundle)) == program


def test_equal_programs_give_equal_files(bundle, tmp_path):
    assert write_bundle(make_program(), tmp_path / "b.vta").read_bytes() == bundle.read_bytes()


def test_bundle_is_a_plain_zip_file(bundle):
    with zipfile.ZipFile(bundle) as archive:
        document = json.loads(archive.read("bundle.json"))
        assert document["config"] == CONFIG.to_dict()
        assert document["fingerprint"] == CONFIG.fingerprint
        segment = document["segments"][0]
        assert archive.read(segment["part"]) == bytes(range(64))
        for name, expected in document["parts"].items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == expected["sha256"]


def test_written_whole_or_not_at_all(bundle, tmp_path):
    before = bundle.read_bytes()
    with pytest.raises(BundleError, match="program 'näme' cannot be written: .*not JSON"):
        write_bundle(make_program({"a": np.int8(1)}), bundle)
    with pytest.raises(BundleError, match="cannot be written: Out of range"):
        write_bundle(make_program({"a": float("nan")}), bundle)
    with pytest.raises(BundleError, match=f"cannot write {re.escape(str(tmp_path))}/no/net.vta"):
        write_bundle(make_program(), tmp_path / "no" / "net.vta")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BundleError, match="cannot write .*folder: Is a directory"):
        write_bundle(make_program(), tmp_path / "folder")
    assert bundle.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "net.vta"]


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="net.vta: No space left on device"):
        write_bundle(make_program(), tmp_path / "net.vta")
    assert list(tmp_path.iterdir()) == []


def test_missing_and_foreign_files_are_refused(tmp_path, bundle):
    with pytest.raises(BundleError, match="cannot read .*none.vta: No such file"):
        read_bundle(tmp_path / "none.vta")
    with pytest.raises(BundleError, match="cannot read .*: Is a directory"):
        read_bundle(tmp_path)
    other = tmp_path / "other.vta"
    for data in (b"", b"PK", b"\x7fELF" + bytes(100), b"hello"):
        other.write_bytes(data)
        refused(other, "foreign: it is not a bundle")
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a", b"b")
    refused(other, "foreign or altered: a zip file without a bundle's comment")


def test_truncated_bundle_is_refused(tmp_path, bundle):
    data, other = bundle.read_bytes(), tmp_path / "cut.vta"
    for size in {4, 100, len(data) // 2, len(data) - 1, len(data) - 60}:
        other.write_bytes(data[:size])
        refused(other, "truncated or altered|comment")


def test_newer_format_is_refused(tmp_path, bundle):
    other = rewrite(bundle, tmp_path / "new.vta", comment=b"myvta-bundle 2 sha256:" + b"0" * 64)
    refused(other, "newer: format 2, this myvta reads up to 1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("steps"), "the manifest has no 'steps'"),
        (lambda d: d.update(size=16), "past the size 16"),
        (lambda d: d["parts"].popitem(), "the parts are not those the manifest lists"),
        (lambda d: d["parts"]["segments/00000.bin"].update(sha256="0"), "does not match its SHA"),
    ],
)
def test_altered_bundle_with_matching_hashes_is_refused(tmp_path, bundle, change, message):
    def changed(document):
        change(document)
        return document

    refused(rewrite(bundle, tmp_path / "bad.vta", changed), message)


def test_altered_zip_is_refused(tmp_path, bundle):
    other = tmp_path / "bad.vta"
    refused(rewrite(bundle, other, rename="other.json"), "altered: no bundle.json")
    refused(rewrite(bundle, other, extra=[("more", b"1")]), "the parts are not those")
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewrite(bundle, other, extra=[("segments/00000.bin", b"1")])
    refused(other, "altered: a part is there twice")
    refused(rewrite(bundle, other, lambda document: [document]), "the manifest is not an object")
    zeros = b"myvta-bundle 1 sha256:" + b"0" * 64
    refused(rewrite(bundle, other, comment=zeros), "bundle.json does not match its SHA-256")


def test_oversized_bundle_is_refused(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr("myvta.driver.program.bundle._LARGEST", 1000)
    refused(bundle, "its parts exceed 1000 bytes")
