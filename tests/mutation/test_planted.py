"""The planted bugs of ``tox -e mutate`` still apply, and its runner tells outcomes apart."""

import json
import re
import shutil
import subprocess
from dataclasses import replace

import plant
import plant_report
import pytest
from click.testing import CliRunner
from planted import PARTS, problems

from myvta.driver.errors import TargetTimeout
from myvta.rtl.convert import ConvertError

RTL = plant.PACKAGE / "rtl"
ONE = plant.TABLE[0]


def test_every_bug_applies_exactly_once_and_is_python():
    assert problems(plant.TABLE, RTL, plant.ROOT) == []


def test_every_part_has_enough_bugs():
    assert len(plant.TABLE) >= 40
    for part in PARTS:
        assert sum(bug.part == part for bug in plant.TABLE) >= 5, part


@pytest.mark.parametrize(("changes", "said"), [
    ({"part": "host"}, "part must be one of gemm, .*, not 'host'"),
    ({"file": "none.py"}, "there is no rtl/none.py"),
    ({"old": "no such text"}, "its old text occurs 0 times in rtl/.*: 'no such text'"),
    ({"old": "import"}, r"its old text occurs \d+ times"),
    ({"new": ONE.old}, "its new text is its old one"),
    ({"new": "def ("}, "rtl/.* is no Python with it: invalid syntax"),
    ({"tests": "rtl/none"}, "there is no tests/rtl/test_none.py"),
    ({"tests": "rtl/lib/queue::test_none"}, "there is no tests/rtl/lib/test_queue.py::test_none"),
])
def test_inapplicable_bug_is_reported(changes, said):
    (text,) = problems([replace(ONE, **changes)], RTL, plant.ROOT)
    assert text.startswith(f"{ONE.name}: ")
    assert re.search(said, text)


def test_two_of_one_name_are_refused():
    assert problems([ONE, ONE], RTL, plant.ROOT) == [f"{ONE.name}: there are two of that name"]


def test_bugs_are_selected_by_name_and_part():
    assert plant.select(()) == list(plant.TABLE)
    assert {bug.part for bug in plant.select(("alu", "store"))} == {"alu", "store"}
    assert plant.select((ONE.name,)) == [ONE]
    with pytest.raises(plant.click.UsageError, match="of part or has in its name 'x y'; parts are"):
        plant.select(("x y",))


@pytest.mark.parametrize(("error", "verdict"), [
    (AssertionError(), "seen"), (TargetTimeout("waited"), "seen"),
    (pytest.fail.Exception("differs"), "seen"),
    (ValueError("intbv value 9 >= maximum 8"), "seen"),
    (ConvertError("MyHDL warns"), "refused"), (ValueError("other"), "broken"),
    (ImportError("rtl"), "broken"),
])
def test_outcomes_are_classified(error, verdict):
    assert plant_report.verdict(error) == verdict


@pytest.fixture
def field(tmp_path, monkeypatch):
    """A field whose tests are a file of its own: the root is ``tmp_path``."""
    (tmp_path / "tests" / "mutation").mkdir(parents=True)
    plugin = plant.ROOT / "tests" / "mutation" / "plant_report.py"
    shutil.copy(plugin, tmp_path / "tests" / "mutation")
    monkeypatch.setattr(plant, "ROOT", tmp_path)
    return plant.Field(tmp_path / "field")


@pytest.mark.parametrize(("body", "outcome", "error"), [
    ("assert 'product.next = inp[inp_hi:inp_lo].signed()' in TEXT", "killed", "AssertionError: "),
    ("assert TEXT", "survived", "1 tests passed"),
    ("from myvta.rtl.convert import ConvertError; raise ConvertError('no')", "refused",
     "ConvertError: no"),
    ("raise ImportError('elsewhere')", "broken", "ImportError: elsewhere"),
    ("pytest.exit('early')", "broken", ""),
])
def test_planted_bugs_have_these_outcomes(field, tmp_path, body, outcome, error):
    bug = replace(ONE, part="tokens", tests="")
    (file,) = bug.files()
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(
        "import pathlib, pytest\nimport myvta.rtl.compute.mac_array as it\n"
        f"TEXT = pathlib.Path(it.__file__).read_text()\ndef test_it():\n    {body}\n"
    )
    before = (RTL / bug.file).read_text()
    result = plant.plant(field, bug, 0)
    assert (result.outcome, result.part) == (outcome, "tokens")
    assert error in result.error
    if error:
        assert result.test.endswith(f"{file}::test_it") == (outcome != "survived")
    assert (RTL / bug.file).read_text() == before
    assert not (tmp_path / "field" / "bug0").exists()


def test_command_prints_and_writes_results(monkeypatch, tmp_path):
    """Exit status, table and JSON; the work itself is tested above."""
    done = [plant.Result("a", "gemm", "x.py", "killed", "tests/test_x.py::test_y", "E: no", 1.0)]
    monkeypatch.setattr(plant, "run", lambda *given: done)
    file = tmp_path / "out.json"
    found = CliRunner().invoke(plant.main, ["--only", "gemm", "--json", str(file)])
    assert found.exit_code == 0, found.output
    assert "test_x::test_y" in found.output
    assert "1 of 1 planted bugs killed" in found.output
    assert json.loads(file.read_text())[0]["test"] == "tests/test_x.py::test_y"
    done.append(replace(done[0], name="b", outcome="survived", test="", error="9 tests passed"))
    found = CliRunner().invoke(plant.main, [])
    assert found.exit_code == 1
    assert "survived: b (rtl/x.py): 9 tests passed" in found.output
    monkeypatch.setattr(plant, "TABLE", (replace(ONE, old="gone"),))
    found = CliRunner().invoke(plant.main, [])
    assert found.exit_code == 1
    assert "do not apply any more:\ninputs multiplied" in found.output


def test_failing_baseline_ends_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr(plant.Field, "check", lambda *given: None)
    monkeypatch.setattr(plant.Field, "test", lambda *given: (1, {}, "1 failed in 2 s"))
    with pytest.raises(plant.BaselineError, match="not green without a bug:\n1 failed"):
        plant.run(plant.Field(tmp_path), [ONE], 1, plant.Console())


def test_tests_import_the_copy(tmp_path, monkeypatch):
    field = plant.Field(tmp_path)
    folder = field.copy("clean")
    field.check(folder)
    assert not (folder / "myvta" / "tests").exists()
    monkeypatch.setattr(plant.Field, "environment", lambda *given: {
        **plant.os.environ, "PYTHONPATH": str(plant.PACKAGE.parent)})
    with pytest.raises((plant.click.ClickException, subprocess.CalledProcessError)):
        field.check(folder)
