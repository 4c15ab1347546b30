"""Buffers of forwarded depthwise convolutions, by hand, and the rows that DWC's field holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myvta.compiler.schedule.conv_problem import ConvShape, ConvTiling
from myvta.compiler.schedule.forward_buffers import (
    ForwardBuffers,
    forward_buffers,
    forward_steps,
    windows_fit,
)
from myvta.compiler.schedule.tiling_space import Buffers, buffers_of
from myvta.isa.config import Config

CONFIG = Config(
    log_block=2, log_uop_buff_size=9, log_inp_buff_size=8, log_wgt_buff_size=10,
    log_acc_buff_size=10, overwrite=True, requantize=True, depthwise=True, forward=True,
)
"""64 tiles of INP, WGT and ACC; windows of 2 x 2 taps: four of a 3 x 3 kernel."""
AHEAD = ConvShape(
    1, 1, 2, (8, 6), (8, 6), (3, 3), before=(1, 1), leads=(0, 1), window=CONFIG.window)
SHAPE = ConvShape(1, 2, 3, (8, 6), (8, 6), (1, 1), forwarded=AHEAD)
TILING = ConvTiling(3, 3, 1, 1, 6, 1, 1, "output-stationary", True)


def test_buffers_hold_a_chunk_and_all_weights() -> None:
    """A row of 6 outputs reads 3 rows of 8 inputs, 9 apart."""
    assert forward_buffers(SHAPE, TILING, CONFIG) == ForwardBuffers(
        inp=27, wgt=2 * 4, acc=6, parameters=2 * 3)
    assert forward_buffers(replace(SHAPE, forwarded=None), TILING, CONFIG) == ForwardBuffers()


@pytest.mark.parametrize("changed", [
    replace(TILING, ci=2),  # 54 tiles of inputs, twice
    replace(TILING, oh=2),  # 36
])
def test_slots_leave_room_for_the_forwarded_convolution(changed: ConvTiling) -> None:
    """Two slots of 27 inputs leave 10 tiles of INP, fewer than two chunks of 6."""
    assert buffers_of(SHAPE, TILING, CONFIG) is None
    narrow = replace(TILING, ow=4)  # 3 rows of 6 inputs: two slots of 18, and 28 tiles left
    assert buffers_of(SHAPE, narrow, CONFIG) == Buffers(
        (2, 4), (2, 3), (2, 12), 9, ahead=ForwardBuffers(18, 8, 4, 6))
    assert buffers_of(SHAPE, replace(changed, ow=4), CONFIG) is None


def test_pixels_are_summed_and_requantized_in_every_block() -> None:
    """Rows of 6 outputs by four windows, of 2 columns, 1, 2 and 1: 7 + 6 + 7 + 6 cycles."""
    assert forward_steps(SHAPE, 48, CONFIG) == 2 * 8 * 26 + 2 * 48
    assert forward_steps(SHAPE, 24, CONFIG) == 2 * 4 * 26 + 2 * 24
    assert forward_steps(AHEAD, 24, CONFIG) == 0


def test_rows_of_windows_are_within_the_field() -> None:
    """``row_pitch`` has as many bits as an index of WGT: 6, and 127 inputs are too many."""
    wide = replace(AHEAD, size=(3, 127), out=(3, 127))
    assert windows_fit(wide, 60, CONFIG)
    assert not windows_fit(wide, 64, CONFIG)
    assert not windows_fit(replace(wide, dilations=(2, 1)), 60, CONFIG)
