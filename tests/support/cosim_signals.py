"""The simulators' memory and register master on MyHDL signals, without a simulator."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
from rtl_bench import clock_and_reset, simulate

from myvta.cosim.axi_memory import AxiMemory, Checker
from myvta.cosim.options import SimulationOptions
from myvta.cosim.rules import Counter
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4

__all__ = ["MEMORY_BYTES", "MemoryBench", "port_signals"]

MEMORY_BYTES = 1 << 11


def port_signals(prefix: str, bundle: Any) -> dict[str, Any]:
    """Return the signals of a bundle by the names of the core's ports: ``m_axi_arvalid``."""
    return {f"{prefix}_{name}": signal for name, signal in vars(bundle).items()}


class MemoryBench:
    """An AxiMemory of random bytes from ``base`` on, with a bus of ``2 ** log_bus`` bits."""

    def __init__(self, log_bus: int = 6, base: int = 0, **options: Any):
        self.axi = Axi4(NAMED["1x4x4"].replace(log_bus_width=log_bus))
        self.bytes = np.frombuffer(Random(1).randbytes(MEMORY_BYTES), np.uint8).copy()
        self.counters, self.checker = [0] * len(Counter), Checker()
        self.memory = AxiMemory(
            port_signals("m_axi", self.axi), self.bytes, base, len(self.axi.wstrb),
            SimulationOptions(**options), self.counters, self.checker,
        )

    def run(self, step: Callable[[int], object], cycles: int) -> None:
        """Call ``step(cycle)`` at each rising edge, until true or for so many cycles."""
        clock, reset = clock_and_reset()

        def on_edge(cycle: int) -> bool:
            self.memory.sample(cycle)
            stop = step(cycle)
            self.memory.drive(cycle + 1)
            return bool(stop) or cycle == cycles - 1

        simulate([], clock, reset, on_edge, limit=cycles)

    def address(
        self, channel: str, address: int, beats: int = 1, *, log_size: int = 3, burst: int = 1,
    ) -> None:
        """Show an address on ``ar`` or ``aw`` from the next edge on."""
        for name, value in (("valid", True), ("addr", address), ("len", beats - 1),
                            ("size", log_size), ("burst", burst)):
            getattr(self.axi, channel + name).next = value

    def data(self, value: int, strobe: int = 0xFF, last: bool = True) -> None:
        """Show a beat of write data from the next edge on."""
        self.axi.wvalid.next, self.axi.wdata.next = True, value
        self.axi.wstrb.next, self.axi.wlast.next = strobe, last
