"""Numbers of the framed protocol, worked by hand from docs/protocol.md."""

import struct
import zlib

import pytest

from myvta.isa.link_protocol import (
    CRC_RESIDUE,
    IDENTITY_WORDS,
    LINK_MAGIC,
    LinkIdentity,
    covering_words,
)

IDENTITY = LinkIdentity(1024, 8, 0x1000, 0x2000, 50_000_000, 2)


def test_body_with_its_crc_has_the_crc_residue():
    for body in (b"", b"myvta", bytes(100)):
        assert zlib.crc32(body + zlib.crc32(body).to_bytes(4, "little")) == CRC_RESIDUE


@pytest.mark.parametrize(
    ("address", "count", "words"),
    [(0, 0, 0), (0, 1, 1), (0, 4, 1), (0, 5, 2), (3, 1, 1), (3, 2, 2), (2, 6, 2), (1, 8, 3)],
)
def test_byte_ranges_are_rounded_to_words(address, count, words):
    assert covering_words(address, count) == words


def test_identity_is_eight_words():
    expected = (0x4C54564D, 0x0001_0000, 1024 | 8 << 16, 0x1000, 0x2000, 50_000_000, 2, 0)
    assert IDENTITY.words() == expected
    assert len(expected) == IDENTITY_WORDS
    assert IDENTITY.to_bytes() == struct.pack("<8I", *expected)
    assert LinkIdentity.from_bytes(IDENTITY.to_bytes() + b"challenge") == IDENTITY


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((1, 0x10000, 1024 | 8 << 16), f"begins with 0x00000001, not {LINK_MAGIC:#010x}"),
        ((LINK_MAGIC, 0x2_0003, 1024 | 8 << 16), "uses protocol 2.3, this driver 1.0"),
        ((LINK_MAGIC, 0x10000, 62 | 8 << 16), "impossible limits: payload 62, window 8"),
        ((LINK_MAGIC, 0x10000, 66 | 8 << 16), "impossible limits: payload 66, window 8"),
        ((LINK_MAGIC, 0x10000, 1024), "impossible limits: payload 1024, window 0"),
        ((LINK_MAGIC, 0x10000, 1024 | 65 << 16), "impossible limits: payload 1024, window 65"),
    ],
)
def test_identity_of_another_protocol_is_refused(words, message):
    with pytest.raises(ValueError, match=message):
        LinkIdentity.from_bytes(struct.pack("<8I", *words, 0, 0, 0, 0, 0))


def test_truncated_identity_is_refused():
    with pytest.raises(ValueError, match="an identity has 32 bytes or more, not 31"):
        LinkIdentity.from_bytes(IDENTITY.to_bytes()[:31])
