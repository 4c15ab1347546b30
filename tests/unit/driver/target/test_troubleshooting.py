"""troubleshooting: the cause of an error is looked up in the scheme's advice."""

import errno

import pytest

from myvta.driver import Advice, IdentityError, TargetError, TargetTimeout
from myvta.driver.target.troubleshooting import (
    fingerprint_advice,
    identity_advice,
    memory_in_use,
    open_advice,
)
from myvta.isa.config import named
from myvta.isa.register_map import IDENTITY

ADVICE = Advice({errno.EACCES: "ask root", errno.ENOENT: "plug it in"}, "is it on?", "load it")


@pytest.mark.parametrize(("error", "text"), [
    (PermissionError(errno.EACCES, "no"), "ask root"),
    (PermissionError(errno.EPERM, "no"), "ask root"),
    (FileNotFoundError(errno.ENOENT, "no"), "plug it in"),
    (OSError(errno.EBUSY, "no"), ""),
    (TargetTimeout("no answer"), "is it on?"),
    (IdentityError("IDENTITY reads 0x00000000, expected"), "load it"),
    (IdentityError("register map version is 2.0"), ""),
])
def test_error_gets_the_advice_for_its_cause(error, text):
    assert open_advice(ADVICE, error) == text


def test_advice_considers_the_cause_of_an_error():
    error = TargetError("cannot be opened")
    error.__cause__ = FileNotFoundError(errno.ENOENT, "no")
    assert open_advice(ADVICE, error) == "plug it in"


@pytest.mark.parametrize(("value", "text"), [
    (0, "load it"), (0xFFFF_FFFF, "load it"), (0x12345678, "something else answers there"),
    (int.from_bytes(IDENTITY.to_bytes(4, "big"), "little"), "the bytes come in the wrong order"),
])
def test_identity_advice_distinguishes_silence_swapped_bytes_and_other_designs(value, text):
    assert identity_advice(ADVICE, value).startswith(text)


def test_advice_names_a_named_configuration():
    text = fingerprint_advice(named("1x8x8").fingerprint, named("1x4x4"))
    assert text == "the device is '1x8x8': open it with config=1x8x8, and compile for it"
    assert "config=FILE" in fingerprint_advice(1, named("1x4x4"))


def test_memory_of_linux_is_found_to_the_byte():
    iomem = "00001000-00001fff : System RAM\n00003000-00003fff : reserved\n"
    assert "0x1000..0x1fff" in memory_in_use(0x1FFF, 1, iomem)
    assert memory_in_use(0x2000, 0x2000, iomem) == ""
