"""A profile whose figures are known: a host step and two launches."""

from __future__ import annotations

from myvta.driver.run.profile import Profile, Row
from myvta.isa.register_map import PERFORMANCE

__all__ = ["PROFILE"]


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
