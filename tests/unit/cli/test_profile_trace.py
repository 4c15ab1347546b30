"""The trace of a profile: slices of launches and instructions, tokens as flows, its format."""

from __future__ import annotations

import json
from typing import Any

from profile_rows import PREDICTED, PROFILE, REPORT

from myvta.cli.profile_trace import trace

REQUIRED = {  # of the Trace Event Format, by phase
    "M": {"name", "pid", "args"}, "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "C": {"name", "pid", "ts", "args"}, "s": {"name", "cat", "pid", "tid", "ts", "id"},
    "f": {"name", "cat", "pid", "tid", "ts", "id", "bp"},
}


def events_of(text: str) -> list[dict[str, Any]]:
    """Return the events of a trace after checking its format."""
    document = json.loads(text)
    assert set(document) == {"traceEvents", "displayTimeUnit"}
    events: list[dict[str, Any]] = document["traceEvents"]
    for event in events:
        assert REQUIRED[event["ph"]] <= set(event), event
        assert event.get("ts", 0) >= 0 and event.get("dur", 1) > 0
    for track in {(event["pid"], event["tid"]) for event in events if event["ph"] == "X"}:
        slices = sorted((event["ts"], event["ts"] + event["dur"]) for event in events
                        if event["ph"] == "X" and (event["pid"], event["tid"]) == track)
        assert all(end <= start for (_, end), (start, _) in zip(slices, slices[1:], strict=False))
    return events


def bound_slice(events: list[dict[str, Any]], flow: dict[str, Any]) -> tuple[int, str]:
    """Return index and launch of the instruction that a flow event binds to."""
    (owner,) = [event for event in events if event["ph"] == "X"
                and (event["pid"], event["tid"]) == (flow["pid"], flow["tid"])
                and event["ts"] <= flow["ts"] < event["ts"] + event["dur"]]
    return owner["args"]["index"], owner["args"]["launch"]


def test_a_slice_for_each_instruction_of_each_launch() -> None:
    events = events_of(trace(PROFILE, REPORT.timelines))
    slices = [event for event in events if event["ph"] == "X" and event["pid"] == 2]
    assert [(event["name"], event["cat"], event["ts"], event["dur"]) for event in slices[:5]] == [
        ("load inp", "load", 10, 50), ("load wgt", "load", 20, 280), ("gemm", "compute", 60, 440),
        ("finish", "compute", 980, 20), ("store out", "store", 500, 480)]
    assert [event["ts"] for event in slices[5:7]] == [1010, 1020], "behind the first launch"
    tracks = {event["tid"]: event["args"]["name"] for event in events
              if event["name"] == "thread_name" and event["pid"] == 2}
    assert list(tracks.values()) == ["load", "load", "compute", "store"]
    assert slices[0]["tid"] != slices[1]["tid"], "both in flight"


def test_tokens_are_flows_between_the_slices() -> None:
    events = events_of(trace(PROFILE, REPORT.timelines))
    starts = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert set(starts) == set(ends) == {1, 2, 3, 4}
    bound = [(bound_slice(events, starts[flow]), bound_slice(events, ends[flow]))
             for flow in sorted(starts)]
    assert bound == [((source, launch), (sink, launch)) for launch in ("conv <1>", "conv2")
                     for source, sink in ((0, 2), (2, 3))]
    assert [starts[flow]["name"] for flow in (1, 2)] == ["load->compute", "compute->store"]
    assert all(starts[flow]["cat"] == ends[flow]["cat"] == "token" for flow in starts)


def test_a_prediction_has_instructions_only() -> None:
    events = events_of(trace(PREDICTED.profile, PREDICTED.timelines))
    assert {event["pid"] for event in events if event["ph"] == "X"} == {2}
    assert not [event for event in events if event["ph"] == "C"]


def test_slices_follow_each_other_without_gaps() -> None:
    events = events_of(trace(PROFILE))
    tracks = {event["tid"]: event["args"]["name"] for event in events
              if event["name"] == "thread_name"}
    assert list(tracks.values()) == ["fetch", "load", "compute", "store"]
    for track, engine in tracks.items():
        slices = [e for e in events if e["ph"] == "X" and e["tid"] == track]
        assert [(e["name"], e["ts"], e["dur"]) for e in slices] == [
            ("conv <1>", 0, 1000), ("conv2", 1000, 3000)]
        assert slices[0]["args"][f"{engine.upper()}_BUSY"] == 250
    busy = [e["args"]["percent"] for e in events if e["name"] == "compute busy"]
    assert busy == [25, 25, 0]
