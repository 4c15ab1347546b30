"""`myvta dis`: text that assembles to the same bytes, and input that it refuses."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli.main import cli
from myvta.isa.config import NAMED
from myvta.isa.instructions import Finish, Gemm, encode_stream

STREAM = encode_stream([Gemm(), Finish()], NAMED["base"])
UOPS = (1 | 2 << 11 | 3 << 22).to_bytes(4, "little")


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.bin").write_bytes(STREAM)
    (tmp_path / "a.uop").write_bytes(UOPS)
    return tmp_path


def test_text_assembles_to_the_same_bytes(here):
    text = run("dis", "a.bin", "--uops", "a.uop", "--config", "base").output
    (here / "b.s").write_text(text)
    assert run("asm", "b.s", "-o", "b.bin", "--uops", "b.uop").exit_code == 0
    assert (here / "b.bin").read_bytes() == STREAM
    assert (here / "b.uop").read_bytes() == UOPS


def test_output_file_has_the_printed_text(here):
    text = run("dis", "a.bin", "--config", "base").output
    assert run("dis", "a.bin", "--config", "base", "-o", "c.s").output == ""
    assert (here / "c.s").read_text() == text


def test_json_has_an_object_for_each_instruction(here):
    listing = json.loads(run("dis", "a.bin", "--config", "base", "--json").output)
    assert listing["config"] == "base"
    assert listing["instructions"][1] == {"index": 1, "word": f"0x{3:032x}", "text": "finish"}


@pytest.mark.parametrize(("arguments", "message"), [
    (("dis", "none.bin"), "none.bin: No such file or directory"),
    (("dis", "cut.bin"),
     "cut.bin: the instruction stream has 17 bytes, which is not a multiple of 16: it is truncated "
     "or something else"),
    (("dis", "whole.bin", "--uops", "cut.bin"),
     "cut.bin: the micro-op image has 17 bytes, which is not a multiple of 4: it is truncated or "
     "something else"),
    (("dis", "cut.bin", "--json"),
     "cut.bin: the instruction stream has 17 bytes, which is not a multiple of 16: it is truncated "
     "or something else"),
    (("dis", "whole.bin", "-o", "."), "cannot write .: it is a folder; name a file in it"),
])
def test_refused_input_leaves_no_file(here, arguments, message):
    (here / "cut.bin").write_bytes(bytes(17))
    (here / "whole.bin").write_bytes(bytes(16))
    before = {path: path.read_bytes() for path in here.iterdir()}
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")
    assert {path: path.read_bytes() for path in here.iterdir()} == before
