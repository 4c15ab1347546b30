"""The inputs of sliding windows: worked by hand, and against a plain enumeration."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.ir.pooling_window import taps_of


def attributes(kernel: int, stride: int = 1, pad: int = 0, dilation: int = 1) -> dict[str, object]:
    """Return attributes whose second axis differs from the first in everything."""
    return {
        "kernel": (kernel, kernel + 1), "strides": (stride, stride + 2), "pads": (pad, pad + 1),
        "dilations": (dilation, dilation + 3),
    }


def test_dilated_window_with_padding_by_hand() -> None:
    attrs = attributes(kernel=3, stride=2, pad=1, dilation=2)
    assert taps_of(attrs, 0, 3).tolist() == [[-1, 1, 3], [1, 3, 5], [3, 5, 7]]


def test_second_axis_uses_its_own_numbers() -> None:
    attrs = attributes(kernel=1, stride=1, pad=0, dilation=1)
    assert taps_of(attrs, 1, 2).tolist() == [[-1, 3], [2, 6]]  # 2 taps 4 apart, stride 3, pad 1


@pytest.mark.parametrize("kernel", [1, 2, 5])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("pad", [-2, 0, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_taps_equal_an_enumeration(kernel: int, stride: int, pad: int, dilation: int) -> None:
    taps = taps_of(attributes(kernel, stride, pad, dilation), 0, 4)
    expected = [[out * stride + tap * dilation - pad for tap in range(kernel)] for out in range(4)]
    np.testing.assert_array_equal(taps, expected)


def test_no_output_has_no_windows() -> None:
    assert taps_of(attributes(3), 0, 0).shape == (0, 3)
