"""The trace of a profile: one slice per launch on each engine's track."""

from __future__ import annotations

import json

from profile_rows import PROFILE

from myvta.cli.profile_trace import trace


def test_slices_follow_each_other_without_gaps() -> None:
    events = json.loads(trace(PROFILE))["traceEvents"]
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
