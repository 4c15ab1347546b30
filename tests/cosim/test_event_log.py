"""The record of instructions: the appended process, its file, and agreement with the prediction."""

from __future__ import annotations

from pathlib import Path

import pytest
from assembly_texts import PRODUCT, product_arrays

from myvta.cosim.event_log import LaunchEvents, add_event_log, read_events
from myvta.driver.errors import UrlError
from myvta.driver.program.assembly_program import assembly_program
from myvta.driver.run.prediction import predict_program
from myvta.driver.run.program_runner import LoadedProgram
from myvta.driver.target.open_target import open_target
from myvta.isa.asm.assembler import assemble

SLACK = 4  # cycles that the timing model's constants may be off at an instruction
NETS = {
    "control0": {"nets": {"clock": "clk", "results.cycles": "cycles", "launch.start": "go",
                          "launch.busy": "busy"}},
    "load0": {"nets": {"sink.valid": "lv", "sink.ready": "lr", "status.index": "li",
                       "status.completed": "ld"}},
    "compute0.compute_issue0": {"nets": {"leaves": "cs", "status.index": "ci",
                                         "status.completed": "cd"}},
    "store0": {"nets": {"sink.valid": "sv", "sink.ready": "sr", "status.index": "si",
                        "status.completed": "sd"}},
}


def test_process_is_appended_to_the_last_module() -> None:
    text = add_event_log("module a;\nendmodule\nmodule core;\nassign x = 1;\nendmodule\n", NETS)
    first, second = text.split("module core;")
    assert first == "module a;\nendmodule\n"
    assert second.startswith("\nassign x = 1;\n") and second.endswith("endmodule\n")
    assert 'if (lv && lr)\n        $fdisplay(events, "start 0 %0d %0d", li, cycles);' in second
    assert 'if (cd)\n        $fdisplay(events, "end 1 %0d", cycles);' in second


def test_ends_belong_to_the_instructions_of_an_engine_in_order(tmp_path: Path) -> None:
    file = tmp_path / "events"
    file.write_text("launch\nstart 0 1 10\nstart 0 2 12\nstart 1 0 13\nend 0 20\nend 1 21\n"
                    "end 0 30\nlaunch\nstart 1 0 5\nend 1 9\n")
    assert read_events(file) == [
        LaunchEvents({1: 10, 2: 12, 0: 13}, {1: 20, 0: 21, 2: 30}),
        LaunchEvents({0: 5}, {0: 9}),
    ]


@pytest.mark.parametrize("scheme", [
    pytest.param("icarus", marks=pytest.mark.icarus),
    pytest.param("verilator", marks=[pytest.mark.verilator, pytest.mark.slow])])
def test_two_launches_are_recorded_as_the_timing_model_predicts_them(
    scheme: str, tmp_path: Path,
) -> None:
    assembly = assembly_program(assemble(PRODUCT), "a.s", product_arrays())
    program = assembly.program
    (timeline,) = predict_program(program)[1]
    with open_target(f"{scheme}://?events={tmp_path / 'events'}", program.config) as target:
        loaded = LoadedProgram(program, target)
        cycles = [loaded.run(assembly.inputs).cycles for _ in range(2)]
    launches = read_events(tmp_path / "events")
    assert launches[0] == launches[1] and cycles[0] == cycles[1]
    events = launches[0]
    for bar in timeline.bars:
        assert abs(events.start[bar.index] - bar.start) <= SLACK, bar
        assert abs(events.end[bar.index] - bar.end) <= SLACK, bar
        assert events.start[bar.index] < events.end[bar.index] <= cycles[0]
    for token in timeline.tokens:
        assert events.end[token.source] <= events.start[token.sink], token


def test_a_file_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(UrlError, match="events cannot be written: there is no folder /no/such"):
        open_target("icarus://?config=1x4x4&events=/no/such/e")
