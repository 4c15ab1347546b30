"""Verilator's own: cost of the options, several at once, and faults of the memory on demand."""

import pytest
from copy_core import BASE, SIZE, Fault, copy, open_copy_core, pattern, start_copy

from myvta.cosim.cosim_errors import BusViolation
from myvta.cosim.rules import Counter, Rule
from myvta.isa.register_map import Reg, Status

pytestmark = pytest.mark.verilator


def test_latency_bandwidth_and_stalls_cost_their_cycles(tmp_path):
    def cycles(**memory):
        with open_copy_core("verilator", tmp_path, **memory) as target:
            return copy(target, 1000)  # 2000 beats of 64 bits

    assert cycles(latency=0) == cycles(latency=1)  # AXI has nothing sooner than the next edge
    assert cycles() == 2021  # a beat every cycle; 21: first burst, gap, last response
    assert cycles(latency=64) == 2021 + 2 * 63  # hidden but for the first read, the last response
    assert cycles(bandwidth=50) == pytest.approx(2 * 2000, rel=0.02)
    assert cycles(bandwidth=25) == pytest.approx(4 * 2000, rel=0.02)
    assert 2000 / 0.8 < cycles(stall=20) < 2000 / 0.7
    assert cycles(stall=20, seed=5) == cycles(stall=20, seed=5) != cycles(stall=20, seed=6)


def test_several_targets_are_open_at_once(tmp_path):
    with (
        open_copy_core("verilator", tmp_path) as first,
        open_copy_core("verilator", tmp_path, bus=128) as second,
        open_copy_core("verilator", tmp_path) as third,
    ):
        for seed, target in enumerate((first, second, third)):
            target.write_memory(BASE + 0x1000, pattern(20, seed))
        for target in (second, first, third):
            start_copy(target, 20)
        for seed, target in enumerate((first, second, third)):
            target.run(300)
            assert target.read_register(Reg.CONTROL) == Status.FINISH
            assert target.read_memory(BASE + 0x80000, 320) == pattern(20, seed)


@pytest.mark.parametrize("channel", ["ar", "aw", "w"])
def test_valid_does_not_wait_for_ready(channel, tmp_path):
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


@pytest.mark.parametrize("channel", ["ar", "r", "aw", "w", "b"])
def test_silence_lasts_for_its_cycles_or_until_reset(channel, tmp_path):
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


@pytest.mark.parametrize("response", [2, 3])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_a_failure_is_answered_once_in_the_requested_burst(kind, response, tmp_path):
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


def test_a_violation_is_raised_again_by_every_later_access(tmp_path):
    with open_copy_core("verilator", tmp_path) as target:
        with pytest.raises(BusViolation):
            copy(target, 300, fault=Fault.WRAP)
        with pytest.raises(BusViolation, match="BURST_TYPE"):
            target.read_register(Reg.CYCLES)
