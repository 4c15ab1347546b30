"""Counter events of the step that is written: GEMM and DWC steps that multiply, ALU steps."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block

from ...isa.config import Config
from ..host.status import StepEvents
from .step import Step

__all__ = ["step_events"]


@block
def step_events(step: Step, stopped: Any, events: StepEvents, *, config: Config) -> Any:
    """Pulse for a step in the last stage unless ``stopped``."""

    @always_comb
    def pulse_alu():
        events.alu_step.next = step.valid and not stopped and not step.gemm

    if not config.depthwise:

        @always_comb
        def pulse_gemm():
            events.gemm_step.next = step.valid and not stopped and step.gemm and not step.clear

        return pulse_alu, pulse_gemm

    @always_comb
    def pulse_array():
        events.gemm_step.next = (
            step.valid and not stopped and step.gemm and not step.clear and not step.depthwise
        )
        events.dwc_step.next = step.valid and not stopped and step.depthwise and not step.clear

    return pulse_alu, pulse_array
