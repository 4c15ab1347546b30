"""axi_lite: the register master at a slave in Python, and each rule of a slave broken once."""

from random import Random

import pytest
from cosim_signals import port_signals
from fpga_bench import LiteRegisters
from rtl_bench import clock_and_reset, simulate

from myvta.cosim.axi_lite import AxiLiteMaster
from myvta.cosim.axi_memory import Checker
from myvta.cosim.options import SimulationOptions
from myvta.cosim.rules import Rule
from myvta.rtl.lib.bundles import AxiLite

ERROR_FROM = 0x8000
OKAY, SLVERR = 0, 2


class Registers:
    """A master; ``run(step, cycles)`` calls ``step(cycle)`` at each edge."""

    def __init__(self, **options):
        self.axi, self.checker = AxiLite(), Checker()
        self.master = AxiLiteMaster(
            port_signals("s_axi", self.axi), SimulationOptions(**options), self.checker,
        )

    def run(self, step, cycles):
        clock, reset = clock_and_reset()

        def on_edge(cycle):
            self.master.sample(cycle)
            stop = step(cycle)
            self.master.drive()
            return stop or cycle == cycles - 1

        return simulate([], clock, reset, on_edge, limit=cycles)


@pytest.mark.parametrize("go, stall", [(1.0, 0), (0.3, 0), (1.0, 20), (0.4, 20)])
def test_accesses_reach_the_registers_in_order_and_tell_errors(go, stall):
    bench, random = Registers(stall=stall, seed=4), Random(2)
    slave = LiteRegisters(bench.axi, random, go=go, bad=ERROR_FROM)
    accesses = [
        (random.random() < 0.5, 4 * random.choice((1, 2, 3, 0x2000)), random.getrandbits(32))
        for _ in range(60)
    ]
    outcomes, waiting = [], list(accesses)

    def step(cycle):
        slave.edge(cycle)
        if bench.master.done:
            if len(waiting) < len(accesses):
                outcomes.append((bench.master.response, bench.master.data))
            if not waiting:
                return True
            bench.master.begin(*waiting.pop(0))
        return False

    bench.run(step, 5000)
    assert bench.checker.violation is None
    assert slave.written == [(at, value) for write, at, value in accesses if write]
    registers = {}
    for (write, at, written), (response, read) in zip(accesses, outcomes, strict=True):
        assert response == (SLVERR if at >= ERROR_FROM else OKAY)
        if write:
            registers[at] = written
        else:
            assert read == registers.get(at, 0)


def offer_cycles(**options):
    """Begin a write at cycle 0; return when address, data and response readiness come."""
    bench, seen = Registers(**options), {}

    def step(cycle):
        if cycle == 0:
            bench.master.begin(True, 4, 5)
        for name in ("awvalid", "wvalid", "bready"):
            if getattr(bench.axi, name):
                seen.setdefault(name, cycle)
        return len(seen) == 3

    bench.run(step, 10)
    return seen["awvalid"], seen["wvalid"], seen["bready"]


def test_address_and_data_come_at_once_without_stalls_and_apart_with_them():
    assert offer_cycles() == (1, 1, 1)
    delayed = {offer_cycles(stall=1, seed=seed) for seed in range(12)}
    assert len(delayed) > 6
    assert all(1 <= cycle <= 4 for cycles in delayed for cycle in cycles)


def test_an_unfinished_access_names_the_port_it_waits_for():
    bench, names = Registers(), []
    ready = {5: "arready", 10: "rvalid", 20: "awready", 25: "wready", 30: "bvalid"}

    def step(cycle):
        if cycle in (0, 15):
            bench.master.begin(cycle == 15, 0x40, 1)
        for at, name in ready.items():
            getattr(bench.axi, name).next = cycle == at
        if not bench.master.done and bench.master.waiting_for not in names:
            names.append(bench.master.waiting_for)

    bench.run(step, 40)
    assert bench.checker.violation is None and bench.master.done
    assert names == [f"s_axi_{name}" for name in ready.values()]


def test_reset_drops_the_access_under_way():
    bench = Registers()
    bench.master.begin(False, 0x40)
    bench.master.reset()
    bench.run(lambda cycle: bench.axi.arvalid, 5)
    assert bench.master.done and not bench.axi.arvalid


@pytest.mark.parametrize("signal, rule, text", [
    ("bvalid", Rule.RESPONSE, "s_axi_bvalid without a complete write"),
    ("rvalid", Rule.RESPONSE, "s_axi_rvalid without a read"),
])
def test_a_response_without_a_request_is_reported(signal, rule, text):
    bench = Registers()

    def step(cycle):
        getattr(bench.axi, signal).next = cycle == 4

    bench.run(step, 8)
    assert (bench.checker.violation.rule, bench.checker.violation.cycle) == (rule, 5)
    assert text in str(bench.checker.violation)


def break_a_waiting_response(bench, write, change):
    """Answer as soon as the request is complete; change the response when it has to wait."""
    axi, taken, answered = bench.axi, set(), []
    valid, ready = (axi.bvalid, axi.bready) if write else (axi.rvalid, axi.rready)

    def step(cycle):
        if cycle == 0:
            bench.master.begin(write, 4, 5)
        axi.awready.next = axi.wready.next = axi.arready.next = True
        for channel in ("aw", "w", "ar"):
            if getattr(axi, f"{channel}valid") and getattr(axi, f"{channel}ready"):
                taken.add(channel)
        if valid and ready:
            valid.next = False
        elif valid:
            getattr(axi, change).next = 0 if change.endswith("valid") else 99
        elif taken >= ({"aw", "w"} if write else {"ar"}) and not answered:
            answered.append(cycle)
            valid.next = True

    bench.run(step, 20)


@pytest.mark.parametrize("write, change, rule, text", [
    (True, "bvalid", Rule.VALID_STABLE, "s_axi_bvalid fell before s_axi_bready"),
    (False, "rvalid", Rule.VALID_STABLE, "s_axi_rvalid fell before s_axi_rready"),
    (False, "rdata", Rule.PAYLOAD_STABLE, "s_axi_rdata changed while it waited"),
])
def test_a_response_that_changes_before_ready_is_reported(write, change, rule, text):
    violations = []
    for seed in range(20):  # the master's READY comes up to three cycles late
        bench = Registers(stall=1, seed=seed)
        break_a_waiting_response(bench, write, change)
        if bench.checker.violation is not None:
            violations.append(bench.checker.violation)
    assert violations
    assert {violation.rule for violation in violations} == {rule}
    assert all(text in str(violation) for violation in violations)
