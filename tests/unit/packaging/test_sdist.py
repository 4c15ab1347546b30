"""The source distribution: complete, and it tests itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILT = shutil.ignore_patterns(
    ".git", ".venv", ".tox", ".*_cache", ".hypothesis", "build", "dist", "*.egg-info",
    "__pycache__", "*.pyc",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the tree without build products."""
    folder = tmp_path_factory.mktemp("source") / "tree"
    shutil.copytree(ROOT, folder, ignore=BUILT)
    return folder


@pytest.fixture(scope="module")
def unpacked(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the source distribution of the copy and unpack it."""
    folder = tmp_path_factory.mktemp("sdist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, source],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / path.name.removesuffix(".tar.gz")


def files(folder: Path) -> set[str]:
    """Return the files below a folder, metadata of packages aside."""
    return {
        path.relative_to(folder).as_posix() for path in folder.rglob("*")
        if path.is_file() and not any(part.endswith(".egg-info") for part in path.parts)
    }


@pytest.mark.slow
def test_sdist_holds_the_tree(source: Path, unpacked: Path) -> None:
    assert files(source) == files(unpacked) - {"PKG-INFO"}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sdist_collects_its_tests_and_passes_one(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "myvta").symlink_to(unpacked)  # imports find this one, not the installed one
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for arguments in (["--collect-only"], ["tests/unit/isa/test_tables.py"]):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=unpacked, env=environment, capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr
