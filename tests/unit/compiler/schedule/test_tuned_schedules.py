"""Files of tuned schedules: written ones are read back, others are refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling, EpilogueSpec
from myvta.compiler.schedule.pool_problems import GlobalAverageProblem, GlobalTiling
from myvta.compiler.schedule.tuned_schedules import (
    TunedLayer,
    read_tuned,
    tuned_json,
    write_tuned,
)
from myvta.isa.config import named

CONFIG = named("1x4x4")
PLAIN = ConvShape(1, 2, 3, (9, 9), (9, 9), (3, 3), before=(1, 1))
WINDOWS = EpilogueSpec((4, 4), (2, 2), (2, 2))
TILING = ConvTiling(3, 1, 2, 9, 3, 3, 3, "output-stationary", True)


def test_schedules_come_back_by_problem(tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    tilings = {
        PLAIN: TILING, replace(PLAIN, leads=(0, 1, 1), residual=True): TILING,
        replace(PLAIN, epilogue=WINDOWS): replace(TILING, oh=1),
        GlobalAverageProblem(3, 49): GlobalTiling(1, 7)}
    write_tuned(path, CONFIG, [
        TunedLayer(problem, tiling, 1000, 2000) for problem, tiling in tilings.items()])
    assert read_tuned(path, CONFIG) == tilings


def test_the_file_has_configuration_port_and_costs() -> None:
    content = tuned_json(CONFIG, [TunedLayer(PLAIN, TILING, 1000, 2000, 1010)])
    assert (content["config"], content["bus"]) == (CONFIG.canonical, CONFIG.bus_width)
    (layer,) = content["layers"]
    assert (layer["cycles"], layer["moved"], layer["measured"]) == (1000, 2000, 1010)


@pytest.mark.parametrize(("change", "message"), [
    (lambda d: d.update(format="else"), r"not a file of tuned schedules \(format 'else' v"),
    (lambda d: d.update(version=2), r"\(format 'myvta tuned schedules' version 2, not "
     r"'myvta tuned schedules' version 3\); `myvta tune` writes them"),
    (lambda d: d.pop("layers"), r"\('layers'\); `myvta tune` writes them"),
    (lambda d: d.update(config="2x8x8"), "tuned for 2x8x8 with a memory port of 64 bits, not for"),
    (lambda d: d.update(bus=128), "memory port of 128 bits, not for .* with 64: tune for it"),
    (lambda d: d["layers"][0]["problem"].pop("ci"), "ConvShape with groups, co, size"),
    (lambda d: d["layers"][0]["problem"].update(epilogue={}), "EpilogueSpec with nothing"),
    (lambda d: d["layers"][0]["tiling"].update(oh=0), "no tiling: ConvTiling"),
    (lambda d: d["layers"][0]["tiling"].update(oh="9"), "ConvTiling.oh '9', not of type int"),
    (lambda d: d["layers"][0]["problem"].pop("kind"), r"\('kind'\); `myvta tune` writes them"),
    (lambda d: d["layers"][0]["problem"].update(kind="Lstm"), "of kind 'Lstm', not one of Conv"),
    (lambda d: d["layers"][0]["tiling"].update(dataflow="w"), "no tiling: ConvTiling"),
])
def test_other_files_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    path = tmp_path / "tuned.json"
    write_tuned(path, CONFIG, [TunedLayer(PLAIN, TILING, 1000, 2000)])
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(CompileError, match=message):
        read_tuned(path, CONFIG)


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_other_files_than_json_objects_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tuned.json"
    path.write_text(text)
    with pytest.raises(CompileError, match="not a file of tuned schedules"):
        read_tuned(path, CONFIG)
