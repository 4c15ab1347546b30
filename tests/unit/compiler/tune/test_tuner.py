"""The search over schedules: valid, resumable, and its result is used by compile."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, save
from onnx import numpy_helper

from myvta.compiler.compile import compile_request, runner
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.pipeline.network_stages import FusedNetwork
from myvta.compiler.schedule.conv_problem import DATAFLOWS, ConvShape, ConvTiling
from myvta.compiler.schedule.cost import Cost
from myvta.compiler.schedule.problem_kinds import KINDS, fits
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.schedule.tuned_schedules import TunedLayer, read_tuned, write_tuned
from myvta.compiler.schedule.tuning_log import Trial, TrialLog
from myvta.compiler.tune.tuner import SEARCHES, TunableLayer, Tuner, distinct_layers, propose
from myvta.isa.config import named

CONFIG = named("1x4x4")
TARGET = TargetDescription(CONFIG)


def tunable(build: NetworkBuilder, folder: Path) -> list[TunableLayer]:
    """Return the layers of a network after fusion."""
    request = CompileRequest(save(build, folder / "network.onnx"), build.samples(4), TARGET)
    fused: FusedNetwork = runner(request).run("fuse")
    memory = fused.allocated.memory
    return distinct_layers(fused.operations, memory.layouts, TARGET, memory.images)


@pytest.fixture
def network() -> NetworkBuilder:
    """Two convolutions of one shape, another, and a dense layer."""
    build = NetworkBuilder(3)
    x = build.relu(build.conv(build.input((1, 8, 9, 9)), 8))
    build.gemm(build.flatten(build.conv(build.conv(x, 8), 6, (1, 1), pads=(0, 0, 0, 0))), 10)
    return build


@pytest.fixture
def layers(network: NetworkBuilder, tmp_path: Path) -> list[TunableLayer]:
    return tunable(network, tmp_path)


def shape(layer: TunableLayer) -> ConvShape:
    """Return the problem of a convolution."""
    assert isinstance(layer.problem, ConvShape)
    return layer.problem


def test_layers_of_one_shape_are_one(layers: list[TunableLayer]) -> None:
    shapes = map(shape, layers)
    assert [(item.ci, item.co, item.kernel) for item in shapes] == [
        (2, 2, (3, 3)), (2, 2, (1, 1)), (2, 3, (9, 9))]


def test_every_schedule_of_the_space_runs(layers: list[TunableLayer]) -> None:
    """All are valid and different; the timing model takes each of them."""
    layer = layers[0]
    assert len(set(layer.space)) == len(layer.space) > 30
    assert {cast(ConvTiling, tiling).dataflow for tiling in layer.space} == set(DATAFLOWS)
    for tiling in layer.space:
        assert fits(layer.problem, tiling, CONFIG)
    trials = [layer.try_out(tiling) for tiling in layer.space[::7]]
    assert all(trial.cost.cycles > shape(layer).steps for trial in trials)


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
def test_proposals_are_valid_and_never_repeat(layers: list[TunableLayer], search: str) -> None:
    layer = layers[0]
    done: list[Trial] = []
    for tiling in propose(layer, search, done):
        assert tiling in layer.space
        assert tiling not in [trial.tiling for trial in done]
        done.append(Trial(tiling, Cost(100.0 + len(done), 10)))
        if len(done) == 12:
            break
    assert len(done) == 12
    again = next(propose(layer, search, done))
    assert again not in [trial.tiling for trial in done]


@pytest.mark.parametrize("search", SEARCHES)
def test_the_whole_space_can_be_searched(layers: list[TunableLayer], search: str) -> None:
    layer = layers[1]
    done: list[Trial] = []
    layer.space = layer.space[:5]
    for tiling in propose(layer, search, done):
        done.append(Trial(tiling, Cost(1, 1)))
    assert len({trial.tiling for trial in done}) == 5


@pytest.mark.slow
def test_sampling_finds_a_good_schedule(layers: list[TunableLayer], tmp_path: Path) -> None:
    """The best of a sample is better than most of the space."""
    layer = layers[0]
    with TrialLog(tmp_path / "log", TARGET) as log:
        best = Tuner(log, "optuna", trials=24).tune(layer)
    prices = sorted(layer.try_out(tiling).cost.cycles for tiling in layer.space[::3])
    assert best.cycles <= prices[len(prices) // 4]


def test_interrupted_search_continues(layers: list[TunableLayer], tmp_path: Path) -> None:
    path, calls = tmp_path / "log.jsonl", []

    def progress(layer: TunableLayer, done: int, total: int, best: Trial) -> None:
        calls.append((layer.name, done, total))

    with TrialLog(path, TARGET) as log:
        Tuner(log, trials=5, progress=progress).tune(layers[0])
    assert [done for _, done, _ in calls] == [1, 2, 3, 4, 5]
    path.write_text(path.read_text() + '{"config": "cut sho')
    with TrialLog(path, TARGET) as log:
        first = Tuner(log, trials=8, progress=progress).tune(layers[0])
        assert len(calls) == 8
        assert Tuner(log, trials=8, progress=progress).tune(layers[0]) == first
        Tuner(log, trials=8, progress=progress).tune(layers[1])
    assert len(calls) == 16
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]
    assert len(rows) >= 15
    with TrialLog(path, TargetDescription(named("1x4x4_base"))) as log:
        assert not log.of(layers[0].problem)


def test_fastest_measured_schedule_is_kept(layers: list[TunableLayer], tmp_path: Path) -> None:
    layer, asked = layers[0], []

    def measure(stream: object, size: int) -> int:
        asked.append(size)
        return 100_000 - 10_000 * len(asked)

    with TrialLog(tmp_path / "log", TARGET) as log:
        best = Tuner(log, trials=6, measure=measure, verified=4).tune(layer)
        last = sorted(log.of(layer.problem), key=layer.total)[3]
    assert len(asked) == 4
    assert (best.measured, best.tiling) == (60_000, last.tiling)


@pytest.mark.slow
def test_compile_uses_the_tuned_schedules(
    network: NetworkBuilder, layers: list[TunableLayer], tmp_path: Path
) -> None:
    path = tmp_path / "tuned.json"
    chosen = layers[0].space[-1]  # not the choice of compile
    with TrialLog(tmp_path / "log", TARGET) as log:
        found = [Tuner(log, trials=2).tune(layer) for layer in layers[1:]]
    trial = layers[0].try_out(chosen)
    found.append(TunedLayer(
        layers[0].problem, chosen, int(trial.cost.cycles), int(trial.cost.moved)))
    write_tuned(path, CONFIG, found)
    tuned = read_tuned(path, CONFIG)
    assert tuned[layers[0].problem] == chosen
    plain = compiled(network, tmp_path, CONFIG.name)
    made = compiled(network, tmp_path, CONFIG, schedule=ScheduleOptions(tuned=tuned))
    assert made.program.code(made.program.launches[0]) != plain.program.code(
        plain.program.launches[0])
    check_every_layer(made, network.samples(1), order="1")


@pytest.mark.slow
def test_fused_layers_are_tuned_and_stay_fused(tmp_path: Path) -> None:
    """The key of a schedule has the epilogue: --tuned finds the convolution that is compiled."""
    build = NetworkBuilder(3)
    x = build.add(build.conv(build.input((1, 8, 12, 12)), 8, (1, 1), pads=(0, 0, 0, 0)), "input")
    build.node("LeakyRelu", [x], build.shapes[x], alpha=0.125)
    (layer,) = tunable(build, tmp_path)
    assert shape(layer).residual
    assert shape(layer).epilogue is not None
    path, chosen = tmp_path / "tuned.json", layer.space[-1]
    trial = layer.try_out(chosen)
    write_tuned(path, CONFIG, [TunedLayer(
        layer.problem, chosen, int(trial.cost.cycles), int(trial.cost.moved))])
    tuned = read_tuned(path, CONFIG)
    assert tuned == {layer.problem: chosen}
    options = ScheduleOptions(tuned=tuned)
    request = CompileRequest(
        tmp_path / "network.onnx", build.samples(4), TARGET, schedule=options)
    work = runner(request)
    work.run()
    (group,) = work.results["fuse"].groups
    assert len(group.nodes) == 3
    assert work.results["schedule"].tilings == {group.name: chosen}
    check_every_layer(compile_request(request), build.samples(1), order="1")


def other_operators() -> tuple[NetworkBuilder, list[str]]:
    """Return a network with a layer of each kind besides convolutions, and their operators."""
    build = NetworkBuilder(3)
    x = build.input((1, 8, 12, 12))
    x = build.node("AveragePool", [x], (1, 8, 11, 11), kernel_shape=[2, 2])
    x = build.max_pool(x, (3, 3), (1, 1), (1, 1, 1, 1))
    size = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
    build.constants.append(size)
    x = build.node("Resize", [x, "", "scales"], (1, 8, 22, 22), mode="nearest",
                   coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    pads = numpy_helper.from_array(np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64), "pads")
    build.constants.append(pads)
    x = build.node("Pad", [x, "pads"], (1, 8, 23, 24))
    build.average(build.relu(x))
    return build, ["AveragePool", "MaxPool", "Resize", "Pad", "Relu", "GlobalAveragePool"]


def test_every_kind_of_layer_is_found(tmp_path: Path) -> None:
    build, operators = other_operators()
    layers = tunable(build, tmp_path)
    assert [layer.operator for layer in layers] == operators
    kinds = {layer.problem.kind for layer in layers}
    assert kinds | {"Convolution"} == set(KINDS)
    assert all(len(set(layer.space)) == len(layer.space) > 3 for layer in layers)


@pytest.mark.slow
@pytest.mark.parametrize("search", SEARCHES)
def test_every_kind_of_layer_is_tuned_and_compiled_as_such(tmp_path: Path, search: str) -> None:
    build, _ = other_operators()
    layers = tunable(build, tmp_path)
    path = tmp_path / "tuned.json"
    with TrialLog(tmp_path / "log", TARGET) as log:
        best = [Tuner(log, search, trials=4).tune(layer) for layer in layers]
        assert all(len(log.of(layer.problem)) == 4 for layer in layers)
    write_tuned(path, CONFIG, best)
    options = ScheduleOptions(tuned=read_tuned(path, CONFIG))
    work = runner(CompileRequest(
        tmp_path / "network.onnx", build.samples(4), TARGET, schedule=options))
    work.run("schedule")
    assert work.results["schedule"].tilings == {
        layer.name: tuned.tiling for layer, tuned in zip(layers, best, strict=True)}


@pytest.mark.slow
def test_another_tiling_of_every_kind_is_another_stream_of_the_same_bits(tmp_path: Path) -> None:
    build, operators = other_operators()
    tuned = {layer.problem: layer.space[-1] for layer in tunable(build, tmp_path)}
    assert len(tuned) == len(operators)
    plain = compiled(build, tmp_path, CONFIG)
    other = compiled(build, tmp_path, CONFIG, schedule=ScheduleOptions(tuned=tuned))
    assert other.program.code(other.program.launches[0]) != plain.program.code(
        plain.program.launches[0])
    check_every_layer(other, build.samples(1), order="1")
    for problem, tiling in tuned.items():
        sizes = {field.name: 50_000 for field in fields(cast(Any, tiling))}
        options = ScheduleOptions(tuned={problem: replace(cast(Any, tiling), **sizes)})
        with pytest.raises(CompileError, match="does not fit 1x4x4: tune for it again"):
            compiled(build, tmp_path, CONFIG, schedule=options)


def test_oversized_tiling_is_refused(
    network: NetworkBuilder, layers: list[TunableLayer], tmp_path: Path
) -> None:
    wrong = replace(cast(ConvTiling, layers[0].space[0]), oh=900)
    options = ScheduleOptions(tuned={layers[0].problem: wrong})
    with pytest.raises(CompileError, match="tune for it again"):
        compiled(network, tmp_path, CONFIG, schedule=options)
