"""`myvta check` on bundles and listings."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from driver_programs import network, program, racing_stream

from myvta.cli.main import cli
from myvta.driver.program.bundle import write_bundle

SOUND = """.config 1x4x4
.uops one
0,0,0
load uop dram=0 cols=1
load inp dram=0x10 cols=1
load wgt dram=0x20 cols=1 push_next
gemm uops=one reset
gemm uops=one pop_prev push_next
store out dram=0x100 cols=1 pop_prev
finish
"""


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_correct_listing_has_no_findings(here):
    (here / "a.s").write_text(SOUND)
    result = run("check", "a.s")
    assert (result.exit_code, result.output) == (
        0, "a.s: no findings in 7 instructions in 1 launches for 1x4x4\n"
    )


def test_a_race_in_a_listing_names_the_line(here):
    (here / "a.s").write_text(SOUND.replace(" pop_prev push_next", " push_next"))
    result = run("check", "a.s")
    assert result.exit_code == 1
    assert "4, line 8" in result.output and "data race" in result.output
    facts = json.loads(run("check", "a.s", "--json").output)
    assert [it["kind"] for it in facts["findings"]] == ["RACE", "TOKENS"] or [
        it["kind"] for it in facts["findings"]] == ["TOKENS", "RACE"]
    race = next(it for it in facts["findings"] if it["kind"] == "RACE")
    assert (race["index"], race["line"], race["other"]) == (4, 8, 2)
    assert race["instruction"] == "gemm uops=0:1 push_next"
    assert not race["warning"] and not facts["sound"]


def test_a_warning_counts_as_a_finding(here):
    (here / "a.s").write_text(".config 1x4x4\nload inp cols=0 push_next\nfinish\n")
    result = run("check", "a.s")
    assert result.exit_code == 1 and "0 errors and 1 warnings" in result.output


def test_config_option_serves_a_listing_without_a_configuration(here):
    (here / "a.s").write_text("finish\n")
    assert run("check", "a.s").exit_code == 2
    assert run("check", "a.s", "--config", "1x4x4").exit_code == 0


def test_finding_in_a_bundle_names_its_launch(here):
    program = network()
    write_bundle(program, "net.vta")
    result = run("check", "net.vta")
    assert result.exit_code == 0 and "in 2 launches for 1x4x4" in result.output
    (step, *_) = program.launches
    segments = tuple(
        replace(it, data=it.data[:-16] + bytes(16)) if it.offset == step.code else it
        for it in program.segments
    )
    write_bundle(replace(program, segments=segments), "net.vta")  # FINISH is gone
    result = run("check", "net.vta", "--json")
    assert result.exit_code == 1
    finding = json.loads(result.output)["findings"][0]
    assert (finding["kind"], finding["launch"], finding["note"]) == ("FINISH", "d1", "")


@pytest.mark.parametrize(("name", "text", "message"), [
    ("a.vta", "PK", "refused: foreign"), ("a.s", "frob", "unknown word"),
    (None, "", "No such file"),
])
def test_other_files_than_programs_are_refused(here, name, text, message):
    if name:
        (here / name).write_text(".config 1x4x4\n" * (name == "a.s") + text)
    result = run("check", name or "nothing.s")
    assert result.exit_code == 2 and message in result.stderr


def test_another_configuration_than_the_bundle_s_is_refused(here):
    write_bundle(network(), "net.vta")
    result = run("check", "net.vta", "--config", "default")
    assert result.exit_code == 2 and "net.vta is for configuration 1x4x4" in result.stderr


def test_run_refuses_a_race_except_with_no_check(here):
    write_bundle(program(lambda **at: racing_stream(), outputs=("x",)), "race.vta")
    np.savez("data.npz", x=np.zeros((2, 8), np.int8))
    result = run("run", "race.vta", "--input", "data.npz")
    assert result.exit_code == 2 and "refused by the static checker" in result.stderr
    assert "[conv1] data race" in result.stderr and "--no-check" in result.stderr
    result = run("run", "race.vta", "--input", "data.npz", "--no-check")
    assert result.exit_code == 0, result.stderr


def test_portable_reports_rules_with_their_fix(here):
    (here / "a.s").write_text(SOUND.replace("1x4x4", "base"))
    assert run("check", "a.s").exit_code == 0
    result = run("check", "a.s", "--portable", "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.output)["findings"]
    assert (finding["kind"], finding["warning"], finding["line"]) == ("PORTABLE", True, 10)
    assert finding["text"].startswith("rule 11: it does not wait for instruction 5 of store")
    joined = SOUND.replace("1x4x4", "base").replace(
        "pop_prev\nfinish", "pop_prev push_prev\nfinish pop_next")
    (here / "b.s").write_text(joined)
    assert run("check", "b.s", "--portable").exit_code == 0


def test_portable_is_for_programs(here):
    (here / "net.onnx").write_bytes(b"")
    result = run("check", "net.onnx", "--portable")
    assert result.exit_code == 2
    assert "compile it for configuration base, and check the bundle" in result.output
