"""Bundle files: what is written comes back; anything else is refused."""

import hashlib
import json
import os
import random
import re
import zipfile

import numpy as np
import pytest

from myvta.driver import (
    BundleError,
    ProgramBuilder,
    StreamBuilder,
    Tensor,
    read_bundle,
    write_bundle,
)
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")


def make_program(attributes=None):
    builder = ProgramBuilder("näme", CONFIG)
    weight = builder.constant("weight", bytes(range(64)))
    builder.add(Tensor(name="real", shape=(1, 4), dtype="float32"))
    x = builder.tensor("x", (1, 4, 2, 2), MemoryType.INP, scale=[0.25, 0.5, 1, 2], layer="in")
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


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(make_program(), tmp_path / "net.vta")


def refused(path, message):
    with pytest.raises(BundleError, match=message) as caught:
        read_bundle(path)
    assert str(path) in str(caught.value)


def rewrite(source, target, change=None, comment=None, rename=None, extra=()):
    """Copy a bundle with its manifest changed, all hashes made right again."""
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


def test_it_is_a_zip_anyone_can_read(bundle):
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


def test_missing_and_foreign(tmp_path, bundle):
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


def test_truncated(tmp_path, bundle):
    data, other = bundle.read_bytes(), tmp_path / "cut.vta"
    for size in {4, 100, len(data) // 2, len(data) - 1, len(data) - 60}:
        other.write_bytes(data[:size])
        refused(other, "truncated or altered|comment")


def test_newer(tmp_path, bundle):
    other = rewrite(bundle, tmp_path / "new.vta", comment=b"myvta-bundle 2 sha256:" + b"0" * 64)
    refused(other, "newer: format 2, this myvta reads up to 1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("steps"), "the manifest has no 'steps'"),
        (lambda d: d.update(size="1"), "'size' of the manifest is not int"),
        (lambda d: d.update(size=True), "'size' of the manifest is not int"),
        (lambda d: d.update(size=16), "past the size 16"),
        (lambda d: d.update(fingerprint=1), "fingerprint and configuration do not belong"),
        (lambda d: d.update(canonical="1x4x4"), "fingerprint and configuration do not belong"),
        (lambda d: d["config"].update(LOG_BLOCK=9), "LOG_BLOCK .* must be 2..5, not 9"),
        (lambda d: d["config"].pop("LOG_BLOCK"), "missing key 'LOG_BLOCK'"),
        (lambda d: d.update(inputs=[1]), "'inputs' of the manifest holds something else than str"),
        (lambda d: d["segments"][0].update(part="../etc"), "part '../etc' is missing"),
        (lambda d: d["segments"].append(3), r"segments\[\d\] is not an object"),
        (lambda d: d["tensors"][0].update(dtype="O"), "dtype 'O'; known"),
        (lambda d: d["tensors"][1].update(memory_type="X"), "has memory type 'X'"),
        (lambda d: d["tensors"][1].update(offset=1 << 70), "is outside"),
        (lambda d: d["tensors"][1].update(shape=[1 << 40, 4, 1 << 40, 2]), "is outside"),
        (lambda d: d["tensors"][1].update(axis=1.5), "'axis' of .* is not int"),
        (lambda d: d["steps"][0].update(kind="x"), "is neither launch nor host but 'x'"),
        (lambda d: d["steps"][0].update(count=1 << 60), "in no segment"),
        (lambda d: d["steps"][0].update(notes=[[1 << 60, "a"]]), "more notes than instructions"),
        (lambda d: d["steps"][0].update(notes=[["a", 1]]), r"is not \[count, text\]"),
        (lambda d: d["steps"][0].update(notes=[[1, "a"]]), "has 1 notes for"),
        (lambda d: d["parts"].popitem(), "the parts are not those the manifest lists"),
        (lambda d: d["parts"]["segments/00000.bin"].update(sha256="0"), "does not match its SHA"),
    ],
)
def test_altered_with_matching_hashes(tmp_path, bundle, change, message):
    def changed(document):
        change(document)
        return document

    refused(rewrite(bundle, tmp_path / "bad.vta", changed), message)


def test_altered_zip(tmp_path, bundle):
    other = tmp_path / "bad.vta"
    refused(rewrite(bundle, other, rename="other.json"), "altered: no bundle.json")
    refused(rewrite(bundle, other, extra=[("more", b"1")]), "the parts are not those")
    with pytest.warns(UserWarning, match="Duplicate name"):
        rewrite(bundle, other, extra=[("segments/00000.bin", b"1")])
    refused(other, "altered: a part is there twice")
    refused(rewrite(bundle, other, lambda document: [document]), "the manifest is not an object")
    zeros = b"myvta-bundle 1 sha256:" + b"0" * 64
    refused(rewrite(bundle, other, comment=zeros), "bundle.json does not match its SHA-256")


