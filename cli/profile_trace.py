"""A profile as a trace that ui.perfetto.dev and chrome://tracing open (Trace Event Format)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..driver.run.profile import ENGINES, Profile
from ..driver.run.timeline import Timeline
from ..isa.opcodes import Module
from ..isa.register_map import PERFORMANCE

__all__ = ["trace"]

_LAUNCHES, _INSTRUCTIONS = 1, 2  # the trace's processes
_TRACKS = 100  # numbers of an engine's tracks, at most one for each instruction in flight
Event = dict[str, Any]


def trace(profile: Profile, timelines: Sequence[Timeline] = ()) -> str:
    """Return the JSON text; a microsecond of the trace is a cycle of the device.

    The first process has the launches: a track for each engine with a slice for each launch, which
    holds its counters, and a counter track with the share of cycles it was busy.  The second has
    the instructions, as many tracks for each engine as it has in flight, and tokens as flows from
    the slice that pushes one to the slice that pops it.
    """
    events = [_name("process", _LAUNCHES, 0, f"{profile.program} on {profile.config}")]
    if profile.has_causes:
        events += _launches(profile)
    if timelines:
        events.append(_name("process", _INSTRUCTIONS, 0, "instructions"))
        events += _instructions(timelines)
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"})


def _name(kind: str, process: int, track: int, name: str) -> Event:
    return {"ph": "M", "name": f"{kind}_name", "pid": process, "tid": track, "args": {"name": name}}


def _launches(profile: Profile) -> Iterator[Event]:
    for track, engine in enumerate(ENGINES, 1):
        yield _name("thread", _LAUNCHES, track, engine)
    start = 0
    for row in profile.launches:
        for track, engine in enumerate(ENGINES, 1):
            causes = {register.name: row.performance.get(register.name, 0)
                      for register in PERFORMANCE[engine]}
            yield {"ph": "X", "name": row.name, "cat": engine, "pid": _LAUNCHES, "tid": track,
                   "ts": start, "dur": row.cycles, "args": causes}
            busy = next(iter(causes.values())) / row.cycles if row.cycles else 0
            yield _busy(engine, start, round(100 * busy, 2))
        start += row.cycles
    for engine in ENGINES:
        yield _busy(engine, start, 0)


def _busy(engine: str, start: int, percent: float) -> Event:
    return {"ph": "C", "name": f"{engine} busy", "pid": _LAUNCHES, "ts": start,
            "args": {"percent": percent}}


def _instructions(timelines: Sequence[Timeline]) -> Iterator[Event]:
    """Yield the slices of all launches, one after the other, and their flows."""
    offset = flow = 0
    tracks: dict[int, str] = {}
    for timeline in timelines:
        track_of: dict[int, int] = {}
        for engine in Module:
            for lane, bars in enumerate(timeline.lanes(engine)):
                track = 1 + _TRACKS * engine + lane
                tracks[track] = engine.name.lower()
                for bar in bars:
                    track_of[bar.index] = track
                    yield {"ph": "X", "name": bar.name,
                           "cat": engine.name.lower(), "pid": _INSTRUCTIONS, "tid": track,
                           "ts": offset + bar.start, "dur": max(bar.end - bar.start, 1),
                           "args": {"index": bar.index, "instruction": bar.text, "note": bar.note,
                                    "launch": timeline.name}}
        for token in timeline.tokens:
            flow += 1
            source, sink = timeline.bars[token.source], timeline.bars[token.sink]
            common = {"name": token.queue, "cat": "token", "pid": _INSTRUCTIONS, "id": flow}
            # a flow binds to the slice around its time stamp: the last cycle of the source
            yield {**common, "ph": "s", "tid": track_of[token.source],
                   "ts": offset + max(source.end - 1, source.start)}
            yield {**common, "ph": "f", "bp": "e", "tid": track_of[token.sink],
                   "ts": offset + sink.start}
        offset += timeline.cycles
    for track, name in sorted(tracks.items()):
        yield _name("thread", _INSTRUCTIONS, track, name)
        yield {"ph": "M", "name": "thread_sort_index", "pid": _INSTRUCTIONS, "tid": track,
               "args": {"sort_index": track}}
