"""`myvta asm`: the files it writes, and input that it refuses."""

import json

import pytest
from click.testing import CliRunner

from myvta.cli.main import cli
from myvta.isa.config import NAMED
from myvta.isa.instructions import Finish, Gemm, encode_stream

TEXT = ".config base\n.uops\n1,2,3\ngemm uops=0:1\nfinish\n"
STREAM = encode_stream([Gemm(), Finish()], NAMED["base"])
UOPS = (1 | 2 << 11 | 3 << 22).to_bytes(4, "little")


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.s").write_text(TEXT)
    return tmp_path


def test_stream_and_micro_ops_are_written(here):
    result = run("asm", "a.s", "-o", "a.bin", "--uops", "a.uop")
    assert result.exit_code == 0, result.output
    assert result.output == (
        "wrote a.bin: 2 instructions for base\nwrote a.uop: 1 micro-ops\n"
    )
    assert (here / "a.bin").read_bytes() == STREAM
    assert (here / "a.uop").read_bytes() == UOPS
    written = json.loads(run("asm", "a.s", "-o", "b.bin", "--uops", "b.uop", "--json").output)
    assert written == {
        "config": "base", "output": "b.bin", "instructions": 2, "uops_output": "b.uop", "uops": 1,
    }
    assert (here / "b.bin").read_bytes() == STREAM
    assert (here / "b.uop").read_bytes() == UOPS


@pytest.mark.parametrize(("arguments", "message"), [
    (("asm", "none.s", "-o", "x"), "none.s: No such file or directory"),
    (("asm", "a.s", "-o", "x"), "a.s has 1 micro-ops; name a file for them: --uops OUT"),
    (("asm", "a.s", "-o", "a.s/x", "--uops", "u"),
     "cannot write a.s/x: File exists; name a place you may write to"),
    (("asm", "a.s", "-o", "x", "--uops", "a.s/u"),
     "cannot write a.s/u: File exists; name a place you may write to"),
    (("asm", "a.s", "-o", "x", "--config", "1x4x4"),
     "a.s:1: the text is for configuration base, but 1x4x4 was requested"),
    (("asm", "bad.s", "-o", "x"),
     "bad.s:2: load: sram (sram_base) must be 0..65535, not 70000\n"
     "bad.s:3: unknown word 'frob'; a line starts with one of load, store, gemm, dwc, alu, "
     "finish, .config, .buffer, .uops, .word"),
])
def test_refused_input_leaves_no_file(here, arguments, message):
    (here / "bad.s").write_text(".config base\nload inp sram=70000 cols=1\nfrob\n")
    before = {path: path.read_bytes() for path in here.iterdir()}
    result = run(*arguments)
    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")
    assert {path: path.read_bytes() for path in here.iterdir()} == before


def test_an_existing_file_is_replaced_completely(here):
    (here / "a.bin").write_bytes(b"old")
    (here / "a.bin").chmod(0o600)
    run("asm", "a.s", "-o", "a.bin", "--uops", "a.uop")
    assert (here / "a.bin").read_bytes() == STREAM
    assert sorted(path.name for path in here.iterdir()) == ["a.bin", "a.s", "a.uop"]
