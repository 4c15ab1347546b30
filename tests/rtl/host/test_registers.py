"""registers: every register of the table through AXI4-Lite, against a dictionary."""

from collections import deque
from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, simulate

from myvta.isa.register_map import REGISTERS, Reg, reset_values
from myvta.rtl.host.register_values import Results, Settings
from myvta.rtl.host.registers import registers
from myvta.rtl.host.status import LaunchControl
from myvta.rtl.lib.bundles import AxiLite, bit

CONFIG = extended("lean")
ALL = extended("default")
CONSTANT = {Reg.IDENTITY, Reg.VERSION, Reg.FEATURES, Reg.FINGERPRINT}
WRITABLE = {
    offset: 0xFFFF_FFFF for offset, register in REGISTERS.items()
    if register.access == "rw" and offset != Reg.CONTROL
} | {Reg.WINDOW_BASE: 0xFFFF_F000, Reg.WINDOW_LIMIT: 0xFFFF_F000, Reg.INTERRUPT_ENABLE: 1}
DEVICE = [
    offset for offset, register in REGISTERS.items()
    if offset == Reg.CONTROL or register.access == "ro" and offset not in CONSTANT
]
EXTENSION_ONLY = [Reg.LUT_BYTES, Reg.WGT_4BIT_BYTES, Reg.DWC_STEPS]


class Host:
    """An AXI4-Lite master: channels go their own ways, with random pauses.

    Commands: ``("write", offset, data, strobe)``, ``("read", offset)``, ``("call", function)``.
    """

    def __init__(self, axi, random, pause):
        self.axi, self.random, self.pause = axi, random, pause
        self.commands, self.results, self.state = deque(), [], None

    def edge(self):
        """One clock edge; true when all commands are done."""
        axi, go = self.axi, lambda: self.random.random() >= self.pause
        if self.state is None:
            if not self.commands:
                return True
            self.state = self.commands.popleft()
            if self.state[0] == "call":
                self.state[1]()
                self.state = None
                return False
            self.left = {"aw", "w", "b"} if self.state[0] == "write" else {"ar", "r"}
            self.up = set()
        for channel in ("aw", "w", "ar"):
            valid, ready = getattr(axi, channel + "valid"), getattr(axi, channel + "ready")
            if valid and ready:
                self.left.remove(channel)
                valid.next = False
            elif channel in self.left and channel not in self.up and go():
                self.up.add(channel)
                valid.next = True
                if channel == "w":
                    axi.wdata.next, axi.wstrb.next = self.state[2], self.state[3]
                else:
                    getattr(axi, channel + "addr").next = self.state[1]
        if axi.bvalid and axi.bready:
            assert axi.bresp == 0 and "aw" not in self.left and "w" not in self.left
            self.left.remove("b")
        if axi.rvalid and axi.rready:
            assert axi.rresp == 0 and "ar" not in self.left
            self.left.remove("r")
            self.results.append(int(axi.rdata))
        axi.bready.next, axi.rready.next = go(), go()
        if not self.left:
            self.state = None
            axi.bready.next = axi.rready.next = False
        return False


class Bench:
    def __init__(self, config=CONFIG, seed=0, pause=0.0):
        self.clock, self.reset = clock_and_reset()
        self.axi, self.settings, self.results = AxiLite(), Settings(config), Results(config)
        self.launch, self.interrupt = LaunchControl(), bit()
        self.busy, self.ended = self.launch.busy, self.launch.ended
        self.block = registers(
            self.clock, self.reset, s_axi=self.axi, settings=self.settings, results=self.results,
            launch=self.launch, interrupt=self.interrupt, config=config,
        )
        self.host = Host(self.axi, Random(seed), pause)
        self.pulses, self.wires = [], []

    def run(self):
        def on_edge(cycle):
            self.pulses += [name for name in ("start", "clear", "cancel")
                            if getattr(self.launch, name)]
            return self.host.edge()

        simulate([self.block], self.clock, self.reset, on_edge, limit=20_000)
        return self.host.results

    def write(self, offset, data, strobe=15):
        self.host.commands.append(("write", offset, data, strobe))

    def read(self, *offsets):
        self.host.commands.extend(("read", offset) for offset in offsets)

    def set(self, **values):
        """Drive device-side wires (or registers by name) between two transactions."""
        def call():
            for name, value in values.items():
                getattr(self if hasattr(self, name) else self.results, name).next = value
        self.host.commands.append(("call", call))

    def note(self, name):
        """Record a wire between two transactions."""
        self.host.commands.append(("call", lambda: self.wires.append(bool(getattr(self, name)))))


