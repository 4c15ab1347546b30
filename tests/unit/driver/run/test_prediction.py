"""Predictions: cycles of the timing model, traffic as the model counts it, no run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from assembly_texts import PRODUCT, product_arrays
from driver_programs import network

from myvta.driver.program.assembly_program import assembly_program
from myvta.driver.run.prediction import predict_program
from myvta.driver.run.profile import profile_program
from myvta.driver.run.program_runner import LoadedProgram
from myvta.driver.target.open_target import open_target
from myvta.isa.asm.assembler import assemble
from myvta.isa.instructions import decode_stream
from myvta.isa.opcodes import MemoryType
from myvta.model.timing.predict import TimingError, predict


def test_cycles_and_bars_are_the_timing_model_s() -> None:
    text = assemble(PRODUCT)
    program = assembly_program(text, "a.s").program
    profile, (timeline,) = predict_program(program, latency=9)
    timing = predict(decode_stream(text.stream, text.config), text.uops, text.config, latency=9)
    assert profile.cycles == timeline.cycles == timing.cycles
    assert [bar.start for bar in timeline.bars] == timing.start.tolist()
    assert [bar.end for bar in timeline.bars] == timing.end.tolist()
    assert profile.cycles > predict_program(program)[0].cycles, "a slower memory"


def test_micro_ops_are_read_where_the_launch_has_them() -> None:
    text = assemble(""".config 1x4x4
.uops separate
0,0,0
1,0,0
2,0,0
3,0,0
load uop dram=0 cols=4
alu mul uops=separate loop=8x1 imm=3
finish
""")
    program = assembly_program(text, "a.s").program
    code, uops = program.segments
    step = program.launches[0]
    together = replace(uops, data=bytes(4 * 15) + uops.data)  # micro-ops of accumulator tile 0
    at = uops.offset + 4 * 15
    moved = replace(program, segments=(code, together), steps=(replace(step, uops=at),))
    stream = decode_stream(text.stream, text.config)
    timing = predict(stream, text.uops, text.config, bases={MemoryType.UOP: at})
    assert predict_program(moved)[0].cycles == timing.cycles
    assert timing.cycles != predict(stream, text.uops, text.config).cycles, "another alignment"
    assert timing.cycles < predict(stream, bytes(64), text.config).cycles, "no wait for results"


def test_traffic_and_products_are_those_of_a_run() -> None:
    assembly = assembly_program(assemble(PRODUCT), "a.s", product_arrays())
    with open_target("model://", assembly.program.config) as target:
        (measured,) = profile_program(LoadedProgram(assembly.program, target), assembly.inputs).rows
    (predicted,) = predict_program(assembly.program)[0].rows
    assert (predicted.bytes, predicted.macs, predicted.ideal_steps) == (
        measured.bytes, measured.macs, measured.ideal_steps) == (52, 64, 4)
    for name, count in predicted.counters.items():
        assert measured.counters[name] == count
    assert predicted.layers == measured.layers


def test_every_launch_of_a_network_has_a_row_and_a_timeline() -> None:
    profile, timelines = predict_program(network())
    assert [row.name for row in profile.rows] == ["d1", "d2"]
    assert [timeline.name for timeline in timelines] == ["d1", "d2"]
    assert [row.cycles for row in profile.rows] == [line.cycles for line in timelines]
    assert profile.timed and not profile.measured


def test_a_stream_that_deadlocks_is_refused() -> None:
    text = PRODUCT.replace("cols=1 push_next", "cols=1")
    with pytest.raises(TimingError, match="tokens that are never pushed"):
        predict_program(assembly_program(assemble(text), "a.s").program)
