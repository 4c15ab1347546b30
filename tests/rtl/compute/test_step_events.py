"""step_events: each step that is written pulses the counter of its kind."""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, randomize, record

from myvta.rtl.compute.step import Step
from myvta.rtl.compute.step_events import step_events
from myvta.rtl.host.status import StepEvents
from myvta.rtl.lib.bundles import bit


@pytest.mark.parametrize("name", ["1x4x4", "1x4x4+depthwise"])
def test_a_step_counts_once_and_a_reset_not_at_all(name):
    config, random = extended(name), Random(5)
    clock, reset = clock_and_reset()
    step, stopped, events = Step(config), bit(), StepEvents(config)

    def drive(cycle):
        randomize(random, step.valid, step.gemm, step.clear, stopped)
        if config.depthwise:
            randomize(random, step.depthwise)

    watched = {"step": step, "stopped": stopped, "events": events}
    block = step_events(step, stopped, events, config=config)
    for row in record([block], clock, reset, watched, drive, cycles=200):
        counts = row["step.valid"] and not row["stopped"]
        kind = "alu"
        if row["step.gemm"]:
            kind = "dwc" if row.get("step.depthwise") else "gemm"
            counts = counts and not row["step.clear"]
        elif row.get("step.depthwise"):
            continue  # never without gemm
        for name in ("alu", "gemm", *["dwc"] * config.depthwise):
            assert row[f"events.{name}_step"] == (counts and name == kind), name
