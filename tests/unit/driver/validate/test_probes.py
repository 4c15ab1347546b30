"""probes: registers, a launch that is running, a product and the clock; each fault."""

from types import SimpleNamespace

import pytest
from hooked_target import HookedTarget

from myvta.driver import open_target
from myvta.driver.validate import probes
from myvta.driver.validate.probe_memory import ProbeError
from myvta.isa.register_map import Reg, Status

URL = "model://?config=1x4x4&mem=0x100000:64K"


def failed(probe, target):
    """Return observation and advice of a probe that fails."""
    with target, pytest.raises(ProbeError) as caught:
        probe(target)
    return caught.value.args


def test_correct_target_passes():
    with open_target(URL) as target:
        assert probes.idle(target) == "no launch is running"
        assert probes.registers(target).endswith(" registers keep written values")
        assert target.read_register(Reg.INSN_COUNT) == target.read_register(Reg.WGT_BASE) == 0
        assert probes.compute(target) == "a product of 1x12 by 12x4"  # the model counts no cycles
        assert probes.clock(target) == "it counts no cycles"


def test_a_running_launch_is_ended_by_reset():
    state = [Status.LAUNCH]

    def write(offset, value):
        assert (offset, value) == (Reg.RESET, 1)
        state[0] = 0

    target = SimpleNamespace(read_register=lambda offset: state[0], write_register=write)
    assert probes.idle(target) == "a launch was running; it was ended"


@pytest.mark.slow
def test_launch_ignoring_reset_is_found():
    seen, advice = failed(probes.idle, HookedTarget(
        URL, read=lambda offset, value: Status.LAUNCH if offset == Reg.CONTROL else value))
    assert seen == "a launch is running and does not follow RESET"
    assert advice == "load the bitstream again, or pull the reset wire"


def test_lost_register_bit_is_found():
    seen, advice = failed(probes.registers, HookedTarget(
        URL, write=lambda offset, value: (offset, value & ~0x400)))
    assert seen == "INSN_COUNT was written 0xfffffffe and reads 0xfffffbfe"
    assert advice.startswith("the register bus loses bits")


def test_confused_register_addresses_are_found():
    def alias(offset, value):
        return (Reg.INP_BASE if offset == Reg.WGT_BASE else offset), value

    seen, advice = failed(probes.registers, HookedTarget(URL, write=alias))
    assert seen.startswith("INP_BASE was written 0x")
    assert seen.endswith(", what WGT_BASE was written")
    assert advice.startswith("the register bus confuses addresses")


def test_wrong_product_is_found():
    """The bytes of the result, four of them, have a wrong bit."""
    def wrong(address, data):
        return bytes([data[0] ^ 1]) + data[1:] if len(data) == 4 else data

    seen, advice = failed(probes.compute, HookedTarget(URL, load=wrong))
    assert seen == "a product of small matrices is wrong, though memory is right"
    assert advice.endswith("run `myvta validate`")


def test_clock_differing_from_the_url_is_found():
    target = HookedTarget(
        URL, read=lambda offset, value: 1000 if offset == Reg.CYCLES else value)
    target.clock_hz = 1e12
    seen, advice = failed(probes.clock, target)
    assert seen.endswith(", but 1e+06 MHz is what the target was opened with")
    assert advice.startswith("correct the clock in the URL")


@pytest.mark.parametrize("probe", [probes.compute, probes.clock])
def test_a_small_window_is_not_probed(probe):
    with open_target("model://?config=1x4x4&mem=0:16K") as target:
        assert probe(target) == "skipped: it takes a window of 32768 bytes"
