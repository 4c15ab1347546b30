"""Errors that are the user's: which, and the line that is printed."""

import importlib

import pytest

from myvta.cli.input_errors import REFUSALS, InputError, message_of
from myvta.compiler.ir.compile_errors import CompileError
from myvta.driver.errors import TargetError


@pytest.mark.parametrize("name", REFUSALS)
def test_every_listed_type_exists_and_is_an_exception(name):
    module, _, type_name = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), type_name), Exception)


@pytest.mark.parametrize(("error", "message"), [
    (InputError("a; b"), "a; b"),
    (CompileError("one", "two"), "one\ntwo"),
    (TargetError("gone"), "gone"),
    (FileNotFoundError(2, "No such file or directory", "x"), "x: No such file or directory"),
    (OSError(17, "File exists", "a", None, "b"), "a -> b: File exists"),
    (OSError("plain"), "plain"),
])
def test_message_names_file_and_reason(error, message):
    assert message_of(error) == message


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), AssertionError(), Exception()])
def test_other_errors_keep_their_traceback(error):
    assert message_of(error) is None
