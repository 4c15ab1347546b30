"""The choice among tilings: forced dataflows, predictions, layers that move little."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, compiled

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.schedule.conv_problem import (
    DATAFLOWS,
    ConvShape,
    ConvTiling,
)
from myvta.compiler.schedule.pool_problems import GlobalAverageProblem, GlobalTiling
from myvta.compiler.schedule.select_tiling import (
    ScheduleOptions,
    TilingSelector,
    candidates,
    exceeds_bound,
)
from myvta.compiler.schedule.tiling_problem import MapTiling, Tiling
from myvta.compiler.schedule.tiling_space import (
    order_matters,
)
from myvta.isa.config import NAMED


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_dataflow_can_be_forced(dataflow: str) -> None:
    shape = ConvShape(1, 8, 16, (28, 28), (28, 28), (3, 3), before=(1, 1))
    assert {t.dataflow for t, _ in candidates(shape, NAMED["default"], dataflow)} == {dataflow}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "channels", "same"), [
    ((4, 4), 200, True), ((12, 12), 60, False),
])
def test_dataflows_of_one_stream_are_tried_once(
    tmp_path: Path, size: tuple[int, int], channels: int, same: bool
) -> None:
    """With one tile of pixels, or one of channels, the dataflows are the same stream."""
    shape = ConvShape(1, 2, -(-channels // 4), size, size, (3, 3), before=(1, 1))
    tried = [t for t, _ in candidates(shape, NAMED["1x4x4"])]
    twins = {replace(t, dataflow="") for t in tried if not order_matters(shape, t)}
    assert len(twins) == sum(not order_matters(shape, t) for t in tried)
    assert twins or not same
    made = []
    for dataflow in DATAFLOWS[:2]:
        network = NetworkBuilder()
        output = network.conv(network.input((1, 8, *size)), channels)
        options = ScheduleOptions(dataflow=dataflow)
        made.append(compiled(network, tmp_path, "1x4x4", output, schedule=options).program)
    assert (made[0].segments == made[1].segments) == same


def test_exceeds_bound_by_a_tenth_of_large_layers() -> None:
    config, options = NAMED["1x4x4"], ScheduleOptions()
    shape = ConvShape(1, 4, 8, (28, 28), (28, 28), (3, 3), before=(1, 1))
    t, cost = candidates(shape, config)[0]
    formula = cost.total(config)
    assert not exceeds_bound(shape, config, options, formula)
    assert exceeds_bound(shape, config, options, formula / 1.2)
    assert not exceeds_bound(shape, config, ScheduleOptions(tuned={shape: t}), formula / 1.2)
    small = replace(shape, size=(7, 7), out=(7, 7))
    assert not exceeds_bound(small, config, options, 1)


def test_predicted_cost_decides_once_for_each_shape() -> None:
    shape = ConvShape(1, 8, 8, (28, 28), (28, 28), (3, 3), before=(1, 1))
    config, asked = NAMED["default"], []

    def predict(tiling: Tiling) -> float:
        asked.append(tiling)
        return 10**9 - len(asked) * 10**8

    options = ScheduleOptions(dataflow="output-stationary")
    selector = TilingSelector(config, options)
    assert selector.choose(shape, predict) == asked[-1]
    assert len(asked) == len(set(asked)) > 1
    assert selector.choose(shape, lambda tiling: 0) == asked[-1]
    first = candidates(shape, config, "output-stationary")[0][0]
    fresh = TilingSelector(config, options)
    assert fresh.choose(shape, lambda tiling: 0) == first != asked[-1]


def test_other_layers_than_convolutions_take_the_first_tiling_unpredicted() -> None:
    def predict(tiling: Tiling) -> float:
        raise AssertionError("nothing is to be compared")

    problem, config = GlobalAverageProblem(3, 49), NAMED["1x4x4"]
    assert TilingSelector(config, ScheduleOptions()).choose(problem, predict) == GlobalTiling(2, 49)
    tuned = GlobalTiling(1, 7)
    options = ScheduleOptions(tuned={problem: tuned})
    assert TilingSelector(config, options).choose(problem, predict) == tuned


@pytest.mark.parametrize("tuned", [
    GlobalTiling(3, 90_000), MapTiling(1, 1, 1), ConvTiling(1, 1, 1, 1, 1, 1, 1, "", True)])
def test_oversized_tuned_tiling_is_refused(tuned: Tiling) -> None:
    """Too large, or of another kind of layer."""
    problem = GlobalAverageProblem(3, 49)
    selector = TilingSelector(NAMED["1x4x4"], ScheduleOptions(tuned={problem: tuned}))
    with pytest.raises(CompileError, match="^the tuned schedule .* does not fit .*: tune for"):
        selector.choose(problem, lambda tiling: 0)


def test_unknown_dataflow_is_refused() -> None:
    with pytest.raises(ValueError, match="dataflow must be one of weight-stationary, .*, not 'w'"):
        ScheduleOptions(dataflow="w")


@pytest.mark.parametrize("sizes", [
    (4, 4, 56, 1), (8, 8, 28, 1), (16, 16, 14, 1), (32, 32, 7, 1), (4, 8, 56, 2), (16, 32, 14, 2),
])
def test_resnet_layers_move_little(sizes: tuple[int, ...]) -> None:
    """Compulsory bytes and a quarter of the input at most: rows shared by tiles."""
    ci, co, size, stride = sizes
    shape = ConvShape(
        1, ci, co, (size, size), (size // stride,) * 2, (3, 3), (stride, stride), before=(1, 1))
    _, cost = candidates(shape, NAMED["default"])[0]
    inp, wgt = 16 * ci * size**2, 256 * 9 * ci * co
    least = inp + wgt + 16 * co * (size // stride) ** 2
    assert cost.moved <= least + inp + 20_000
    assert cost.cycles <= 1.06 * shape.steps


def test_small_layer_is_one_tile() -> None:
    shape = ConvShape(1, 4, 4, (14, 14), (14, 14), (3, 3), before=(1, 1))
    t, _ = candidates(shape, NAMED["default"])[0]
    assert (t.oh, t.kh, t.kw, t.ow) == (14, 3, 3, 14)
