"""rules: a device that breaks one is caught on both simulators; names that C++ shares."""

import pytest
from copy_core import Fault, copy, on_both, open_copy_core

from myvta.cosim.cosim_errors import BusViolation
from myvta.cosim.rules import Counter, Rule, header
from myvta.driver.errors import TargetTimeout
from myvta.isa.register_map import Reg


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


@on_both
def test_valid_waiting_for_ready_deadlocks_with_ready_waiting_for_valid(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path, shy=1, max_cycles=2000) as target:
        copy(target, 20)
        with pytest.raises(TargetTimeout, match="0 reads and 0 writes are in flight"):
            copy(target, 20, fault=Fault.SHY_VALID)


def test_header_names_every_rule_and_counter():
    text = header()
    assert all(f"RULE_{rule.name} = {rule.value}," in text for rule in Rule)
    assert all(f"COUNTER_{counter.name} = {counter.value}," in text for counter in Counter)
    assert all(rule.meaning for rule in Rule)
