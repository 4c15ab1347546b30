"""probe_memory: memory as host and device see it, restored afterwards, and each fault."""

import numpy as np
import pytest
from hooked_target import HookedTarget

from myvta.driver import open_target
from myvta.driver.validate.probe_memory import (
    ProbeError,
    bandwidth,
    data_lines,
    device_memory,
    host_memory,
    saved,
)

URL = "model://?config=1x4x4&mem=0x100000:64K"
PROBES = [host_memory, data_lines, bandwidth, device_memory]


def failed(probe, target):
    """Return observation and advice of a probe that fails."""
    with target, pytest.raises(ProbeError) as caught:
        probe(target)
    return caught.value.args


@pytest.mark.parametrize(("probe", "text"), [
    (host_memory, "14 address lines of 65536 bytes"), (data_lines, "256 data lines"),
    (bandwidth, "random bytes; host writes "), (device_memory, "14 address lines as the device"),
])
def test_correct_memory_passes_and_is_restored(probe, text):
    with open_target(URL) as target:
        data = np.random.default_rng(7).bytes(65536)
        target.write_memory(0x100000, data)
        assert text in probe(target)
        assert target.read_memory(0x100000, 65536) == data


def test_memory_is_restored_after_a_failure():
    with open_target(URL) as target:
        target.write_memory(0x100010, b"kept")

        def work():
            target.write_memory(0x100010, b"lost")
            raise ProbeError("a", "b")

        with pytest.raises(ProbeError):
            saved(target, [(0x100010, 4)], work)
        assert target.read_memory(0x100010, 4) == b"kept"


def test_missing_address_line_is_found():
    seen, advice = failed(host_memory, HookedTarget(URL, place=lambda address: address & ~0x800))
    assert seen.startswith("the word at 0x100000 was written 0100005a and reads ")
    assert seen.endswith(", what 0x100800 was written")
    assert advice == "the memory is smaller than mem= says, or it is not there"


def test_memory_reading_zeros_is_found():
    seen, advice = failed(
        host_memory, HookedTarget(URL, load=lambda address, data: bytes(len(data))))
    assert "reads 00000000" in seen
    assert advice == "no memory answers there: check mem=, and that it is reserved"


def test_stuck_data_line_is_found():
    def stuck(address, data):
        return bytes(byte | (4 if n % 32 == 9 else 0) for n, byte in enumerate(data))

    seen, advice = failed(data_lines, HookedTarget(URL, load=stuck))
    assert seen == "data lines 74 (of 256) do not follow"
    assert advice.startswith("check width and byte order")
    seen, _ = failed(data_lines, HookedTarget(URL, load=lambda address, data: bytes(len(data))))
    assert seen == "data lines 0, 1, 2, 3, 4, 5, 6, 7, ... (of 256) do not follow"


def test_lost_bytes_are_found():
    def lossy(address, data):
        return data[:-1] + bytes([~data[-1] & 255]) if any(data) else data

    seen, advice = failed(bandwidth, HookedTarget(URL, load=lossy))
    assert seen == "1 of 4096 random bytes come back wrong, the first at 0x100fff"
    assert advice.startswith("the link or the memory loses data: lower baud=")


def test_memory_not_shared_with_the_device_is_found():
    target = HookedTarget(URL)
    own = bytearray(0x2000)
    inner_read, inner_write = target.read_memory, target.write_memory

    def write(address, data):
        if 0 < address - 0x100000 < 0x2000:  # these never reach the device
            own[address - 0x100000 : address - 0x100000 + len(data)] = data
        else:
            inner_write(address, data)

    def read(address, size):
        if 0 < address - 0x100000 < 0x2000:
            return bytes(own[address - 0x100000 : address - 0x100000 + size])
        return inner_read(address, size)

    target.write_memory, target.read_memory = write, read
    seen, advice = failed(device_memory, target)
    assert seen == "the device reads something else at 0x100004 than the host wrote there"
    assert advice.startswith("host and device do not see the same memory: ")


def test_a_small_window_is_not_probed_by_the_device():
    with open_target("model://?config=1x4x4&mem=0:8K") as target:
        assert device_memory(target) == "skipped: it takes a window of 16384 bytes"
