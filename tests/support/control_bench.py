"""A bench for the launch control: scripts of wires, the trace of its outputs."""

from myhdl import ResetSignal, Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.opcodes import ErrorCode
from myvta.rtl.host.control import control
from myvta.rtl.host.register_values import Results, Settings
from myvta.rtl.host.status import FetchStatus, LaunchControl, ModuleStatus
from myvta.rtl.lib.bundles import PortStatus, bit
from myvta.rtl.lib.token_queue import DependencyTokens

__all__ = [
    "CONFIG", "FAULTS", "LAUNCH", "MODULES", "OUTPUTS", "Bench", "merge", "pulse",
    "raise_fault",
]

CONFIG = NAMED["default"]
OUTPUTS = ("busy", "module_reset", "halt", "ended")
MODULES = ("load", "compute", "store")


class Bench:
    """Plays a script ``{cycle: {wire: value}}``; ``trace`` holds the outputs of every cycle.

    A wire set in cycle n shows in cycle n + 1.  Modules are neither idle nor waiting, the port is
    idle, unless the script says so.  Wires of a module are written ``load.waiting``, faults
    ``load.fault.raised``, registers ``insn_base``; tokens ``tokens.l2g.available``.
    """

    def __init__(self, config=CONFIG):
        self.clock, self.reset = clock_and_reset()
        self.settings, self.results = Settings(config), Results(config)
        self.settings.insn_count = Signal(modbv(77)[32:])
        self.fetch, self.launch, self.finish = FetchStatus(), LaunchControl(), bit()
        self.tokens, self.port = DependencyTokens(), PortStatus()
        self.halt = Signal(True)
        self.module_reset = ResetSignal(1, active=1, isasync=False)
        self.busy, self.ended = self.launch.busy, self.launch.ended
        self.load, self.compute, self.store = (ModuleStatus() for _ in MODULES)
        self.block = control(
            self.clock, self.reset, launch=self.launch, settings=self.settings,
            results=self.results, fetch=self.fetch, load=self.load, compute=self.compute,
            store=self.store, finish=self.finish, tokens=self.tokens, port=self.port,
            module_reset=self.module_reset, halt=self.halt, config=config,
        )
        self.trace = []

    def play(self, script, cycles):
        def on_edge(cycle):
            assert self.halt or not self.module_reset, "a dying request may be taken"
            self.trace.append(
                {name: bool(getattr(self, name)) for name in OUTPUTS}
                | {name: int(getattr(self.results, name))
                   for name in ("control", "cycles", "error_code", "error_index", "error_address")}
            )
            if cycle == 0:
                self.port.idle.next = True
            for path, value in script.get(cycle, {}).items():
                wire = self if hasattr(self, path.split(".")[0]) else self.settings
                for name in path.split("."):
                    wire = getattr(wire, name)
                wire.next = value
            return cycle == cycles

        simulate([self.block], self.clock, self.reset, on_edge, limit=cycles + 1)
        return self.trace[-1]

    def cycles(self, name):
        """Cycles in which an output was high; ``halt`` between launches is not told."""
        return [
            cycle for cycle, row in enumerate(self.trace)
            if row[name] and (name != "halt" or row["busy"])
        ]


def pulse(cycle, name):
    """Script of a one-cycle pulse that shows in ``cycle``."""
    return {cycle - 1: {name: True}, cycle: {name: False}}


def merge(*scripts):
    out = {}
    for script in scripts:
        for cycle, wires in script.items():
            out.setdefault(cycle, {}).update(wires)
    return out


LAUNCH = pulse(5, "launch.start")


def raise_fault(cycle, owner, code, index):
    name = f"{owner}.fault"
    return {cycle: {f"{name}.raised": True, f"{name}.code": code, f"{name}.index": index}}


FAULTS = [
    ("compute", ErrorCode.OPCODE, 9), ("load", ErrorCode.WINDOW, 8), ("store", ErrorCode.BUS, 7),
    ("fetch", ErrorCode.WINDOW, 6),
]
