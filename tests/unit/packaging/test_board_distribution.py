"""``myvta-board``: its contents, and that it works where nothing else is installed."""

import zipfile

import numpy as np
import pytest
from board_environment import board_python, build_board_wheel, run_python

import myvta
from myvta.driver import open_target
from myvta.driver.serve.server import Server

URL = "model://?config=1x4x4&mem=0x3000:32K"
PRODUCT = """
import sys
import numpy as np
import myvta
from myvta.driver import Runtime
from myvta.driver.target.replay import replay
from myvta.isa.opcodes import MemoryType

with myvta.open_target(sys.argv[1]) as target:
    run = Runtime(target, serial=True)
    x, w = np.arange(8).reshape(1, 8) - 4, np.arange(32).reshape(4, 8) % 5
    left, right = run.put(x, MemoryType.INP), run.put(w, MemoryType.WGT)
    out = run.room((1, 4), MemoryType.OUT)
    run.load(MemoryType.INP, 0, left, 2)
    run.load(MemoryType.WGT, 0, right, 2)
    run.gemm([(0, 0, 0)], reset=True)
    run.gemm([(0, 0, 0)], iter_in=2, src_factor=(0, 1), wgt_factor=(0, 1))
    run.store(0, out, 1)
    run.sync()
    print(*run.get(out, (1, 4))[0])
if len(sys.argv) > 2:
    with myvta.open_target("model://?config=1x4x4&mem=0x3000:32K") as other:
        print(replay(sys.argv[2], other))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_board_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def python(tmp_path_factory, wheel):
    return board_python(tmp_path_factory.mktemp("board"), wheel)


def test_distribution_holds_isa_model_and_driver_and_needs_two_packages(wheel):
    with zipfile.ZipFile(wheel) as content:
        names = content.namelist()
        info = f"myvta_board-{myvta.__version__}.dist-info"
        metadata = content.read(f"{info}/METADATA").decode()
    rooms = {name.split("/")[1] for name in names if name.startswith("myvta/")}
    assert rooms == {"__init__.py", "py.typed", "isa", "model", "driver"}
    assert {"myvta/driver/mmio/devmem.py", f"{info}/LICENSE"} <= set(names)
    wanted = [line for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    assert [line.split()[1].split(">")[0] for line in wanted] == ["numpy", "pyserial"]
    assert "Name: myvta-board\n" in metadata
    assert "Requires-Python: >=3.10\n" in metadata.replace(">= ", ">=")


def test_its_environment_holds_nothing_else(python):
    code = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    assert run_python(python, "-c", code).stdout.split() == ["myvta-board", "numpy", "pyserial"]


def test_every_module_can_be_imported(python):
    code = (
        "import pkgutil, sys, myvta\n"
        "for module in pkgutil.walk_packages(myvta.__path__, 'myvta.'):\n"
        "    __import__(module.name)\n"
        "print(len([name for name in sys.modules if name.startswith('myvta.')]))\n"
    )
    done = run_python(python, "-c", code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 90


def test_installed_distribution_runs_and_replays_a_product_over_tcp(python, tmp_path):
    record = tmp_path / "record"
    with open_target(URL) as inner, Server(inner, ("127.0.0.1", 0)) as server:
        port = server.address[1]
        done = run_python(
            python, "-c", PRODUCT,
            f"spy:tcp://127.0.0.1:{port}?config=1x4x4&trace={tmp_path}/log&record={record}", record,
        )
    assert done.returncode == 0, done.stderr
    x, w = np.arange(8).reshape(1, 8) - 4, np.arange(32).reshape(4, 8) % 5
    product, differences = done.stdout.splitlines()
    assert product.split() == [str(value) for value in (x @ w.T)[0]]
    assert differences == "[]"


def test_missing_exports_name_the_full_distribution(python):
    code = "import myvta; print(myvta.__version__, myvta.load_config('1x4x4').name)"
    assert run_python(python, "-c", code).stdout.split() == [myvta.__version__, "1x4x4"]
    done = run_python(python, "-c", "from myvta import compile_model")
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "ImportError: myvta.compile_model needs myvta.compiler, which is not installed here: the "
        "distribution myvta has it, myvta-board does not"
    )
    done = run_python(python, "-c", "import myvta; myvta.open_target('verilator://')")
    assert "target verilator:// cannot be loaded: No module named 'myvta.cosim'" in done.stderr
