"""A report whose figures are known: a host step and two launches, each with a timeline."""

from __future__ import annotations

from dataclasses import replace

from myvta.cli.profile_page import ProfileReport
from myvta.driver.run.profile import Profile, Row
from myvta.driver.run.timeline import Bar, Timeline, Token
from myvta.isa.opcodes import Module
from myvta.isa.register_map import PERFORMANCE

__all__ = ["PREDICTED", "PROFILE", "REPORT", "TIMELINE"]


def _rows() -> tuple[Row, ...]:
    """Return a host step and two launches whose figures are known."""
    launches = []
    for name, cycles in (("conv <1>", 1000), ("conv2", 3000)):
        performance = {register.name: 0 for group in PERFORMANCE.values() for register in group}
        for engine in ("FETCH", "LOAD", "COMPUTE", "STORE"):
            performance[f"{engine}_BUSY"] = cycles // 4
        performance["COMPUTE_TOKEN"] = cycles // 2
        launches.append(Row(
            name=name, layers=(name,), where="accelerator", seconds=0.5, cycles=cycles,
            macs=256 * cycles // 2, ideal_steps=cycles // 2, compulsory_bytes=2 * cycles,
            counters={"INP_BYTES": cycles, "WGT_BYTES": 2 * cycles}, performance=performance,
        ))
    return (Row(name="quantize", layers=("quantize",), where="host", seconds=0.001), *launches)


PROFILE = Profile(program="net", config="default", macs_per_step=256, bus_bytes=8, images=1,
                  rows=_rows())

TIMELINE = Timeline("conv <1>", 1000, (
    Bar(0, Module.LOAD, 10, 60, "load inp sram=0 dram=0 rows=1 cols=4 push_next", "conv"),
    Bar(1, Module.LOAD, 20, 300, "load wgt sram=0 dram=0 rows=1 cols=9 push_next", ""),
    Bar(2, Module.COMPUTE, 60, 500, "gemm uops=0:1 pop_prev push_next", "<line>"),
    Bar(3, Module.STORE, 500, 980, "store out sram=0 dram=0 rows=1 cols=4 pop_prev", ""),
    Bar(4, Module.COMPUTE, 980, 1000, "finish", ""),
), (Token("load->compute", 0, 2), Token("compute->store", 2, 3)))
"""A launch whose second LOAD starts before the first has ended."""
REPORT = ProfileReport(
    profile=PROFILE, source="measured on verilator://", clock_mhz=100.0,
    timelines=(TIMELINE, replace(TIMELINE, name="conv2", cycles=3000)),
    timelines_source="recorded from the RTL",
)
PREDICTED = replace(
    REPORT, source="predicted by a model", timelines_source="predicted by a model",
    profile=replace(PROFILE, rows=tuple(replace(row, performance={}) for row in PROFILE.launches)),
)
"""The same without engines and host: a prediction has no such figures."""
