"""identity: each register that can differ, and the advice in the error."""

import pytest

from myvta.driver import IdentityError, check_identity, open_target
from myvta.driver.target.identity import check_fingerprint, config_difference
from myvta.isa.config import named
from myvta.isa.register_map import Reg

URL = "model://?config=1x4x4&mem=0:4K"


class Changed:
    """A target where one register reads something else."""

    def __init__(self, target, register, value):
        self.target, self.register, self.value = target, register, value
        self.config = target.config

    def read_register(self, offset):
        return self.value if offset == self.register else self.target.read_register(offset)


def test_expected_device_is_accepted():
    with open_target(URL) as target:
        check_identity(target)


@pytest.mark.parametrize(("register", "value", "text"), [
    (Reg.IDENTITY, 0, "nothing answers there: wrong base address, or no design loaded"),
    (Reg.IDENTITY, 0xFFFF_FFFF, "nothing answers there"),
    (Reg.IDENTITY, 0x12345678, "another design answers there"),
    (Reg.VERSION, 0x0002_0000, "register map version is 2.0, this driver speaks 1.0"),
    (Reg.FINGERPRINT, 1, "it is none of the named configurations"),
    (Reg.FEATURES, 0xFF, "FEATURES reads 0xff, expected"),
])
def test_differing_register_is_named(register, value, text):
    with open_target(URL) as target, pytest.raises(IdentityError, match=text):
        check_identity(Changed(target, register, value))


def test_differing_counters_are_named():
    with open_target(URL) as target, pytest.raises(IdentityError, match=(
        "FEATURES reads 0x20003, expected 0x3 .*: the device has counters 'none', the "
        "configuration 'all'; name a vta_config.json with the device's MYVTA_COUNTERS in the URL"
    )):
        check_identity(Changed(target, Reg.FEATURES, 0x20003))


def test_differing_minor_version_is_accepted():
    with open_target(URL) as target:
        check_identity(Changed(target, Reg.VERSION, 0x0001_0007))


def test_another_named_configuration_is_described_by_its_differing_keys():
    one, other = named("1x4x4"), named("1x8x8")
    with pytest.raises(IdentityError, match="it is '1x8x8': LOG_BLOCK expected 2, device 3"):
        check_fingerprint(one, other.fingerprint)
    assert config_difference(one, one) == ""
