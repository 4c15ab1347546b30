"""Arrays from users: reading ``.npz`` files, and checking them against the expected inputs."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .compile_errors import CompileError

__all__ = ["check_arrays", "load_arrays"]


def load_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read an ``.npz`` of plain arrays (nothing in it is ever executed).

    Raises
    ------
    CompileError
        The file is missing, or not such an npz.
    """
    try:
        archive = np.load(Path(path), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds a bare array")
        with archive:
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        raise CompileError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, TypeError, KeyError, zipfile.BadZipFile, zipfile.LargeZipFile,
            NotImplementedError) as error:
        raise CompileError(f"{path}: not an npz file of plain arrays: {error}") from None


def check_arrays(
    arrays: Mapping[str, np.ndarray], expected: Mapping[str, tuple[tuple[int, ...], str]],
    where: str,
) -> dict[str, np.ndarray]:
    """Return the expected arrays in their dtypes, ``[any number of images, ...]``.

    If a single array is expected, a single one of any name is accepted.

    Parameters
    ----------
    expected
        Shape (its first size does not matter) and dtype by name.
    where
        Name of the arrays in errors.

    Raises
    ------
    CompileError
        Lists every array that is missing, not numeric, of a wrong shape, empty or not finite, and
        different numbers of images.
    """
    provided = {name: np.asarray(value) for name, value in arrays.items()}
    if len(expected) == len(provided) == 1:
        provided = {next(iter(expected)): next(iter(provided.values()))}
    problems = []
    counts = {}
    for name, (shape, dtype) in expected.items():
        full = "[images, " + ", ".join(str(size) for size in shape[1:]) + "]"
        if name not in provided:
            problems.append(
                f"{where}: no array for input {name!r} {full}; it holds "
                f"{', '.join(provided) or 'nothing'}"
            )
            continue
        value = provided[name]
        if value.dtype.kind not in "fiub" or np.dtype(dtype).kind not in "fiub":
            problems.append(f"{where}: {name!r} must hold numbers, not {value.dtype}")
        elif value.ndim != len(shape) or value.shape[1:] != tuple(shape[1:]):
            problems.append(f"{where}: {name!r} must have shape {full}, not {list(value.shape)}")
        elif not len(value):
            problems.append(f"{where}: {name!r} holds no image")
        elif value.dtype.kind == "f" and not np.isfinite(value).all():
            problems.append(f"{where}: {name!r} holds NaN or infinite values")
        else:
            counts[name] = len(value)
    if not problems and len(set(counts.values())) > 1:
        problems.append(f"{where}: different numbers of images: {counts}")
    if problems:
        raise CompileError(*problems)
    return {name: provided[name].astype(dtype) for name, (_, dtype) in expected.items()}
