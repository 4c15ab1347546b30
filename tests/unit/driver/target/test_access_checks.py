"""access_checks: which ranges, offsets and values a target takes."""

import pytest

from myvta.driver import RegisterError, TargetError, WindowError
from myvta.driver.target.access_checks import check_register, window_offset

WINDOW = (0x3000, 0x2000)


@pytest.mark.parametrize(("address", "size", "offset"), [
    (0x3000, 0x2000, 0), (0x3000, 0, 0), (0x5000, 0, 0x2000), (0x4FFF, 1, 0x1FFF),
])
def test_ranges_inside_the_window_give_their_offset(address, size, offset):
    assert window_offset(WINDOW, address, size) == offset


@pytest.mark.parametrize(("address", "size"), [
    (0x2FFF, 1), (0x2FFF, 2), (0x5000, 1), (0x4FFF, 2), (0x3000, 0x2001), (0x3000, -1), (-1, 1),
    (1 << 32, 4),
])
def test_ranges_outside_the_window_are_refused(address, size):
    with pytest.raises(WindowError, match=(
        f"^{size} bytes at {address:#x} are outside the memory 0x3000..0x4fff$"
    )):
        window_offset(WINDOW, address, size)


@pytest.mark.parametrize("offset", [-4, 1, 2, 0x10000])
def test_impossible_register_offsets_are_refused(offset):
    with pytest.raises(RegisterError, match=f"multiple of 4 below 0x10000, not {offset}$"):
        check_register(offset)


@pytest.mark.parametrize("value", [-1, 1 << 32])
def test_values_of_more_than_32_bits_are_refused(value):
    with pytest.raises(RegisterError, match=f"^a register holds 32 bits, not {value}$"):
        check_register(0, value)


def test_the_ends_of_both_ranges_are_accepted():
    check_register(0, 0)
    check_register(0xFFFC, 0xFFFF_FFFF)


def test_errors_are_of_the_contract_and_value_errors():
    for error in (RegisterError, WindowError):
        assert issubclass(error, TargetError) and issubclass(error, ValueError)
