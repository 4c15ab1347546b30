"""An environment as a board has it: ``myvta-board`` installed by pip with numpy and pyserial.

The wheel is built from a copy of the tree and installed with its dependencies checked, without a
network: numpy and pyserial are those of the environment that runs the tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

__all__ = ["board_python", "build_board_wheel", "run_python"]

ROOT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "tests", "docs", "examples", "benchmarks"
)


def build_board_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the tree, without a network; return its path."""
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=_LEFT_OUT)
    _pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder,
         source / "packaging" / "board")
    (wheel,) = folder.glob("*.whl")
    return wheel


def board_python(folder: Path, wheel: Path) -> Path:
    """Make an environment with the wheel, numpy and pyserial in it; return its interpreter."""
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python = environment / "bin" / "python"
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    for name in ("numpy", "pyserial"):
        files = distribution(name).files or []
        for part in sorted({file.parts[0] for file in files} - {"..", "__pycache__"}):
            source = Path(str(distribution(name).locate_file(part)))
            if source.is_dir():
                shutil.copytree(source, packages / part, symlinks=True)
            else:
                shutil.copy(source, packages / part)
    _pip("--python", python, "install", wheel)
    return python


def run_python(python: Path | str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an interpreter where nothing but its own environment can be imported."""
    return subprocess.run(
        [str(python), "-I", *map(str, arguments)], capture_output=True, text=True, timeout=300,
        check=False, cwd=Path(python).parent,
    )


def _pip(*arguments: object) -> None:
    options = ("--no-index", "--disable-pip-version-check", "--quiet")
    first, *rest = map(str, arguments)
    command = [first, rest[0], rest[1], *options, *rest[2:]] if first == "--python" else [
        first, *options, *rest
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
