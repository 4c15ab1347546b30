"""Tilings that fit the scratchpads: slots by hand, limits of each buffer, and their costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myvta.compiler.schedule.conv_problem import DATAFLOWS, ConvShape, ConvTiling, EpilogueSpec
from myvta.compiler.schedule.tiling_space import (
    Buffers,
    analytical_cost,
    buffers_of,
    order_matters,
    tilings,
)
from myvta.isa.config import Config, named

CONFIG = Config(
    log_block=2, log_uop_buff_size=9, log_inp_buff_size=8, log_wgt_buff_size=10,
    log_acc_buff_size=10, overwrite=True, requantize=True,
)
"""64 tiles of INP, WGT and ACC, 128 micro-ops; three tiles of parameters for each block."""
SHAPE = ConvShape(1, 2, 4, (6, 6), (6, 6), (1, 1))


def tiling(co: int = 1, part: int = 1, ci: int = 1, oh: int = 2, ow: int = 6, **more: object
           ) -> ConvTiling:
    values = {"kh": 1, "kw": 1, "dataflow": "weight-stationary", "all_parameters": False, **more}
    return ConvTiling(co, part, ci, oh, ow, **values)  # type: ignore[arg-type]


def test_buffers_have_two_slots_or_one_for_all_contents() -> None:
    """Three tiles of rows times two chunks are six inputs of 12 tiles: five fit, two are used."""
    assert buffers_of(SHAPE, tiling(), CONFIG) == Buffers((2, 12), (8, 1), (2, 12), 3)
    # of 6 tiles (a row) there are 12 inputs, ten fit; with one chunk six of 12: five fit
    assert buffers_of(SHAPE, tiling(oh=1, ci=2), CONFIG) == Buffers((2, 12), (4, 2), (2, 6), 3)
    small = replace(SHAPE, size=(4, 4), out=(4, 4))
    assert buffers_of(small, tiling(oh=4, ow=4, ci=2), CONFIG) == Buffers(
        (1, 32), (4, 2), (2, 16), 3)


def test_weights_that_are_used_once_have_as_many_slots_as_fit() -> None:
    """Twenty chunks of six tiles, or thirty of four; inputs that fit limit nothing."""
    once = ConvShape(1, 6, 20, (2, 1), (2, 1), (1, 1))
    whole = buffers_of(once, tiling(ci=6, oh=2, ow=1), CONFIG)
    assert whole is not None
    assert (whole.inp, whole.wgt) == ((1, 12), (10, 6))
    parts = buffers_of(once, tiling(co=4, part=4, ci=1, oh=2, ow=1), CONFIG)
    assert parts is not None
    assert (parts.inp, parts.wgt) == ((6, 2), (16, 4))
    wide = buffers_of(replace(once, ci=24, size=(3, 1), out=(3, 1)), tiling(
        co=2, part=2, ci=4, oh=3, ow=1), CONFIG)
    assert wide is not None
    assert (wide.inp, wide.wgt) == ((5, 12), (5, 8))  # of six chunks of inputs five fit
    twice = buffers_of(once, tiling(ci=6, oh=1, ow=1), CONFIG)
    assert twice is not None
    assert twice.wgt == (2, 6)


def test_depthwise_kernel_is_held_as_windows() -> None:
    """Four windows of 2 x 2 taps for 3 x 3; rows of 8 inputs are 9 tiles apart."""
    config = CONFIG.replace(depthwise=True)
    shape = ConvShape(
        1, 1, 3, (8, 6), (6, 6), (3, 3), before=(0, 1), leads=(0, 1, 2), window=config.window)
    whole = tiling(kh=3, kw=3, oh=1)
    assert buffers_of(shape, whole, config) == Buffers((2, 3 * 9), (3, 4), (2, 6), 3)
    assert buffers_of(shape, replace(whole, kh=1), config) is None
    assert shape.steps == 3 * 6 * (7 + 6 + 7 + 6)  # rows of 6 outputs, 2 columns: 5 + 2 cycles


def test_parameters_of_all_blocks_may_be_kept() -> None:
    actual = buffers_of(SHAPE, tiling(all_parameters=True), CONFIG)
    assert actual is not None
    assert actual.kept == 12


@pytest.mark.parametrize("changed", [
    tiling(ci=2, oh=6),  # 72 tiles of INP
    tiling(co=4, part=4),  # 48 tiles of ACC and 12 parameters: a second tile does not fit
    tiling(co=4, part=1, oh=3),  # 72 tiles of ACC
])
def test_oversized_tilings_have_no_buffers(changed: ConvTiling) -> None:
    assert buffers_of(SHAPE, changed, CONFIG) is None


def test_a_tile_drained_in_parts_needs_the_accumulator_once() -> None:
    actual = buffers_of(SHAPE, tiling(co=4, dataflow="output-stationary"), CONFIG)
    assert actual == Buffers((2, 12), (2, 4), (1, 48), 12)


def test_another_operand_takes_two_slots_at_the_end_of_inp() -> None:
    actual = buffers_of(replace(SHAPE, residual=True), tiling(), CONFIG)
    assert actual == Buffers((2, 12), (8, 1), (2, 12), 6, (2, 12))


def test_windows_need_the_outputs_they_cover() -> None:
    """Two stored rows of 3 x 3 windows with stride 2 cover five rows; one of columns three."""
    epilogue = EpilogueSpec((2, 2), (3, 3), (2, 2), tables=1, scratch_tiles=0)
    shape = replace(SHAPE, size=(5, 5), out=(5, 5), epilogue=epilogue)
    actual = buffers_of(shape, tiling(oh=2, ow=1), CONFIG)
    assert actual is not None
    assert (actual.acc[1], actual.inp[1], actual.kept) == (15, 15, 6)


def test_order_matters_with_several_tiles_along_channels_and_pixels() -> None:
    assert order_matters(SHAPE, tiling())
    assert not order_matters(SHAPE, tiling(co=4))
    assert not order_matters(SHAPE, tiling(oh=6))


@pytest.mark.parametrize("dataflow", [None, *DATAFLOWS])
def test_every_tiling_fits_and_is_of_the_dataflow(dataflow: str | None) -> None:
    actual = list(tilings(SHAPE, CONFIG, dataflow))
    assert actual
    assert len({t for t, _ in actual}) == len(actual)
    for t, buffers in actual:
        assert buffers_of(SHAPE, t, CONFIG) == buffers
        assert (t.dataflow == "output-stationary") == (t.part < t.co)
    kinds = {t.dataflow for t, _ in actual}
    assert kinds == (set(DATAFLOWS) if dataflow is None else {dataflow})


def test_resident_layer_is_loaded_once() -> None:
    """Everything is moved once: inputs, weights, parameters, outputs and micro-ops."""
    config, shape = named("default"), ConvShape(1, 2, 2, (4, 4), (4, 4), (1, 1))
    t = ConvTiling(2, 2, 2, 4, 4, 1, 1, "weight-stationary", True)
    buffers = buffers_of(shape, t, config)
    assert buffers is not None
    cost = analytical_cost(shape, t, buffers, config)
    data = 2 * 16 * 16 + 4 * 256 + 2 * 16 * 16 + 2 * 3 * 64
    assert data < cost.moved <= data + 64  # micro-ops are few
    assert cost.cycles > shape.steps == 64


def test_weights_pass_once_for_each_tile_of_pixels_unless_they_stay() -> None:
    stays = tiling(oh=1, ci=2, part=1)
    passes = replace(stays, dataflow="input-stationary")
    wide = replace(SHAPE, co=40)  # 80 weight tiles: more than fit
    costs = []
    for t in (stays, passes):
        buffers = buffers_of(wide, t, CONFIG)
        assert buffers is not None
        costs.append(analytical_cost(wide, t, buffers, CONFIG).moved)
    weights, inputs = 80 * 16, 72 * 4
    parameters = 40 * 3 * 16
    assert costs[1] - costs[0] == 5 * weights + 5 * parameters - 39 * inputs