def broken(rng, data):
    """Return a bundle's bytes with something broken: anywhere, or where zip keeps its fields."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        if len(out) < 2:
            break
        at = rng.randrange(len(out))
        if rng.randrange(3) == 0:  # a header: local, central or the end's
            heads = [match.start() for match in re.finditer(rb"PK", out)]
            at = min(rng.choice(heads or [0]) + rng.randrange(46), len(out) - 1)
        kind, end = rng.randrange(8), at + rng.randrange(1, 40)
        if kind == 0:
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            out[at] = rng.choice((0, 1, 8, 12, 14, 0x7F, 0xFF, rng.randrange(256)))
        elif kind == 2:
            del out[at:end]
        elif kind == 3:
            out[at:at] = rng.randbytes(rng.randrange(1, 8))
        elif kind == 4:
            out[at:end] = bytes(len(out[at:end]))
        elif kind == 5:
            out[at:at] = out[at:end]
        elif kind == 6:
            there = rng.randrange(len(out))
            out[at : at + 4] = out[there : there + 4]
        else:
            del out[max(at, 1) :]
    return bytes(out)


def mutate(bundle, other, seed, count):
    """Read so many broken bundles; each is refused with a BundleError or the same program."""
    rng, data, program = random.Random(seed), bundle.read_bytes(), make_program()
    outcomes = {"refused": 0, "same": 0}
    for number in range(count):
        other.write_bytes(broken(rng, data))
        try:
            same = read_bundle(other) == program
        except BundleError:
            outcomes["refused"] += 1
        else:
            assert same, f"mutation {number} of seed {seed} is read as something else"
            outcomes["same"] += 1
    return outcomes


@pytest.mark.slow
def test_mutated_files_are_refused_or_the_same(tmp_path, bundle):
    outcomes = mutate(bundle, tmp_path / "mutated.vta", 1, 1000)
    assert outcomes["refused"] > 700


@pytest.mark.soak
def test_soak_mutated_files(tmp_path, bundle):
    """MYVTA_SOAK_BUNDLES files."""
    count = int(os.environ.get("MYVTA_SOAK_BUNDLES", "50000"))
    outcomes = mutate(bundle, tmp_path / "mutated.vta", 2, count)
    print(f"{count} mutated bundles: {outcomes}")
    assert sum(outcomes.values()) == count


def changed_value(rng, value):
    """Return another JSON value in place of one: of another kind, or near it."""
    others = [None, True, -1, 0, 1, 1 << 63, 1 << 80, 0.5, "", "x", [], {}, [value], {"a": value}]
    if isinstance(value, int):
        others += [value + 1, value - 1, -value, value * 4096, value ^ 1 << rng.randrange(40)]
    if isinstance(value, str):
        others += [value + "x", value[1:], "../" + value, "\0"]
    if isinstance(value, list):
        others += [value[1:], value * 2, value[::-1]]
    return rng.choice(others)


def change_manifest(rng, document):
    """Change one value somewhere in a manifest."""
    at = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = rng.choice(keys)
        if isinstance(at[key], (dict, list)) and at[key] and rng.randrange(8):
            at = at[key]
            continue
        at[key] = changed_value(rng, at[key])
        return document


def forge(bundle, other, seed, count):
    """Read so many bundles whose manifest was changed and whose hashes are right again."""
    rng, read = random.Random(seed), 0
    for _ in range(count):
        rewrite(bundle, other, lambda document: change_manifest(rng, document))
        try:
            program = read_bundle(other)
        except BundleError:
            continue
        read += 1
        assert all(len(program.code(step)) == 16 * step.count for step in program.launches)
    return read


@pytest.mark.slow
def test_forged_manifests_are_refused_or_a_program(tmp_path, bundle):
    assert 0 < forge(bundle, tmp_path / "forged.vta", 3, 300) < 200


@pytest.mark.soak
def test_soak_forged_manifests(tmp_path, bundle):
    """MYVTA_SOAK_BUNDLES files."""
    count = int(os.environ.get("MYVTA_SOAK_BUNDLES", "50000"))
    read = forge(bundle, tmp_path / "forged.vta", 4, count)
    print(f"{count} forged manifests: {read} programs, {count - read} refused")


def test_a_bundle_that_unpacks_into_too_much(tmp_path, bundle, monkeypatch):
    monkeypatch.setattr("myvta.driver.program.bundle._LARGEST", 1000)
    refused(bundle, "its parts exceed 1000 bytes")
