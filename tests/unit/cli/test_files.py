"""Files that a verb writes: all of them completely, or none."""

import os
from pathlib import Path

import numpy as np
import pytest

from myvta.cli.files import write_arrays, write_files
from myvta.cli.input_errors import InputError


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_writing_creates_folders_and_replaces_files(tmp_path):
    folder = tmp_path / "a" / "b"
    write_files({folder / "x": b"old", folder / "y": "1"})
    write_files({folder / "x": "new \u00e9"})
    assert contents(folder) == {"x": "new \u00e9".encode(), "y": b"1"}


def test_arrays_are_written_as_an_npz_by_name(tmp_path):
    write_arrays(tmp_path / "a.npz", {"x": np.arange(3), "file": np.ones((1, 2), np.int8)})
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays.files == ["x", "file"], "any name, also that of numpy's own argument"
        assert arrays["x"].tolist() == [0, 1, 2] and arrays["file"].dtype == np.int8


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_files({tmp_path / "x": b""})
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


def test_unwritable_file_leaves_all_others_unchanged(tmp_path):
    write_files({tmp_path / "x": b"old"})
    blocked = tmp_path / "x" / "y"
    with pytest.raises(InputError) as refused:
        write_files({tmp_path / "x": b"new", tmp_path / "z": b"new", blocked: b""})
    assert str(refused.value) == (
        f"cannot write {blocked}: File exists; name a place you may write to")
    assert contents(tmp_path) == {"x": b"old"}


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    with pytest.raises(InputError) as refused:
        write_files({tmp_path: b""})
    assert str(refused.value) == f"cannot write {tmp_path}: it is a folder; name a file in it"
    assert list(tmp_path.iterdir()) == []


def test_failed_replacement_removes_its_temporary_file(tmp_path, monkeypatch):
    def fail(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(InputError, match="No space left on device"):
        write_files({tmp_path / "x": b"new"})
    assert list(tmp_path.iterdir()) == []
