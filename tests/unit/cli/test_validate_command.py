"""`myvta validate`: tables, JSON, JUnit, exit status."""

import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from click.testing import CliRunner
from compiler_networks import NetworkBuilder, compiled
from faulty_target import FaultyTarget

from myvta.cli import validate_command as validate
from myvta.cli.main import cli
from myvta.driver import open_target, read_bundle, write_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("net")
    build = NetworkBuilder(2)
    x = build.input((1, 3, 5, 5))
    y = build.relu(build.conv(x, 4))
    made = compiled(build, folder, "1x4x4", build.relu(build.conv(y, 4)))
    np.savez(folder / "data.npz", **build.samples(3))
    return write_bundle(made.program, folder / "net.vta")


def run(*arguments):
    return CliRunner().invoke(cli, ["validate", *(str(argument) for argument in arguments)])


def test_correct_target_agrees_in_every_layer(bundle, tmp_path):
    report = tmp_path / "report.xml"
    result = run(bundle, "--target", "model://?order=1&mem=0:1M", "--junit", report, "--input",
                 bundle.parent / "data.npz")
    assert result.exit_code == 0, result.output
    assert result.output.count("agrees alone") == 2
    assert "3 of 3 agree" in result.output
    root = ElementTree.parse(report).getroot()
    assert [suite.get("failures") for suite in root] == ["0", "0"]


def test_wrong_target_differs_at_its_first_wrong_element(bundle, monkeypatch):
    place = _first_output(bundle)

    def opened(url, config):
        return FaultyTarget(open_target(url, config), {place: 1})

    facts = json.loads(run(bundle, "--target", "model://", "--json").output)
    assert facts["passed"] and {it["mode"] for it in facts["results"]} == {"alone", "chained"}
    monkeypatch.setattr(validate, "open_target", opened)
    result = run(bundle, "--target", "model://", "--json")
    assert result.exit_code == 1
    wrong = [it for it in json.loads(result.output)["results"] if not it["passed"]]
    assert wrong[0]["mismatch"]["store"]["text"].startswith("store out")
    text = run(bundle, "--target", "model://")
    assert text.exit_code == 1 and "differs" in text.output and "stored by" in text.output


def _first_output(bundle):
    program = read_bundle(bundle)
    return program.tensor(program.launches[0].outputs[0]).offset


@pytest.mark.parametrize(("arguments", "message"), [
    (("--target", "frob://"), "no target scheme 'frob'"),
    ((), "Missing option '--target'"),
    (("--target", "model://?mem=0:4K"), "out of device memory"),
    (("--target", "model://", "--input", "none.npz"), "none.npz"),
])
def test_invalid_options_are_refused(bundle, arguments, message):
    result = run(bundle, *arguments)
    assert result.exit_code == 2 and message in result.stderr
