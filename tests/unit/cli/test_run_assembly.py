"""`myvta run` on assembly: memory from an npz, results to one, and refused input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from assembly_texts import PRODUCT, product_arrays, product_result
from click.testing import CliRunner, Result

from myvta.cli.files import write_arrays
from myvta.cli.main import cli


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go to a folder with a text and its memory."""
    monkeypatch.chdir(tmp_path)
    Path("a.s").write_text(PRODUCT)
    write_arrays(Path("memory.npz"), product_arrays())


def run(*arguments: str) -> Result:
    """Run a text."""
    return CliRunner().invoke(cli, ["run", *arguments])


@pytest.mark.parametrize("target", [
    "model://", pytest.param("icarus://", marks=[pytest.mark.icarus, pytest.mark.slow])])
def test_results_are_written_and_printed(target: str) -> None:
    done = run("a.s", "--input", "memory.npz", "--output", "out/r.npz", "--target", target)
    assert done.exit_code == 0, done.output
    with np.load("out/r.npz") as arrays:
        assert arrays.files == ["result"]
        np.testing.assert_array_equal(arrays["result"], product_result(product_arrays()))
    lines = done.output.splitlines()
    assert lines[0] == "result: int8 [4, 1, 4]"
    assert lines[1].startswith(f"6 instructions for 1x4x4 on {target}")
    assert lines[2] == "wrote out/r.npz"


def test_json_has_outputs_and_counters() -> None:
    facts = json.loads(run("a.s", "--input", "memory.npz", "--json").output)
    assert facts["outputs"]["result"] == product_result(product_arrays()).tolist()
    assert (facts["instructions"], facts["config"], facts["output"]) == (6, "1x4x4", None)
    assert facts["counters"]["GEMM_STEPS"] == 4


def test_configuration_may_come_from_the_command_line() -> None:
    Path("a.s").write_text(PRODUCT.replace(".config 1x4x4\n", ""))
    assert run("a.s", "--input", "memory.npz", "--config", "1x4x4").exit_code == 0
    assert "no configuration: add `.config NAME`" in run("a.s", "--input", "memory.npz").stderr


def test_refused_input_is_reported_without_a_traceback() -> None:
    for arguments, message in [
        (("a.s",), "a.s: no array for buffer 'image': [elements, 1, 4] with 4 elements\n"
                   "a.s: no array for buffer 'kernel': [elements, 4, 4] with 1 elements"),
        (("a.s", "--layers"), "--layers is for bundles; a.s is assembly"),
        (("a.s", "--input", "no.npz"), "cannot read no.npz: No such file or directory"),
        (("b.s",), "b.s: No such file or directory"),
        (("a.s", "--input", "memory.npz", "--target", "model://?mem=0:4096"),
         "out of device memory for program 'a.s': asked for 45056 bytes, 4096 free, largest "
         "piece 4096"),
    ]:
        done = run(*arguments)
        assert (done.exit_code, done.stderr) == (2, f"error: {message}\n")


def test_errors_of_the_text_and_of_the_checker_have_lines() -> None:
    Path("a.s").write_text(PRODUCT.replace("pop_prev overwrite", "pop_prev"))
    write_arrays(Path("memory.npz"), product_arrays())
    done = run("a.s", "--input", "memory.npz")
    assert done.exit_code == 2
    assert "[a.s:10] " in done.stderr
    assert run("a.s", "--input", "memory.npz", "--no-check").exit_code == 0
    Path("a.s").write_text(PRODUCT.replace("cols=4", "cols=70000"))
    assert run("a.s", "--input", "memory.npz").stderr.count("x_size") == 2
