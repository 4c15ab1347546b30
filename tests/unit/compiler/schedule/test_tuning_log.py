"""The log of a search: trials of earlier runs, of other targets, and lines cut short."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling
from myvta.compiler.schedule.cost import Cost
from myvta.compiler.schedule.pool_problems import GlobalAverageProblem, GlobalTiling
from myvta.compiler.schedule.tuning_log import Trial, TrialLog
from myvta.isa.config import named

TARGET = TargetDescription(named("1x4x4"))
SHAPE = ConvShape(1, 2, 3, (9, 9), (9, 9), (3, 3), before=(1, 1))
TILING = ConvTiling(3, 1, 2, 9, 3, 3, 3, "output-stationary", True)
ONE, TWO = Trial(TILING, Cost(100.0, 7.0)), Trial(replace(TILING, oh=3), Cost(90.0, 8.0))


def test_trials_are_written_at_once_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == []
        log.add(SHAPE, ONE)
        assert json.loads(path.read_text())["cost"] == {"cycles": 100.0, "moved": 7.0}
        log.add(SHAPE, TWO)
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == [ONE, TWO]
        assert log.of(replace(SHAPE, co=4)) == []


def test_trials_of_every_kind_of_problem_come_back(tmp_path: Path) -> None:
    path, problem = tmp_path / "log", GlobalAverageProblem(3, 49)
    trial = Trial(GlobalTiling(1, 7), Cost(70.0, 3.0))
    with TrialLog(path, TARGET) as log:
        log.add(problem, trial)
    with TrialLog(path, TARGET) as log:
        assert log.of(problem) == [trial]
        assert log.of(SHAPE) == []


def test_trials_of_another_configuration_or_latency_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TrialLog(path, TARGET) as log:
        log.add(SHAPE, ONE)
    others = replace(TARGET, memory_latency=1), TargetDescription(named("2x8x8"))
    for other in others:
        with TrialLog(path, other) as log:
            assert log.of(SHAPE) == []
            log.add(SHAPE, TWO)
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == [ONE]


def test_truncated_line_is_ignored_and_not_extended(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TrialLog(path, TARGET) as log:
        log.add(SHAPE, ONE)
    path.write_text(path.read_text() + '{"target": "1x4')
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == [ONE]
        log.add(SHAPE, TWO)
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == [ONE, TWO]


def test_other_lines_than_trials_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with TrialLog(path, TARGET) as log:
        log.add(SHAPE, ONE)
    row = json.loads(path.read_text())
    lines = ["3", "{}", "[]"]
    changes: list[dict[str, Any]] = [
        {"tiling": {}}, {"cost": {}}, {"cost": 1}, {"problem": {}}]
    lines += [json.dumps({**row, **change}) for change in changes]
    path.write_text("\n".join([*lines, json.dumps(row)]) + "\n")
    with TrialLog(path, TARGET) as log:
        assert log.of(SHAPE) == [ONE]
