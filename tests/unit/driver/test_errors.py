"""errors: classes that a caller can tell apart, and the texts that they build themselves."""

import pytest

from myvta.driver import errors
from myvta.driver.errors import CheckError, DeviceError, OutOfMemoryError, TargetError
from myvta.isa.check.findings import Finding, FindingKind
from myvta.isa.opcodes import ErrorCode


def test_every_error_of_a_target_is_a_target_error_and_an_os_error():
    assert issubclass(TargetError, OSError)
    for name in ("TargetTimeout", "UrlError", "IdentityError", "WindowError", "RegisterError",
                 "AccessError", "BusyError", "LinkError", "AuthenticationError", "DeviceError"):
        assert issubclass(getattr(errors, name), TargetError), name


@pytest.mark.parametrize(("arguments", "text"), [
    ((ErrorCode.DEADLOCK, 3), "device error DEADLOCK at instruction 3"),
    ((99, 0, "finish", "conv1"), "device error unknown code 99 at instruction 0 (conv1): finish"),
    ((ErrorCode.BUS, 1, "load inp", "", 0x1000),
     "device error BUS at instruction 1, burst at 0x00001000: load inp"),
])
def test_a_device_error_names_code_instruction_and_burst(arguments, text):
    error = DeviceError(*arguments)
    assert str(error) == text
    assert (error.code, error.index) == arguments[:2]


def test_out_of_memory_error_states_requested_and_free_bytes():
    error = OutOfMemoryError(100, 60, 40, "weights")
    assert str(error) == (
        "out of device memory for weights: asked for 100 bytes, 60 free, largest piece 40"
    )
    assert (error.asked, error.free, error.largest) == (100, 60, 40)


def test_a_check_error_lists_ten_errors_with_their_notes_and_keeps_warnings():
    found = [Finding(FindingKind.BOUNDS, n, "load inp", f"defect {n}", "shrink it")
             for n in range(12)]
    warning = Finding(FindingKind.TOKENS, 0, "", "tokens are left", "pop them")
    error = CheckError("launch 'l'", [*found, warning], ["conv1"])
    lines = str(error).splitlines()
    assert lines[0].startswith("launch 'l' refused by the static checker (check=False")
    assert lines[1].startswith("  [conv1] ")
    assert lines[-1] == "  and 2 more" and "defect 9" in str(error)
    assert "defect 10" not in str(error) and "tokens are left" not in str(error)
    assert len(error.findings) == 13
