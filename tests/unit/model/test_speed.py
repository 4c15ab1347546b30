"""The speed benchmark's parts: marks, and convolution streams that are right on the model."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from myvta.driver import OpenRequest
from myvta.isa.config import named
from myvta.isa.register_map import Reg
from myvta.model.model_target import ModelTarget, open_model

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark_modules():
    """The benchmarks are scripts that import each other by name, as when they are run."""
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield {name: importlib.import_module(name) for name in ("marks", "model_speed")}
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_speed_targets_are_judged(benchmark_modules, capsys, tmp_path):
    marks = benchmark_modules["marks"]
    fast = marks.Mark("speed", 3.5, 3.0, "G MAC/s")
    late = marks.Mark("time", 2.0, 1.5, "s", at_least=False)
    assert marks.conclude([fast], {}, versions={"numpy": "1"}, file=None) == 0
    assert "met: speed: 3.5 G MAC/s, mark >= 3 G MAC/s\n" in capsys.readouterr().out
    file = tmp_path / "figures.json"
    assert marks.conclude([fast, late], {"x": 1}, versions={"numpy": "1"}, file=file) == 1
    out = capsys.readouterr().out
    assert "MISSED: time: 2 s, mark <= 1.5 s\n" in out
    assert out.startswith("machine: ")
    assert "\nversions: python 3." in out and ", numpy 1\ncommand: " in out
    written = json.loads(file.read_text())
    assert written["figures"] == {"x": 1}
    assert [row["met"] for row in written["marks"]] == [True, False]


@pytest.mark.parametrize(
    ("h", "w", "cin", "cout", "k", "pad", "stride"),
    [
        (6, 6, 32, 32, 3, 1, 1), (9, 7, 16, 48, 3, 1, 2), (8, 8, 32, 16, 1, 0, 2),
        (60, 61, 16, 16, 3, 1, 1), (7, 7, 512, 32, 3, 1, 1),
    ],
)
@pytest.mark.parametrize("order", ["none", "1"])
def test_convolution_streams_equal_the_reference(
    benchmark_modules, h, w, cin, cout, k, pad, stride, order
):
    """Whole output against numpy, no token missing or left over, several tiles where large."""
    speed = benchmark_modules["model_speed"]
    ho, wo = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    row = {
        "layer": "X", "count": "1", "h": h, "w": w, "cin": cin, "cout": cout, "k": k, "pad": pad,
        "stride": stride, "ideal_gemm_cycles_1x16x16": ho * wo * cin * cout * k * k // 256,
    }
    layer = speed.Layer(row, named("default"), np.random.default_rng(h))
    options = {} if order == "none" else {"order": order}
    with open_model(OpenRequest("", named("default"), (0, 4 << 20), options)) as target:
        layer.place(target, 0)
        layer.launch(target)
        layer.verify(target, np.random.default_rng(1))
        assert target.read_register(Reg.GEMM_STEPS) == row["ideal_gemm_cycles_1x16x16"]


def test_a_wrong_output_is_noticed(benchmark_modules):
    speed = benchmark_modules["model_speed"]
    row = {
        "layer": "X", "count": "1", "h": 4, "w": 4, "cin": 16, "cout": 16, "k": 1, "pad": 0,
        "stride": 1, "ideal_gemm_cycles_1x16x16": 16,
    }
    layer = speed.Layer(row, named("default"), np.random.default_rng(0))
    with ModelTarget(named("default"), base=0, size=1 << 20) as target:
        end = layer.place(target, 0)
        layer.launch(target)
        target.write_memory(end - 4096, bytes(256))
        with pytest.raises(RuntimeError, match="X: wrong output at block 0, pixel"):
            layer.verify(target, np.random.default_rng(1))


def test_the_set_is_resnet18_c2_to_c11(benchmark_modules):
    layers = benchmark_modules["model_speed"].read_layers(
        named("default"), np.random.default_rng(0)
    )
    assert [layer.name for layer in layers] == [f"C{n}" for n in range(2, 12)]
    steps = sum(layer.conv.steps * layer.count for layer in layers)
    assert steps == 6623232
