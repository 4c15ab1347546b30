"""Costs of a stream: counts by note from the fields of instructions, and the prediction."""

from __future__ import annotations

import pytest
from stream_steps import CONFIG, INP, WGT

from myvta.compiler.codegen.stream_costs import StreamCosts, predicted_cost, stream_costs
from myvta.compiler.ir.target_description import TargetDescription
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.opcodes import AluOpcode
from myvta.model.timing.predict import predict


@pytest.fixture
def stream() -> InstructionStream:
    """A stream of two notes, and FINISH without one."""
    builder = StreamBuilder(CONFIG, serial=True)
    builder.note("first")
    builder.load_2d(INP, 0, 0, 3, 2, 10)
    builder.load_2d(WGT, 0, 0, 5)
    builder.gemm([(0, 0, 0), (1, 1, 0)], reset=True, iter_out=2, iter_in=3, dst_factor=(6, 2))
    builder.gemm([(0, 0, 0)], iter_in=7)
    builder.note("second")
    builder.alu([(0, 0), (1, 1)], AluOpcode.MAX, imm=0, iter_in=4, dst_factor=(0, 2))
    builder.store_2d(0, 100, 2, 2, 9)
    builder.note("")
    return builder.finish()


def test_steps_and_bytes_are_counted_by_note(stream: InstructionStream) -> None:
    costs = stream_costs(stream)
    first, second = costs["first"], costs["second"]
    assert (first.reset_steps, first.gemm_steps, first.alu_steps) == (12, 7, 0)
    assert (second.reset_steps, second.gemm_steps, second.alu_steps) == (0, 0, 8)
    # tiles of 4, 16 and 4 bytes; micro-ops of 4 bytes, three pairs for GEMM and two for ALU
    assert (first.bytes["INP"], first.bytes["WGT"]) == (3 * 2 * 4, 5 * 16)
    assert second.bytes["OUT"] == 2 * 2 * 4
    assert first.bytes["UOP"] + second.bytes.get("UOP", 0) == len(stream.uops)


def test_windows_are_counted_and_forwarded_tiles_move_no_bytes() -> None:
    builder = StreamBuilder(CONFIG.replace(depthwise=True, forward=True), serial=True)
    builder.note("conv")
    builder.depthwise([(0, 0, 0)], (2, 2), iter_out=2, iter_in=3)
    builder.forward_2d(INP, 0, 0, 6)
    cost = stream_costs(builder.finish())["conv"]
    assert (cost.dwc_steps, cost.gemm_steps) == (6, 0)
    assert list(cost.bytes) == ["UOP"]


def test_every_instruction_is_counted_once(stream: InstructionStream) -> None:
    costs = stream_costs(stream)
    assert sum(cost.instructions for cost in costs.values()) == len(stream)
    assert sum(cost.stream_bytes for cost in costs.values()) == len(stream.code)
    assert costs[""].instructions == 1
    assert StreamCosts(instructions=3).stream_bytes == 48


@pytest.mark.parametrize("latency", [1, 200])
def test_predicted_cost_has_the_latency_and_all_bytes(
    stream: InstructionStream, latency: int
) -> None:
    cost = predicted_cost(stream, TargetDescription(CONFIG, latency))
    cycles = predict(stream.instructions, stream.uops, CONFIG, latency=latency).cycles
    assert cost.cycles == cycles
    assert cost.moved == 24 + 80 + 16 + len(stream.uops)
