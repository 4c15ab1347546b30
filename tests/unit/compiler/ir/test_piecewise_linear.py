"""Tanh as a sum of clipped lines: against the function itself, and bit for bit when it runs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled

from myvta.compiler.ir.piecewise_linear import tanh_lines


def shift_of(lines, width):
    """Return the shift to an output of ``2^(1 - width)``, for a unit that is a power of two."""
    shift = 1 - width - math.log2(lines.unit)
    assert shift.is_integer()
    return int(shift)


def run(lines, x, width):
    """Return outputs for inputs by the definition, in plain Python numbers."""
    shift = shift_of(lines, width)
    half, low, high = 1 << shift >> 1, -(1 << (width - 1)), (1 << (width - 1)) - 1
    outputs = []
    for value in x.tolist():
        total = sum(max(-b, min(b, value << lines.fine)) for b in lines.bounds)
        outputs.append(max(low, min(high, (total + half) >> shift)))
    return np.array(outputs)


@pytest.mark.parametrize("exponent", range(-24, 12))
@pytest.mark.parametrize("width", [4, 8])
def test_lines_approximate_tanh(width, exponent):
    """Half a step of rounding, and the distance of the lines from the curve."""
    x = np.arange(-(1 << (width - 1)), 1 << (width - 1))
    exact = np.tanh(np.ldexp(x.astype(np.float64), exponent)) * (1 << (width - 1))
    found = run(tanh_lines(2.0**exponent), x, width)
    error = np.abs(found - np.clip(exact, None, (1 << (width - 1)) - 1))
    assert error.max() <= 0.5 + 0.77 / 128 * (1 << (width - 1)) + 0.05


@pytest.mark.parametrize("exponent", [-24, -12, -5, 0, 11])
def test_lines_fit_the_instruction_fields(exponent):
    lines = tanh_lines(2.0**exponent)
    assert list(lines.bounds) == sorted(lines.bounds, reverse=True)
    assert len(lines.bounds) == 16 and 0 < lines.bounds[0] < 1 << 15
    assert 0 <= shift_of(lines, 8) <= 31 and 128 << lines.fine < 1 << 31


@pytest.mark.parametrize("kept", [False, True])
def test_tanh_after_a_packed_last_layer_uses_its_lanes(tmp_path: Path, kept):
    """It reads the packed lanes, unless its input has another reader."""
    build = NetworkBuilder(3)
    x = build.conv(build.input((1, 9, 13, 11)), 3)
    y = build.node("Tanh", [x], build.shapes[x])
    made = compiled(build, tmp_path, "lean", *([x] if kept else []), y)  # without tables
    packed = "lanes of a tile" in next(
        node.reason for node in made.report.nodes if node.op == "Tanh")
    assert packed != kept
    found = check_every_layer(made, build.samples(3))
    assert found[y].shape == (3, 3, 13, 11)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1x4x4", "1x4x4_base", "1x4x4_int4", "2x8x8"])
@pytest.mark.parametrize("gain", [0.2, 4.0])
def test_tanh_in_a_network_equals_the_reference(tmp_path: Path, name, gain):
    build = NetworkBuilder(3)
    x = build.input((1, 5, 12, 11))
    scale = build.constant(np.full((1, 1, 1), gain, np.float32))
    x = build.node("Mul", [x, scale], build.shapes[x])
    x = build.node("Tanh", [x], build.shapes[x])
    build.conv(x, 6)
    made = compiled(build, tmp_path, name)
    assert [node.op for node in made.report.nodes if node.where == "host"] == []
    assert "Tanh" in [node.op for node in made.quantized.nodes]
    check_every_layer(made, build.samples(3))
