"""Arrays from users: files that are no plain npz, and every mismatch with the expected inputs."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from myvta.compiler.ir.arrays import check_arrays, load_arrays
from myvta.compiler.ir.compile_errors import CompileError

Expected = dict[str, tuple[tuple[int, ...], str]]
IMAGE: Expected = {"x": ((1, 3, 2), "float32")}
TWO: Expected = {"x": ((1, 3), "float32"), "n": ((1,), "int64")}


def problems(arrays: dict[str, np.ndarray], expected: Expected) -> list[str]:
    """Return the problems of arrays that are refused."""
    with pytest.raises(CompileError) as caught:
        check_arrays(arrays, expected, "inputs")
    return caught.value.problems


def test_npz_is_read_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(6.0).reshape(2, 3), n=np.array([1, 2]))
    arrays = load_arrays(tmp_path / "a.npz")
    assert arrays.keys() == {"x", "n"}
    assert arrays["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["n"].tolist() == [1, 2]


def test_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.npz"
    with pytest.raises(CompileError) as caught:
        load_arrays(path)
    assert caught.value.problems == [f"cannot read {path}: No such file or directory"]


def test_bare_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(CompileError) as caught:
        load_arrays(path)
    assert str(caught.value) == f"{path}: not an npz file of plain arrays: it holds a bare array"


class Trap:
    """An object whose unpickling would be noticed."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("the pickle was executed",)


@pytest.mark.parametrize("content", [
    b"", b"PK\x03\x04 and no archive", b"no archive at all", pickle.dumps(Trap()),
])
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(CompileError, match="not an npz file of plain arrays: "):
        load_arrays(path)


def test_pickled_object_in_an_archive_is_refused_and_not_executed(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    np.save(tmp_path / "x.npy", np.array([Trap()], object), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(tmp_path / "x.npy", "x.npy")
    with pytest.raises(CompileError, match="not an npz file of plain arrays: "):
        load_arrays(path)


def test_arrays_are_converted_to_the_expected_types() -> None:
    arrays = check_arrays({"x": np.ones((5, 3, 2), np.float64)}, IMAGE, "inputs")
    assert arrays["x"].dtype == np.float32
    assert arrays["x"].shape == (5, 3, 2)
    arrays = check_arrays({"n": np.ones(4), "x": np.ones((4, 3))}, TWO, "inputs")
    assert arrays["x"].dtype == np.float32
    assert arrays["n"].dtype == np.int64


def test_single_array_may_have_any_name() -> None:
    assert check_arrays({"images": np.ones((1, 3, 2))}, IMAGE, "inputs").keys() == {"x"}


@pytest.mark.parametrize(("value", "problem"), [
    (np.array([["a"]]), "inputs: 'x' must hold numbers, not <U1"),
    (np.ones((2, 3, 2), complex), "inputs: 'x' must hold numbers, not complex128"),
    (np.ones((2, 2, 3)), "inputs: 'x' must have shape [images, 3, 2], not [2, 2, 3]"),
    (np.ones((3, 2)), "inputs: 'x' must have shape [images, 3, 2], not [3, 2]"),
    (np.ones((0, 3, 2)), "inputs: 'x' holds no image"),
    (np.full((1, 3, 2), np.nan), "inputs: 'x' holds NaN or infinite values"),
    (np.full((1, 3, 2), np.inf), "inputs: 'x' holds NaN or infinite values"),
])
def test_unfit_array_is_refused(value: np.ndarray, problem: str) -> None:
    assert problems({"x": value}, IMAGE) == [problem]


def test_missing_arrays_are_listed_with_those_provided() -> None:
    assert problems({"y": np.ones((1, 3)), "z": np.ones(1)}, TWO) == [
        "inputs: no array for input 'x' [images, 3]; it holds y, z",
        "inputs: no array for input 'n' [images, ]; it holds y, z",
    ]
    assert problems({}, IMAGE) == [
        "inputs: no array for input 'x' [images, 3, 2]; it holds nothing"]


def test_all_problems_are_listed() -> None:
    assert problems({"x": np.ones((0, 3)), "n": np.ones((2, 2))}, TWO) == [
        "inputs: 'x' holds no image",
        "inputs: 'n' must have shape [images, ], not [2, 2]",
    ]


def test_different_numbers_of_images_are_refused() -> None:
    assert problems({"x": np.ones((2, 3)), "n": np.ones(3)}, TWO) == [
        "inputs: different numbers of images: {'x': 2, 'n': 3}"]
