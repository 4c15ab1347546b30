"""The manifest of a bundle: a program as JSON and parts, and every alteration refused."""

import json

import pytest
from bundle_files import CONFIG, make_program

from myvta.driver import BundleError, ProgramError
from myvta.driver.program.bundle_json import program_from_json, program_to_json


class Parts(dict):
    """Parts in memory, missing ones as a bundle reports them."""

    def __missing__(self, path):
        raise BundleError(f"altered: part {path!r} is missing")


def manifest():
    """Return the manifest of a program as a reader gets it, and its parts."""
    parts = Parts()
    text = json.dumps(program_to_json(make_program(), parts))
    return json.loads(text), parts


def test_manifest_round_trip_gives_an_equal_program():
    document, parts = manifest()
    assert program_from_json(document, parts) == make_program()


def test_bytes_are_parts_numbered_by_folder():
    document, parts = manifest()
    assert sorted(parts) == [
        "attachments/00000.bin", "attachments/00001.bin", "payloads/00002.bin",
        *(f"segments/{n:05d}.bin" for n in range(4)),
    ]
    assert parts["segments/00000.bin"] == bytes(range(64))
    assert parts[document["steps"][2]["payload"]] == b"model"
    assert parts[document["attachments"]["reference/x.npy"]] == b"abc"
    assert parts[document["attachments"]["empty"]] == b""


def test_fields_are_those_of_the_program():
    document, _ = manifest()
    assert (document["name"], document["size"] % 4096) == ("n\u00e4me", 0)
    assert document["fingerprint"] == CONFIG.fingerprint
    real, x = document["tensors"]
    assert (real["memory_type"], real["offset"], real["dtype"]) == (None, None, "float32")
    assert (x["memory_type"], x["shape"], x["scale"]) == ("INP", [1, 4, 2, 2], [0.25, 0.5, 1, 2])
    assert document["steps"][2]["kind"] == "host"
    assert document["steps"][2]["attributes"] == {"axis": [1, None, "a"]}


def test_runs_of_equal_notes_are_stored_with_their_length():
    document, _ = manifest()
    launch, empty, _ = document["steps"]
    assert [text for _, text in launch["notes"]] == ["load", "multiply", ""]
    assert sum(count for count, _ in launch["notes"]) == launch["count"]
    assert (empty["notes"], empty["count"]) == ([], 1)


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
        (lambda d: d.update(attachments=[]), "'attachments' of the manifest is not dict"),
        (lambda d: d["attachments"].update(empty=1), "'empty' of attachments is not str"),
        (lambda d: d["steps"][2].update(payload=1), r"'payload' of steps\[2\] is not str"),
        (lambda d: d["steps"][0].update(notes=[[0, "a"]]), "more notes than instructions"),
        (lambda d: d["tensors"][1].update(scale=[True]), "'scale' of .* holds something else than"),
    ],
)
def test_an_altered_manifest_is_refused(change, message):
    document, parts = manifest()
    change(document)
    with pytest.raises((BundleError, ProgramError), match=message):
        program_from_json(document, parts)
