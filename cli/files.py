"""Files that a verb writes: all of them completely, or none."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .input_errors import InputError

__all__ = ["write_arrays", "write_files"]


def write_files(files: Mapping[Path, bytes | str]) -> None:
    """Write files through temporary ones in the same folders; missing folders are created.

    Raises
    ------
    InputError
        A file cannot be written; all files of these names are unchanged.
    """
    staged: list[tuple[Path, Path]] = []
    path = Path()
    try:
        for path, data in files.items():
            if path.is_dir():
                raise InputError(f"cannot write {path}: it is a folder; name a file in it")
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            staged.append((Path(name), path))
            with os.fdopen(handle, "wb") as file:
                file.write(data.encode("utf-8") if isinstance(data, str) else data)
            os.chmod(name, 0o666 & ~_umask())
        for temporary, path in staged:
            os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}; name a place you may write to"
        ) from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write an ``.npz``; InputError as :func:`write_files`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:  # numpy.savez takes no array named "file"
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    write_files({path: packed.getvalue()})


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
