"""The board's script where only myvta-board is installed, against model and RTL."""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from board_environment import board_python, build_board_wheel, run_python
from compiler_networks import NetworkBuilder, compiled
from link_board import answering, pseudo_terminal
from mapped_board import board_process

from myvta.compiler.compile import compile_model
from myvta.driver import open_target, write_bundle
from myvta.driver.target.boards import BOARDS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "examples" / "board" / "first_layer.py"


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The interpreter of an environment with myvta-board, numpy and pyserial alone."""
    folder = tmp_path_factory.mktemp("board")
    return board_python(folder, build_board_wheel(folder))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    digits = ROOT / "examples" / "digits"
    made = compile_model(digits / "digits.onnx", digits / "calibration.npz", "1x8x8")
    return write_bundle(made.program, tmp_path_factory.mktemp("net") / "digits.vta")


def run(python, *arguments):
    """Run the script with an interpreter and nothing but its environment."""
    return run_python(python, SCRIPT, *arguments)


@pytest.mark.slow
def test_script_needs_only_numpy_and_pyserial(board, bundle, tmp_path):
    done = run(board, bundle, "model://?mem=0:1M&order=2", "--junit", tmp_path / "report.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "yes program" in done.stdout and "yes alone   conv1: " in done.stdout
    assert "yes chained" in done.stdout and "agree with the model" in done.stdout
    cases = ElementTree.parse(tmp_path / "report.xml").findall(".//testcase")
    assert len(cases) == done.stdout.count("yes alone") + done.stdout.count("yes chained") > 4


def test_wrong_configuration_is_refused_before_a_launch(board, bundle):
    done = run(board, bundle, "model://?config=1x4x4")
    assert done.returncode == 1 and done.stdout.startswith("NO  open")
    assert "yes alone" not in done.stdout


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two layers for 1x4x4: the RTL does them in no time."""
    folder = tmp_path_factory.mktemp("small")
    build = NetworkBuilder(3)
    x = build.input((1, 3, 6, 6))
    made = compiled(build, folder, "1x4x4", build.relu(build.conv(build.conv(x, 5), 4)))
    return write_bundle(made.program, folder / "net.vta")


@pytest.mark.verilator
@pytest.mark.timeout(600)
def test_script_runs_on_the_rtl(small):
    done = run(sys.executable, small, "verilator://?mem=0:1M&latency=12")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cycles" in done.stdout and "MHz" in done.stdout


def test_missing_compiler_is_reported(board, tmp_path):
    build = NetworkBuilder(5)
    x = build.conv(build.input((1, 3, 4, 4)), 4)
    made = compiled(build, tmp_path, "1x4x4", build.node("Sin", [x], build.shapes[x]))
    bundle = write_bundle(made.program, tmp_path / "net.vta")
    done = run(board, bundle, "model://?mem=0:1M")
    assert done.returncode == 1
    assert "yes alone   conv" in done.stdout  # the steps before it were compared
    assert "needs myvta.compiler: install myvta in place of myvta-board" in done.stdout
    assert run(sys.executable, bundle, "model://?mem=0:1M").returncode == 0


def agrees(done):
    assert done.returncode == 0, done.stdout + done.stderr
    assert "yes program" in done.stdout and "yes alone   conv1: " in done.stdout
    return True


def test_script_runs_over_a_serial_line(board, bundle):
    """A real pseudo-terminal with pyserial on one side, the protocol's device side on the other."""
    with open_target("model://?config=1x8x8&mem=0:2M") as inner, pseudo_terminal(
        answering(inner)
    ) as port:
        assert agrees(run(board, bundle, f"uart://{port}?baud=1000000"))


def test_script_runs_through_a_memory_map(board, bundle, tmp_path):
    """devmem:// unmodified, with a device process behind the map."""
    pynq = BOARDS["pynq-z2"]
    inner = f"model://?config=1x8x8&mem={pynq.base:#x}:{pynq.size}"
    with board_process(tmp_path, inner, pynq.regs) as (path, _):
        assert agrees(run(board, bundle, f"devmem://pynq-z2?device={path}"))


@pytest.mark.verilator
@pytest.mark.timeout(600)
def test_script_runs_through_a_memory_map_on_the_rtl(board, small, tmp_path):
    """The same with the RTL at the mapped addresses, as on a board's own processor."""
    pynq = BOARDS["pynq-z2"]
    inner = f"verilator://?config=1x4x4&mem={pynq.base:#x}:{pynq.size}"
    with board_process(tmp_path, inner, pynq.regs) as (path, _):
        done = run(board, small, f"devmem://pynq-z2?device={path}&clock=0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "yes alone   conv" in done.stdout and "cycles" in done.stdout
    assert "NO " not in done.stdout
