"""The wheel holds the tree; setup.cfg, tox.ini, Makefile and CHANGELOG agree with it."""

import configparser
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import myvta

ROOT = Path(__file__).parents[3]
NOT_PACKED = {"tests", "docs", "examples", "benchmarks", "build", "dist", "packaging"}


def setup_cfg():
    parser = configparser.RawConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def lines(section, key):
    return [line for line in setup_cfg()[section][key].splitlines() if line]


def packages_in_tree():
    """Return every folder with Python files that is not left out on purpose."""
    folders = {path.parent.relative_to(ROOT) for path in ROOT.rglob("*.py")}
    return {
        ".".join(("myvta", *folder.parts)) for folder in folders
        if not folder.parts
        or not (folder.parts[0] in NOT_PACKED or folder.parts[0].startswith("."))
    }


def test_packages_are_those_of_the_tree():
    assert set(lines("options", "packages")) == packages_in_tree()


def test_every_package_has_an_init_with_a_docstring():
    for name in packages_in_tree():
        text = (ROOT.joinpath(*name.split(".")[1:]) / "__init__.py").read_text(encoding="utf-8")
        assert text.startswith('"""'), name


def test_the_root_holds_no_stray_module():
    assert [path.name for path in ROOT.glob("*.py")] == ["__init__.py"]


def test_tests_are_no_package():
    assert not (ROOT / "tests" / "__init__.py").exists()


def test_pyproject_names_the_build_system_alone():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.findall(r"^\[.*\]$", text, re.M) == ["[build-system]"]


def test_every_dependency_has_its_reason():
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    extras = text.split("[options.extras_require]")[1].split("\n[")[0]
    block = text.split("install_requires =\n")[1].split("\n[")[0] + "\n" + extras
    rows = [row for row in block.splitlines() if row.startswith("    ")]
    for before, row in zip(["", *rows], rows, strict=False):
        assert row.startswith("    # ") or before.startswith("    # "), row


def test_markers_and_tox_environments_are_listed():
    tox = configparser.RawConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    assert {name.removeprefix("testenv:") for name in tox if name.startswith("testenv:")} == {
        "cosim", "slow", "convert", "lint", "types", "soak", "mutate", "networks",
    }
    markers = {line.split(":")[0] for line in lines("tool:pytest", "markers")}
    assert markers == {
        "icarus", "verilator", "convert", "configurations", "browser", "slow", "soak", "networks",
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy, without touching the network."""
    source = tmp_path_factory.mktemp("source")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT, source, dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_wheel_holds_every_module_and_nothing_else(wheel):
    expected = {
        "/".join((*name.split("."), path.name))
        for name in packages_in_tree()
        for path in ROOT.joinpath(*name.split(".")[1:]).glob("*.py")
    }
    assert {name for name in wheel.namelist() if name.endswith(".py")} == expected
    assert {name.split("/")[0] for name in wheel.namelist()} == {
        "myvta", f"myvta-{myvta.__version__}.dist-info",
    }


def test_wheel_holds_the_data_files(wheel):
    """Everything in the packages that is no Python: the harness, the lint waivers, the marker."""
    data = {
        "/".join((*name.split("."), path.name))
        for name in packages_in_tree()
        for path in ROOT.joinpath(*name.split(".")[1:]).iterdir()
        if path.suffix in (".cpp", ".h", ".v", ".vlt", ".json", ".typed", ".xdc", ".tcl")
    }
    assert "myvta/py.typed" in data
    assert data <= set(wheel.namelist())


def test_wheel_names_its_scripts_targets_and_licence(wheel):
    info = f"myvta-{myvta.__version__}.dist-info"
    points = configparser.ConfigParser()
    points.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    assert dict(points["console_scripts"]) == {"myvta": "myvta.cli.main:main"}
    assert points.sections() == ["console_scripts"]  # our schemes: driver/target/schemes.py
    assert any(name.endswith("/LICENSE") for name in wheel.namelist())
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "Requires-Python: >=3.10" in metadata


def test_changelog_and_version_agree():
    version = myvta.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {version}" in changelog
    assert changelog.index("## Unreleased") < changelog.index(f"## {version}")


def test_licence_is_the_whole_apache_2():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    for part in ("Version 2.0, January 2004", "END OF TERMS AND CONDITIONS", "APPENDIX"):
        assert part in text
