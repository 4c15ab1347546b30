"""The table of front ends: a second one compiles and runs without ONNX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from json_front_end import JSON_ENTRY

from myvta.compiler.compile import compile_model
from myvta.compiler.frontend.front_ends import (
    FRONT_ENDS,
    front_end,
    has_model_suffix,
    import_model,
    run_host_images,
)
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.host_payload import HostPayload
from myvta.compiler.model_check import check_model
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named

SUPPORT = Path(__file__).parents[3] / "support"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a network in JSON: two dense layers, a sine between them."""
    monkeypatch.setitem(FRONT_ENDS, "json", JSON_ENTRY)
    return write_network(tmp_path)


def write_network(folder: Path) -> Path:
    random = np.random.default_rng(1)
    first, second = random.normal(0, 0.3, (12, 8)), random.normal(0, 0.3, (5, 12))
    path = folder / "network.json"
    path.write_text(json.dumps({
        "input": ["x", [1, 8]], "outputs": ["y"],
        "layers": [
            {"kind": "dense", "name": "d0", "from": "x", "to": "a", "weight": first.tolist()},
            {"kind": "relu", "name": "r0", "from": "a", "to": "b"},
            {"kind": "sine", "name": "s0", "from": "b", "to": "c"},
            {"kind": "dense", "name": "d1", "from": "c", "to": "y", "weight": second.tolist()},
        ],
    }))
    return path


def samples(count: int) -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(2).normal(0, 1, (count, 8)).astype(np.float32)}


def test_second_front_end_compiles_and_runs(network: Path) -> None:
    made = compile_model(network, samples(16), "1x4x4")
    assert {node.name: node.where for node in made.report.nodes} == {
        "d0": "accelerator", "s0": "host", "d1": "accelerator"}
    assert made.report.evaluator == "numpy"
    inputs = samples(6)
    expected = evaluate(made.quantized, inputs)
    with open_target("model://", named("1x4x4")) as target:
        outputs = Session(made.program, target).run(inputs)
    wanted = import_model(network)[1].evaluator(["y"])(inputs)["y"]
    np.testing.assert_array_equal(
        outputs["y"], made.quantized.tensors["y"].reals(expected["y"]).astype(np.float32))
    np.testing.assert_allclose(outputs["y"], wanted, atol=0.05)


def test_second_front_end_checks(network: Path) -> None:
    fates = {node.op: (node.where, node.reason) for node in check_model(network, "1x4x4").nodes}
    assert fates["relu"] == ("folded", "part of d0")
    assert fates["sine"] == ("host", "no lowering for sine")
    assert fates["dense"][0] == "accelerator"


def test_errors_of_the_front_end_are_reported(network: Path) -> None:
    network.write_text("{")
    with pytest.raises(CompileError, match="not a JSON network"):
        compile_model(network, samples(1), "1x4x4")
    assert "not a JSON network" in check_model(network, "1x4x4").problems[0]


@pytest.mark.slow
def test_onnx_is_not_imported_for_another_format(tmp_path: Path) -> None:
    path = write_network(tmp_path)
    code = f"""
import sys
sys.modules["onnx"] = sys.modules["onnxruntime"] = None
sys.path.insert(0, {str(SUPPORT)!r})
import numpy as np
from json_front_end import JSON_ENTRY
from myvta.compiler import Session, check_model, compile_model
from myvta.compiler.frontend.front_ends import FRONT_ENDS
from myvta.driver.target.open_target import open_target
FRONT_ENDS["json"] = JSON_ENTRY
inputs = {{"x": np.ones((2, 8), np.float32)}}
assert check_model({str(path)!r}, "1x4x4").compiles
made = compile_model({str(path)!r}, inputs, "1x4x4")
with open_target("model://?config=1x4x4") as target:
    print(Session(made.program, target).run(inputs)["y"].shape)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "(2, 5)\n", result.stderr


def test_files_of_other_suffixes_are_read_as_onnx(network: Path, tmp_path: Path) -> None:
    assert has_model_suffix(network)
    assert has_model_suffix(Path("n.onnx"))
    assert not has_model_suffix(Path("n.vta"))
    other = tmp_path / "network.bin"
    other.write_bytes(b"no model")
    with pytest.raises(CompileError, match=r"network\.bin: not an ONNX file"):
        import_model(other)


def test_host_nodes_run_for_any_multiple_of_their_images(network: Path) -> None:
    graph, _ = import_model(network)
    (sine,) = [node for node in graph.nodes if node.op == "sine"]
    data = front_end("json").export_host(graph, [sine])
    x = np.arange(36, dtype=np.float32).reshape(3, 12)
    found = run_host_images(HostPayload("json", data), {"b": x}, 1)
    np.testing.assert_array_equal(found["c"], np.sin(x))
