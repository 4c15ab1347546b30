"""target_url: the parts of a URL, and refusals."""

import re

import pytest

from myvta.driver import UrlError
from myvta.driver.target.target_url import parse_url


def test_every_part_of_a_url_is_split():
    parsed = parse_url("spy:uart:///dev/tty%20X?mem=0x1000:2M&config=1x4x4&baud=9600")
    assert parsed.scheme == "uart"
    assert parsed.location == "/dev/tty X"
    assert parsed.window == (0x1000, 2 << 20)
    assert parsed.config == "1x4x4"
    assert parsed.options == {"baud": "9600"}
    assert parsed.spy


def test_bare_url_has_no_options():
    parsed = parse_url("model://")
    assert parsed.window is None
    assert (parsed.location, parsed.config, parsed.options, parsed.spy) == ("", None, {}, False)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("0x0:64M", (0, 64 << 20)),
        ("4K:8k".upper(), (4096, 8192)),
        ("0X1F000000:16M", (0x1F000000, 16 << 20)),
        ("3G:1G", (3 << 30, 1 << 30)),
        ("4096:4096", (4096, 4096)),
    ],
)
def test_mem_takes_decimal_hex_and_suffixes(text, window):
    parsed = parse_url(f"model://?mem={text}")
    assert parsed.window == window


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("model", "a target is scheme://location?option=value, not 'model'; schemes: "),
        ("://x", "a target is scheme://location"),
        ("model://?mem", "options are ?name=value&name=value, not 'mem'"),
        ("model://?a=1&a=2", "option 'a' is given twice"),
        ("model://?mem=64M", "mem must be BASE:SIZE, for example 0x0:64M, not '64M'"),
        ("model://?mem=0:1T", "('1T' is not a size)"),
        ("model://?mem=-4096:4096", "('-4096' is not a size)"),
        ("model://?mem=1:4096", "must be multiples of 4096"),
        ("model://?mem=0:0", "must be multiples of 4096"),
        ("model://?mem=4G:4K", "must end at or below 2^32"),
    ],
)
def test_malformed_urls_are_refused(url, message):
    with pytest.raises(UrlError, match=re.escape(message)):
        parse_url(url)
