"""The exceptions of the compiler list all problems, and are one hierarchy."""

from __future__ import annotations

import pytest

from myvta.compiler.ir.compile_errors import CompileError, HostError


def test_each_problem_is_printed_on_its_line() -> None:
    error = CompileError("first: a", "second: b")
    assert error.problems == ["first: a", "second: b"]
    assert str(error) == "first: a\nsecond: b"


def test_host_error_is_caught_as_compile_error_and_as_value_error() -> None:
    with pytest.raises(CompileError) as caught:
        raise HostError("node fails")
    assert caught.value.problems == ["node fails"]
    assert isinstance(caught.value, ValueError)