@pytest.mark.parametrize("name", ["lean", "base", "1x4x4", "2x8x8", "1x4x4+all", "default"])
def test_after_reset_every_register_reads_its_reset_value_and_the_rest_zero(name):
    bench = Bench(extended(name))
    offsets = range(0, 0x108, 4)
    bench.read(*offsets, 0x1000, 0x8050, 0xFFFC)
    values = reset_values(extended(name))
    assert bench.run() == [values.get(offset, 0) for offset in offsets] + [0, 0, 0]


@pytest.mark.parametrize("pause", [0.0, 0.6])
def test_random_writes_with_strobes_follow_the_register_table(pause):
    random = Random(5)
    bench = Bench(seed=1, pause=pause)
    values, expected = dict(reset_values(CONFIG)), []
    offsets = [*REGISTERS, 0x28, 0xB0, 0x100, 0x8C08]
    for _ in range(250):
        offset = random.choice(offsets)
        if random.random() < 0.6:
            if offset in (Reg.CONTROL, Reg.RESET, Reg.WINDOW_LOCK):
                continue
            data, strobe = random.getrandbits(32), random.getrandbits(4)
            bench.write(offset, data, strobe)
            mask = sum(0xFF << 8 * lane for lane in range(4) if strobe >> lane & 1)
            mask &= WRITABLE.get(offset, 0)
            if offset in values:
                values[offset] = values[offset] & ~mask | data & mask
        bench.read(offset)
        expected.append(values.get(offset, 0))
    assert bench.run() == expected
    assert bench.pulses == []


def test_device_registers_read_device_signals_and_ignore_writes():
    bench = Bench(ALL)
    values = {offset: 0x0123_4567 * (number + 1) & 0xFFFF_FFFF
              for number, offset in enumerate(DEVICE)}
    bench.set(**{offset.name.lower(): value for offset, value in values.items()})
    for offset in DEVICE:
        if offset != Reg.CONTROL:
            bench.write(offset, 0xFFFF_FFFF)
    bench.read(*DEVICE)
    assert bench.run() == list(values.values())


@pytest.mark.parametrize("name", ["lean", "1x4x4+lookup", "1x4x4+weights4", "1x4x4+depthwise"])
def test_counters_of_an_extension_exist_where_it_is_configured(name):
    bench = Bench(extended(name))
    shown = {offset: offset.name.lower() in vars(bench.results) for offset in EXTENSION_ONLY}
    bench.set(**{offset.name.lower(): 7 for offset, exists in shown.items() if exists})
    bench.read(*EXTENSION_ONLY)
    assert bench.run() == [7 * exists for exists in shown.values()]
    own = {"lookup": Reg.LUT_BYTES, "weights4": Reg.WGT_4BIT_BYTES, "depthwise": Reg.DWC_STEPS}
    assert [offset for offset, exists in shown.items() if exists] == [
        own[key] for key in name.split("+")[1:]]


def test_features_hold_the_extensions_and_the_taps():
    bench = Bench(extended("1x4x4+depthwise+weights4"))
    bench.read(Reg.FEATURES)
    assert bench.run() == [0x0453]
    assert reset_values(ALL)[Reg.FEATURES] == 0x087F, "two products share a multiplier: 8 taps"


def test_control_launches_on_one_clears_on_zero_and_neither_without_its_strobe_or_when_busy():
    bench = Bench()
    bench.write(Reg.CONTROL, 1)
    bench.write(Reg.CONTROL, 0xFFFF_FFFE)
    bench.write(Reg.CONTROL, 1, 0b1110)
    bench.write(Reg.CONTROL + 0x100, 1)
    bench.set(busy=True)
    bench.write(Reg.CONTROL, 1)
    bench.write(Reg.CONTROL, 0)
    bench.set(busy=False)
    bench.write(Reg.CONTROL, 3)
    bench.run()
    assert bench.pulses == ["start", "clear", "start"]


