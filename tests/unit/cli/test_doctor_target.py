"""`myvta doctor --target`: one line per step, JSON, exit status."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli import doctor_target
from myvta.cli.main import cli
from myvta.driver.validate.diagnose import Diagnosis

STEPS = (Diagnosis("open", True, "model"), Diagnosis("identity", False, "0x0", "load the design"))


def run(*arguments):
    return CliRunner().invoke(cli, ["doctor", "--target", "model://?config=1x4x4&mem=0:1M",
                                    *arguments])


def test_working_target_exits_with_0():
    result = run()
    assert result.exit_code == 0, result.output
    *steps, verdict = result.output.splitlines()
    assert len(steps) > 5 and all(step.startswith("yes ") for step in steps)
    assert verdict == "The device works."


@pytest.fixture
def failing(monkeypatch):
    monkeypatch.setattr(doctor_target, "diagnose", lambda url: iter(STEPS))


def test_failing_step_is_printed_with_its_advice_and_exits_with_1(failing):
    result = run()
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "yes open             model", "no  identity         0x0", "    load the design",
        "The device does not work yet.",
    ]


def test_json_has_every_step(failing):
    result = run("--json")
    assert result.exit_code == 1
    facts = json.loads(result.output)
    assert not facts["healthy"]
    assert [(row["name"], row["works"], row["advice"]) for row in facts["checks"]] == [
        ("open", True, ""), ("identity", False, "load the design")]
