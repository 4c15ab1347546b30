"""The `myvta` command as a whole: help of every verb, one way to fail."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from myvta.cli.input_errors import InputError, message_of
from myvta.cli.main import VERBS, cli
from myvta.isa.config import ConfigError


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_json(verb):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: cli {verb}")
    assert "--json" in result.output


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help_lists_every_verb(arguments):
    result = run(*arguments)
    assert result.exit_code == 0
    for verb in VERBS:
        assert f"\n  {verb} " in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("frob",), "No such command 'frob'; see `cli --help`"),
     (("config", "--frob"), "No such option '--frob'; see `cli config --help`"),
     (("asm", "x"), "Missing option '-o' / '--output'; see `cli asm --help`"),
     (("convert", "--hdl", "c"),
      "Invalid value for '--hdl': 'c' is not one of 'verilog', 'vhdl'; see `cli convert --help`")],
)
def test_unknown_verbs_and_options_are_refused(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stderr.strip() == f"error: {message}"
    assert result.stdout == ""


def verb_that_raises(error):
    @click.command()
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "message"),
    [(InputError("what, where, what to do"), "what, where, what to do"),
     (ConfigError(["a", "b"]), "configuration refused: a; b"),
     (FileNotFoundError(2, "No such file or directory", "a.bin"),
      "a.bin: No such file or directory"),
     (OSError("said plainly"), "said plainly"),
     (PermissionError(13, "Permission denied"), "Permission denied")],
)
def test_refusals_are_one_line_and_status_2(monkeypatch, error, message):
    monkeypatch.setattr(type(cli), "get_command", lambda *_: verb_that_raises(error))
    result = run("config")
    assert (result.exit_code, result.stderr) == (2, f"error: {message}\n")
    assert message_of(error) == message
    debugged = run("--debug", "config")
    assert debugged.exception is error


def test_our_own_errors_keep_their_traceback(monkeypatch):
    error = ValueError("a defect")
    monkeypatch.setattr(type(cli), "get_command", lambda *_: verb_that_raises(error))
    assert run("config").exception is error


def test_exit_status_of_a_verb_passes(monkeypatch):
    monkeypatch.setattr(type(cli), "get_command", lambda *_: verb_that_raises(SystemExit(1)))
    assert run("config").exit_code == 1
    monkeypatch.setattr(type(cli), "get_command", lambda *_: verb_that_raises(KeyboardInterrupt()))
    assert run("config").exit_code == 130


def myvta(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "myvta.cli.main", *arguments],
        capture_output=True, text=True, timeout=60, **options,
    )


def test_refusal_of_a_process_is_one_line_on_stderr(tmp_path):
    done = myvta("config", "nope", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: configuration refused: 'nope' is neither a file nor")
    assert done.stderr.count("\n") == 1


def test_a_closed_pipe_ends_without_an_error(tmp_path):
    (tmp_path / "long.bin").write_bytes(bytes(16 * 20000))
    writer = subprocess.Popen(
        [sys.executable, "-m", "myvta.cli.main", "dis", "long.bin"], cwd=tmp_path,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    assert writer.stdout.readline() == ".config default\n"
    writer.stdout.close()
    errors = writer.stderr.read()
    writer.stderr.close()
    assert (writer.wait(timeout=60), errors) == (0, "")