@pytest.mark.parametrize("busy", [False, True])
def test_one_written_to_reset_cancels_at_any_time(busy):
    bench = Bench()
    bench.set(busy=busy)
    bench.write(Reg.RESET, 0xFFFF_FFFF)
    bench.write(Reg.RESET, 0xFFFF_FFFE)
    bench.write(Reg.RESET, 1, 0b1110)
    bench.write(Reg.RESET + 0x100, 1)
    bench.write(Reg.RESET, 1, 0b0001)
    bench.read(Reg.RESET)
    assert bench.run() == [0] and bench.pulses == ["cancel", "cancel"]


def test_the_window_lock_stays_set_and_holds_the_window_alone():
    bench = Bench()
    window, lock = (Reg.WINDOW_BASE, Reg.WINDOW_LIMIT), Reg.WINDOW_LOCK
    for data, strobe in ((0xFFFF_FFFE, 15), (1, 0b1110)):
        bench.write(lock, data, strobe)
    bench.set(busy=True)
    bench.write(lock, 1)
    bench.set(busy=False)
    bench.read(lock)  # none of these locked it
    for offset in window:
        bench.write(offset, 0x1234_5000)
    bench.write(lock, 1)
    for offset in (*window, Reg.INSN_BASE):
        bench.write(offset, 0x5555_5000)
    bench.write(lock, 0)
    bench.read(lock, *window, Reg.INSN_BASE)
    assert bench.run() == [0, 1, 0x1234_5000, 0x1234_5FFF, 0x5555_5000]


def test_while_busy_only_the_interrupt_registers_can_be_written():
    bench = Bench()
    bench.set(busy=True)
    for offset in WRITABLE:
        bench.write(offset, 0xFFFF_FFFF)
    bench.read(*WRITABLE)
    values = reset_values(CONFIG)
    values[Reg.INTERRUPT_ENABLE] = 1
    assert bench.run() == [values[offset] for offset in WRITABLE]


def test_interrupt_is_set_by_the_end_of_a_launch_and_cleared_by_writing_one():
    bench = Bench()
    status = Reg.INTERRUPT_STATUS
    bench.set(ended=True)
    bench.set(ended=False)
    bench.read(status)  # 1
    bench.note("interrupt")  # not enabled
    bench.write(Reg.INTERRUPT_ENABLE, 1)
    bench.note("interrupt")
    bench.write(status, 0)
    bench.write(status, 1, 0b1110)
    bench.write(status, 2)
    bench.read(status)  # 1
    bench.set(busy=True)
    bench.write(status, 1)
    bench.read(status)  # 0
    bench.note("interrupt")
    assert bench.run() == [1, 1, 0]
    assert bench.wires == [False, True, False]


@pytest.mark.parametrize("end, status", [(3, 0), (4, 1), (5, 1)])
def test_the_end_of_a_launch_wins_over_clearing_in_the_same_cycle(end, status):
    bench = Bench()
    axi, seen = bench.axi, []

    def on_edge(cycle):
        axi.awvalid.next = axi.wvalid.next = cycle == 1  # taken in cycle 2, written in cycle 4
        axi.awaddr.next, axi.wdata.next, axi.wstrb.next = Reg.INTERRUPT_STATUS, 1, 15
        bench.ended.next = cycle == end - 1
        seen.append(int(bench.settings.interrupt_status))
        return cycle == 7

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=8)
    assert seen[7] == status


def test_a_response_waits_for_the_host_and_the_next_request_for_it():
    bench = Bench()
    axi, seen = bench.axi, []

    def on_edge(cycle):
        axi.awvalid.next = axi.wvalid.next = axi.arvalid.next = True
        axi.wstrb.next, axi.wdata.next, axi.awaddr.next = 15, cycle, Reg.INSN_COUNT
        axi.araddr.next = Reg.IDENTITY + 4 * (cycle % 4)
        now = axi.bvalid, axi.rvalid, bench.settings.insn_count, axi.rdata
        seen.append(tuple(map(int, now)))
        axi.bready.next = axi.rready.next = cycle >= 20
        return cycle == 40

    simulate([bench.block], bench.clock, bench.reset, on_edge, limit=41)
    assert len(set(seen[5:21])) == 1 and seen[5][:2] == (1, 1)
    assert seen[39][2] > 20


def registers_top(config):
    """The block that test_replay converts."""
    return Bench(config).block
