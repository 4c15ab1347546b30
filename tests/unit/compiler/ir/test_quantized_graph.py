"""Quantized tensors in real values and integers; images and tensors of the host."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.compiler.ir.quantized_graph import QuantizedGraph, QuantizedTensor


def test_scale_is_mantissa_times_power_of_two() -> None:
    assert QuantizedTensor("x", (1, 2), -3).scale == 0.125
    assert QuantizedTensor("x", (1, 2), 2, mantissa=1.5).scale == 6.0


def test_float_tensor_has_no_scale() -> None:
    with pytest.raises(AssertionError, match="^x"):
        _ = QuantizedTensor("x", (1, 2), None).scale


def test_integers_round_half_up_and_saturate() -> None:
    tensor = QuantizedTensor("x", (1, 6), -1)
    real = np.array([0.0, 0.25, -0.25, 0.74, 70.0, -70.0])
    assert tensor.integers(real, 8).tolist() == [0, 1, 0, 1, 127, -128]
    assert tensor.integers(real, 4).tolist() == [0, 1, 0, 1, 7, -8]


def test_zero_point_shifts_integers_both_ways() -> None:
    tensor = QuantizedTensor("x", (1, 3), 0, mantissa=1.25, zero_point=-10)
    assert tensor.integers(np.array([0.0, 2.5, -200.0]), 8).tolist() == [-10, -8, -128]
    assert tensor.reals(np.array([-10, -8, 0])).tolist() == [0.0, 2.5, 12.5]


def test_images_are_the_first_dimension_of_the_first_input() -> None:
    tensors = {
        "x": QuantizedTensor("x", (4, 3), 0), "y": QuantizedTensor("y", (4, 2, 2), 0),
        "t": QuantizedTensor("t", (3, 4), None), "s": QuantizedTensor("s", (), None),
    }
    graph = QuantizedGraph("n", (), tensors, ("x",), ("y",), 8, 8)
    assert graph.images == 4
    assert graph.alone == {"t", "s"}  # no dimension of images: one for each evaluation
