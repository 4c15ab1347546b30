"""`.ci/prepare` on different machines, simulated by stand-ins for the system's commands."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOG = 'echo "$(basename "$0") $*" >> "$PLAY/log"\n'
PYTHON = f"""{LOG}
case "$*" in
    *version_info*) [ ! -e "$PLAY/old" ] ;;
    *ensurepip*) [ ! -e "$PLAY/no-venv" ] ;;
    "-m pip "*) [ ! -e "$PLAY/no-network" ] ;;
    "-m venv "*) [ ! -e "$PLAY/no-venv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """Return (folder for stand-ins, function that runs prepare there)."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in ("bash", "basename", "dirname", "mkdir", "cp", "rm", "true"):
        (commands / name).symlink_to(shutil.which(name))

    def add(name, text):
        path = commands / name
        path.write_text(f"#!/usr/bin/env bash\n{text}")
        path.chmod(0o755)

    def run(*tools):
        done = subprocess.run(
            [shutil.which("bash"), ROOT / ".ci/prepare", tmp_path / "venv", "sim,host", *tools],
            env={"PATH": str(commands), "PLAY": str(tmp_path), "HOME": os.environ["HOME"]},
            capture_output=True, text=True, timeout=60,
        )
        log = tmp_path / "log"
        return done, log.read_text().splitlines() if log.exists() else []

    (commands / "env").symlink_to(shutil.which("env"))
    add("python3", PYTHON)
    add("id", "echo 1000\n")
    return add, run


NOTE = "note: for everything to work, run: sudo apt-get install -y "
INSTALL = "python -m pip install --quiet --editable .[sim,host]"


def test_complete_machine_prints_nothing(machine):
    add, run = machine
    add("iverilog", "")
    done, log = run("iverilog")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert log[-1] == INSTALL


def test_user_without_rights_is_shown_the_command(machine):
    add, run = machine
    add("apt-get", LOG)
    done, log = run("iverilog", "g++")
    assert done.returncode == 0
    assert done.stdout == NOTE + "iverilog g++\n"
    assert not [line for line in log if line.startswith("apt-get")]
    assert log[-1] == INSTALL


def test_root_installs(machine):
    add, run = machine
    add("id", "echo 0\n")
    add("apt-get", LOG)
    done, log = run("iverilog", "g++")
    assert (done.returncode, done.stdout) == (0, "")
    assert [line for line in log if line.startswith("apt-get")] == [
        "apt-get update -qq", "apt-get install -y -qq iverilog", "apt-get install -y -qq g++",
    ]
    assert log[-1] == INSTALL


def test_sudo_without_a_password_installs(machine):
    add, run = machine
    add("sudo", 'shift\nexec "$@"\n')
    add("apt-get", LOG)
    done, log = run("iverilog")
    assert (done.returncode, done.stdout) == (0, "")
    assert "apt-get install -y -qq iverilog" in log


def test_package_unknown_to_apt_is_named(machine):
    add, run = machine
    add("id", "echo 0\n")
    add("apt-get", LOG + '[ "$4" != ghdl ]\n')
    done, log = run("ghdl", "iverilog")
    assert done.returncode == 0
    assert done.stdout == NOTE + "ghdl\n"
    assert "apt-get install -y -qq iverilog" in log
    assert log[-1] == INSTALL


def test_python_without_venv_is_an_error(machine, tmp_path):
    _, run = machine
    (tmp_path / "no-venv").touch()
    done, log = run()
    assert done.returncode == 2
    assert done.stdout == NOTE + "python3-venv\n"
    assert done.stderr == (
        f"error: python3 cannot make {tmp_path}/venv; run: sudo apt-get install -y python3-venv\n"
    )
    assert INSTALL not in log


def test_old_python_is_refused(machine, tmp_path):
    _, run = machine
    (tmp_path / "old").touch()
    done, log = run()
    assert done.returncode == 2
    assert done.stderr == (
        "error: python3 is not Python 3.10 or newer; name one: make PYTHON=python3.11 ...\n"
    )
    assert not (tmp_path / "venv").exists()


def test_existing_venv_is_kept(machine, tmp_path):
    _, run = machine
    run()
    (tmp_path / "venv" / "mine").touch()
    done, log = run()
    assert done.returncode == 0
    assert (tmp_path / "venv" / "mine").exists()
    assert sum("-m venv" in line for line in log) == 1


def test_failed_pip_is_explained(machine, tmp_path):
    _, run = machine
    (tmp_path / "no-network").touch()
    done, _ = run()
    assert done.returncode == 2
    assert done.stderr == (
        "error: pip could not install the packages named in setup.cfg (above: why); the first run "
        "needs a network, later ones do not\n"
    )
