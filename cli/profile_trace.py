"""A profile as a trace that ui.perfetto.dev and chrome://tracing open (Trace Event Format)."""

from __future__ import annotations

import json
from typing import Any

from ..driver.run.profile import ENGINES, Profile
from ..isa.register_map import PERFORMANCE

__all__ = ["trace"]


def trace(profile: Profile) -> str:
    """Return the JSON text; a microsecond of the trace is a cycle of the device.

    Every engine is a track with a slice for each launch, which holds its counters; a counter track
    for each engine shows the share of cycles it was busy.  Registers count a whole launch, so
    events within one have no order here.
    """
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "tid": 0,
         "args": {"name": f"{profile.program} on {profile.config}"}},
    ]
    for track, engine in enumerate(ENGINES, 1):
        events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": track,
                       "args": {"name": engine}})
    start = 0
    for row in profile.launches:
        for track, engine in enumerate(ENGINES, 1):
            causes = {register.name: row.performance.get(register.name, 0)
                      for register in PERFORMANCE[engine]}
            events.append({"ph": "X", "name": row.name, "cat": engine, "pid": 1, "tid": track,
                           "ts": start, "dur": row.cycles, "args": causes})
            busy = next(iter(causes.values())) / row.cycles if row.cycles else 0
            events.append({"ph": "C", "name": f"{engine} busy", "pid": 1, "ts": start,
                           "args": {"percent": round(100 * busy, 2)}})
        start += row.cycles
    for engine in ENGINES:
        events.append({"ph": "C", "name": f"{engine} busy", "pid": 1, "ts": start,
                       "args": {"percent": 0}})
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"})
