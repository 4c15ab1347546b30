"""Broken bus rules are caught, and faults come where they were asked for, on both simulators."""

import pytest
from copy_core import BASE, SIZE, Fault, copy, on_both, open_copy_core, pattern, start_copy

from myvta.cosim.cosim_errors import BusViolation
from myvta.cosim.rules import Counter, Rule
from myvta.driver.errors import TargetTimeout
from myvta.isa.register_map import Reg, Status


@on_both
@pytest.mark.parametrize(("fault", "rule"), [
    (Fault.DROP_VALID, Rule.VALID_STABLE),
    (Fault.CHANGE_ADDRESS, Rule.PAYLOAD_STABLE),
    (Fault.CROSS_4K, Rule.BOUNDARY_4K),
    (Fault.WRAP, Rule.BURST_TYPE),
    (Fault.EARLY_LAST, Rule.LAST),
    (Fault.EARLY_FINISH, Rule.OUTSTANDING),
    (Fault.WIDE_STROBE, Rule.STROBE),
    (Fault.WIDE_BEAT, Rule.SIZE),
    (Fault.SPURIOUS_RESPONSE, Rule.RESPONSE),
    (Fault.CHANGE_DATA, Rule.PAYLOAD_STABLE),
    (Fault.LONG_BURST, Rule.LENGTH),
])
def test_broken_bus_rules_are_caught(scheme, fault, rule, tmp_path):
    with open_copy_core(scheme, tmp_path, stall=50, latency=30) as target:
        before = target.counters()[Counter.CYCLES]
        with pytest.raises(BusViolation, match=f"bus rule {rule.name} broken at cycle") as caught:
            copy(target, 300, source=0x1F48, fault=fault)
        assert caught.value.rule is rule
        assert before < caught.value.cycle <= target.counters()[Counter.CYCLES]


def use_registers(target):
    for _ in range(20):
        target.read_register(Reg.IDENTITY)
        target.write_register(Reg.INSN_COUNT, 1)


@on_both
@pytest.mark.parametrize(("fault", "rule", "text"), [
    (Fault.CHANGE_REGISTER, Rule.PAYLOAD_STABLE, "s_axi_rdata changed while it waited"),
    (Fault.DROP_REGISTER, Rule.VALID_STABLE, "s_axi_rvalid fell before s_axi_rready"),
    (Fault.DROP_RESPONSE, Rule.VALID_STABLE, "s_axi_bvalid fell before s_axi_bready"),
])
def test_broken_register_bus_rules_are_caught(scheme, fault, rule, text, tmp_path):
    with open_copy_core(scheme, tmp_path, stall=20) as target:
        target.write_register(Reg.UOP_BASE, fault)
        with pytest.raises(BusViolation, match=text) as caught:
            use_registers(target)
        assert caught.value.rule is rule


@on_both
def test_valid_during_reset_is_caught(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.write_register(Reg.UOP_BASE, Fault.VALID_IN_RESET)
        with pytest.raises(BusViolation) as caught:
            target.reset()
        assert caught.value.rule is Rule.RESET_VALID


@pytest.mark.icarus
def test_valid_without_a_value_is_caught(tmp_path):
    with open_copy_core("icarus", tmp_path) as target, pytest.raises(BusViolation) as caught:
        copy(target, 8, fault=Fault.UNKNOWN_VALID)
    assert caught.value.rule is Rule.UNKNOWN
    assert "m_axi_arvalid has no value" in str(caught.value)


@on_both
def test_valid_waiting_for_ready_deadlocks_with_ready_waiting_for_valid(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path, shy=1, max_cycles=2000) as target:
        copy(target, 20)
        with pytest.raises(TargetTimeout, match="0 reads and 0 writes are in flight"):
            copy(target, 20, fault=Fault.SHY_VALID)


@pytest.mark.verilator
@pytest.mark.parametrize("channel", ["ar", "aw", "w"])
def test_valid_is_asserted_without_ready(channel, tmp_path):
    """The device waits with VALID high, which a memory that starts to listen then sees."""
    with open_copy_core("verilator", tmp_path, max_cycles=5000) as target:
        target.write_memory(BASE + 0x1000, pattern(40))
        target.silence(channel)
        start_copy(target, 40)
        target.run(800)
        counters = target.counters()
        assert counters[Counter.WRITE_BEATS if channel == "w" else (
            Counter.READ_BURSTS if channel == "ar" else Counter.WRITE_BURSTS)] == 0
        target.silence(channel, 0, 0)
        while target.read_register(Reg.CONTROL) & Status.LAUNCH:
            pass
        assert target.read_memory(BASE + 0x80000, 640) == pattern(40)


@pytest.mark.verilator
@pytest.mark.parametrize("channel", ["ar", "r", "aw", "w", "b"])
def test_silence_begins_and_ends_as_requested(channel, tmp_path):
    with open_copy_core("verilator", tmp_path) as target:
        undisturbed = copy(target, 100)
        target.silence(channel, 60, 1000)
        assert undisturbed + 800 < copy(target, 100) < undisturbed + 1100
        assert copy(target, 100) == undisturbed
        target.silence(channel)
        start_copy(target, 100)
        target.run(3000)
        assert target.read_register(Reg.CYCLES) > 2900
        target.reset()  # makes it speak again
        assert copy(target, 100) == undisturbed


@pytest.mark.verilator
@pytest.mark.parametrize("response", [2, 3])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_failures_occur_once_at_the_requested_address(kind, response, tmp_path):
    with open_copy_core("verilator", tmp_path) as target:
        target.memory[:] = 7
        for burst, error in ((0, True), (4, True), (5, False)):  # a copy of 40 has 5 bursts
            if kind == "read":
                target.fail_read(burst, 99, response)
            else:
                target.fail_write(burst, response)
            before = target.counters()[Counter.FAILURES]
            copy(target, 40)
            status = target.read_register(Reg.CONTROL)
            assert status == (Status.FINISH | Status.ERROR if error else Status.FINISH)
            assert target.counters()[Counter.FAILURES] == before + error
            if error:
                at = BASE + (0x1000 if kind == "read" else 0x80000) + 128 * burst
                assert target.failed_address == at
        assert target.counters()[Counter.OUTSIDE] == 0


@pytest.mark.verilator
def test_a_guard_is_exact_to_the_byte(tmp_path):
    with open_copy_core("verilator", tmp_path) as target:
        target.guard(BASE + 0x1000, 0x80000 + 640 - 0x1000)
        copy(target, 40)
        target.guard(BASE + 0x1000, 0x80000 + 639 - 0x1000)
        with pytest.raises(BusViolation) as caught:
            copy(target, 40)
        assert caught.value.rule is Rule.WINDOW
        assert "guarded 0x40001000..0x4008027e" in str(caught.value)
    with open_copy_core("verilator", tmp_path) as target:
        target.guard(BASE + 0x1001, SIZE)
        broken = r"bus rule WINDOW broken .*AR of 16 beats at 0x4000"
        with pytest.raises(BusViolation, match=broken):
            copy(target, 40)


@pytest.mark.verilator
def test_violations_stay(tmp_path):
    with open_copy_core("verilator", tmp_path) as target:
        with pytest.raises(BusViolation):
            copy(target, 300, fault=Fault.WRAP)
        with pytest.raises(BusViolation, match="BURST_TYPE"):
            target.read_register(Reg.CYCLES)
