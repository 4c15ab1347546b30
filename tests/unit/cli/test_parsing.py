"""Values of options: sizes and byte counts."""

import pytest

from myvta.cli.input_errors import InputError
from myvta.cli.parsing import parse_bytes, parse_shapes


def test_shapes_by_input_name():
    assert parse_shapes(("a=1,2", "b:0=3")) == {"a": (1, 2), "b:0": (3,)}


@pytest.mark.parametrize("text", ["", "1,2", "=1", "a=", "a=1,", "a=-1", "a=1x2"])
def test_malformed_shapes_are_refused(text):
    with pytest.raises(InputError, match="give it as NAME=1,1,8,8"):
        parse_shapes((text,))


def test_byte_counts_with_and_without_unit():
    assert [parse_bytes(text) for text in ("12", "3k", "64M", "1G")] == [
        12, 3072, 64 << 20, 1 << 30,
    ]


@pytest.mark.parametrize("text", ["", "-1", "M", "1.5M", "1T"])
def test_malformed_byte_counts_are_refused(text):
    with pytest.raises(InputError, match="give it as a number of bytes, 64M or 1G"):
        parse_bytes(text)
