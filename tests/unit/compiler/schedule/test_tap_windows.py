"""Windows of taps: every tap once, distances of rows, cycles as the timing model counts them."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.schedule.tap_windows import TapWindow, WindowedKernel
from myvta.isa.config import named
from myvta.isa.instructions import Dwc
from myvta.model.timing.timing_windows import window_cycles

CONFIGS = {most: named(name).replace(depthwise=True) for name, most in (
    ("1x4x4", (2, 2)), ("default", (2, 4)), ("1x32x32", (4, 4)))}
KERNELS = [((3, 3), (1, 1)), ((5, 7), (1, 1)), ((1, 9), (1, 2)), ((3, 4), (3, 3)), ((4, 1), (2, 1))]


@pytest.mark.parametrize("most", CONFIGS)
@pytest.mark.parametrize(("kernel", "dilations"), KERNELS)
def test_windows_hold_every_tap_once_and_fit(
    kernel: tuple[int, int], dilations: tuple[int, int], most: tuple[int, int]
) -> None:
    windowed = WindowedKernel(kernel, (1, 1), dilations, most)
    taps = [
        (window.row + row, window.column + column) for window in windowed.windows
        for row in range(window.rows) for column in range(window.columns)]
    assert sorted(taps) == [(y, x) for y in range(kernel[0]) for x in range(kernel[1])]
    for window in windowed.windows:
        rows, columns = windowed.span(window)
        assert 1 <= rows <= most[0] and 1 <= columns <= most[1]


def test_8_taps_hold_two_rows_of_a_3x3_kernel() -> None:
    assert WindowedKernel((3, 3), (1, 1), (1, 1), (2, 4)).windows == (
        TapWindow(0, 0, 2, 3), TapWindow(2, 0, 1, 3))


def test_columns_of_a_dilated_kernel_are_apart() -> None:
    windowed = WindowedKernel((1, 3), (1, 1), (1, 2), (2, 4))
    assert windowed.windows == (TapWindow(0, 0, 1, 2), TapWindow(0, 2, 1, 1))
    assert [windowed.span(window) for window in windowed.windows] == [(1, 3), (1, 1)]


@pytest.mark.parametrize(("most", "down", "width", "pitch"), [
    ((2, 4), 1, 16, 17), ((2, 4), 1, 30, 30), ((2, 4), 2, 30, 31), ((4, 4), 1, 30, 31),
    ((4, 4), 1, 31, 31), ((4, 4), 4, 30, 30),
])
def test_rows_of_a_window_are_in_different_banks_where_a_tile_more_does(
    most: tuple[int, int], down: int, width: int, pitch: int
) -> None:
    assert WindowedKernel((3, 3), (1, 1), (down, 1), most).pitch(width) == pitch


@pytest.mark.parametrize("most", CONFIGS)
@pytest.mark.parametrize("width", [20, 21, 22])
@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize(("kernel", "dilations"), KERNELS)
def test_cycles_of_a_row_are_the_timing_models(
    kernel: tuple[int, int], dilations: tuple[int, int], stride: int, width: int,
    most: tuple[int, int],
) -> None:
    config, windowed = CONFIGS[most], WindowedKernel(kernel, (1, stride), dilations, most)
    assert config.window == most
    total = sum(
        window_cycles(
            Dwc(iter_in=12, src_factor_in=stride, row_pitch=width * dilations[0],
                window=config.window_code(*windowed.span(window))),
            np.zeros(1, np.int64), config)
        for window in windowed.windows)
    assert windowed.row_cycles(12, width) == total
