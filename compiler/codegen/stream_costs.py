"""The costs of a stream: instructions, steps and bytes by note, and the predicted cost of all."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...driver.stream.instruction_stream import InstructionStream
from ...isa.instructions import Alu, Dwc, Load, StepInstruction, Store
from ...isa.opcodes import INSTRUCTION_BYTES, MemoryType
from ...model.timing.predict import predict
from ..ir.target_description import TargetDescription
from ..schedule.cost import Cost

__all__ = ["StreamCosts", "predicted_cost", "stream_costs"]


@dataclass
class StreamCosts:
    """Counts over instructions: a device's counters (``isa.register_map.COUNTERS``)."""

    instructions: int = 0
    gemm_steps: int = 0
    dwc_steps: int = 0
    reset_steps: int = 0
    alu_steps: int = 0
    bytes: dict[str, int] = field(default_factory=dict)  # by memory type

    @property
    def stream_bytes(self) -> int:
        """Bytes of the instructions themselves."""
        return self.instructions * INSTRUCTION_BYTES


def stream_costs(stream: InstructionStream) -> dict[str, StreamCosts]:
    """Return the costs of a stream by the note of its instructions."""
    costs: dict[str, StreamCosts] = {}
    for item, note in zip(stream.instructions, stream.notes, strict=True):
        cost = costs.setdefault(note, StreamCosts())
        cost.instructions += 1
        if isinstance(item, Load) or (isinstance(item, Store) and not item.forwards):
            name = MemoryType(item.memory_type).name
            moved = item.x_size * item.y_size * stream.config.tile_bytes(
                MemoryType(item.memory_type))
            cost.bytes[name] = cost.bytes.get(name, 0) + moved
        elif isinstance(item, StepInstruction):
            steps = (item.uop_end - item.uop_bgn) * item.iter_out * item.iter_in
            if isinstance(item, Alu):
                cost.alu_steps += steps
            elif item.reset:
                cost.reset_steps += steps
            elif isinstance(item, Dwc):
                cost.dwc_steps += steps
            else:
                cost.gemm_steps += steps
    return costs


def predicted_cost(stream: InstructionStream, target: TargetDescription) -> Cost:
    """Return the cycles that the timing model predicts for a stream, and the bytes it moves."""
    cycles = predict(
        stream.instructions, stream.uops, target.config, latency=target.memory_latency).cycles
    moved = sum(sum(costs.bytes.values()) for costs in stream_costs(stream).values())
    return Cost(cycles, moved)
