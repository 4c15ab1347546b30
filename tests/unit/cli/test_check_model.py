"""`myvta check` on models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, save

from myvta.cli.main import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["check", *arguments])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "150")
    return tmp_path


def network() -> NetworkBuilder:
    """Return a network with a node on the host."""
    build = NetworkBuilder()
    x = build.relu(build.conv(build.input((1, 3, 6, 6)), 6))
    build.node("Softmax", [build.flatten(x)], (1, 216))
    return build


def test_table_has_every_node_with_place_and_reason(here: Path) -> None:
    save(network(), here / "n.onnx")
    result = run("n.onnx")
    assert result.exit_code == 0
    rows = [line.rstrip().split(maxsplit=4) for line in result.output.splitlines()]
    assert [row[:4] for row in rows[:5]] == [
        ["node", "operator", "shape", "on"],
        ["conv0", "Conv", "1x6x6x6", "device"],
        ["relu1", "Relu", "1x6x6x6", "-"],
        ["flatten2", "Flatten", "1x216", "device"],
        ["softmax3", "Softmax", "1x216", "host"],
    ]
    assert [row[4] for row in rows[1:5]] == [
        "sums over taps and channel blocks", "part of conv0", "a view: no work",
        "no lowering for Softmax",
    ]
    assert result.output.splitlines()[-1] == (
        "n.onnx for default: 2 nodes on the accelerator, 1 on the host, 1 folded away"
    )


def test_json_is_of_the_requested_configuration(here: Path) -> None:
    save(network(), here / "n.onnx")
    facts = json.loads(run("n.onnx", "--json", "--config", "1x4x4").output)
    assert facts["config"] == "1x4x4"
    assert facts["compiles"] is True
    assert facts["nodes"][3] == {
        "name": "softmax3", "op": "Softmax", "where": "host", "shape": [1, 216],
        "reason": "no lowering for Softmax",
    }


def test_problems_are_listed_and_exit_with_1(here: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.input((1, 4)))
    y = build.node("Neg", [build.constant(np.ones(3))], (3,))
    save(build, here / "n.onnx", x, y)
    result = run("n.onnx", "--memory", "1")
    assert result.exit_code == 1
    assert [line for line in result.output.splitlines() if line.startswith("problem: ")] == [
        "problem: output 'neg1' is a constant: it does not depend on the input",
        "problem: its weights and activations take 32 bytes of device memory, more than 1: "
        "give the target and the compiler more memory",
    ]
    assert json.loads(run("n.onnx", "--memory", "1", "--json").output)["compiles"] is False


def test_dynamic_shape_needs_the_shape_option(here: Path) -> None:
    build = NetworkBuilder()
    build.relu(build.input((1, 2, "h", 4)))
    save(build, here / "n.onnx")
    assert run("n.onnx").exit_code == 1
    assert run("n.onnx", "--shape", "input=1,2,3,4").exit_code == 0
    assert run("n.onnx", "--shape", "input").exit_code == 2
