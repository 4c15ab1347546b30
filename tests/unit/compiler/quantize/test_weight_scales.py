"""Scales of weights: each scheme against its definition in unbounded arithmetic."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from hypothesis import given, strategies as st
from onnx import numpy_helper

from myvta.compiler.ir.fixed_point import split_ratio
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.quantize.weight_scales import (
    PER_TENSOR,
    LayerScales,
    Scheme,
    choose_scales,
    quantize_weights,
    scheme_of,
)
from myvta.isa.config import named

CHANNEL_SHIFTS, MULTIPLIERS = Scheme(True, False), Scheme(True, True)
SCHEMES = [PER_TENSOR, CHANNEL_SHIFTS, MULTIPLIERS]


def spread(channels: int = 9, seed: int = 0) -> np.ndarray:
    """Return weights whose channels differ in magnitude by up to 2^16."""
    random = np.random.default_rng(seed)
    gains = np.exp2(random.uniform(-8, 8, channels))
    return random.normal(0, 1, (channels, 5, 3, 3)) * gains[:, None, None, None]


@given(st.floats(2.0**-32, 1, exclude_max=True))
def test_a_ratio_is_a_multiplier_and_a_shift(ratio: float) -> None:
    (multiplier,), (shift,) = split_ratio(np.array([ratio]))
    assert 1 <= multiplier <= (1 << 31) - 1
    assert (shift == 0) == (ratio >= 2.0**-18)
    assert shift == 0 or 8 <= shift <= 31
    found = Fraction(int(multiplier), 1 << (31 + int(shift)))
    assert abs(found / Fraction(ratio) - 1) * 256 <= Fraction(1, 64)


def test_minmax_scales_follow_the_maximum_magnitude() -> None:
    weight, peaks = spread(), np.abs(spread()).max((1, 2, 3))
    (least,) = set(choose_scales(weight, 8, "minmax", PER_TENSOR))
    assert peaks.max() / 128 <= 127 * least / 127 <= 2 * peaks.max() / 127
    assert np.log2(least) % 1 == 0
    powers = choose_scales(weight, 8, "minmax", CHANNEL_SHIFTS)
    assert (np.log2(powers) % 1 == 0).all()
    assert (127 * powers >= peaks).all()
    assert (127 * powers < 2 * peaks).all()
    np.testing.assert_allclose(choose_scales(weight, 8, "minmax", MULTIPLIERS), peaks / 127)


@pytest.mark.parametrize("width", [4, 8])
def test_finer_schemes_and_measured_clipping_err_less(width: int) -> None:
    weight, high = spread(seed=1), 2 ** (width - 1) - 1

    def error(method: str, scheme: Scheme) -> float:
        scale = choose_scales(weight, width, method, scheme)[:, None, None, None]
        rounded = np.clip(np.floor(weight / scale + 0.5), -high - 1, high) * scale
        per_channel = np.square(rounded - weight).sum((1, 2, 3)) / np.square(weight).sum((1, 2, 3))
        return float(per_channel.mean())

    errors = [error("error", scheme) for scheme in SCHEMES]
    assert errors[0] > 3 * errors[1]
    assert errors[1] > errors[2]
    for scheme in SCHEMES[1:]:
        assert error("error", scheme) <= error("minmax", scheme)
    if width == 4:
        assert error("error", MULTIPLIERS) < 0.9 * error("minmax", MULTIPLIERS)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("zero_point", [0, -128])
def test_weights_out_of_range_still_fit(scheme: Scheme, zero_point: int) -> None:
    """Zeros, a giant bias on a tiny weight, and channels 2^60 apart."""
    weight = np.array([[0.0], [1e-9], [1e9], [1.0]])
    bias = np.array([3.0, 1e6, 0.0, -2.0])
    around = LayerScales(TensorScale(2.0**-7, zero_point), 2.0**10, 8, 8)
    made = quantize_weights(
        weight, bias, around, scheme, choose_scales(weight, 8, "error", scheme))
    magnitudes = np.abs(made.integers.astype(np.int64)).sum(1)
    sums = magnitudes * (128 - zero_point) + np.abs(made.bias)
    assert sums.max() < 1 << 30
    assert made.scale.max() <= made.scale.min() * 2.0**30
    if scheme.per_channel:
        np.testing.assert_allclose(made.bias[1] * made.scale[1] * 2.0**-7, 1e6, rtol=1e-5)


def test_scheme_follows_the_scales_and_the_configuration() -> None:
    assert scheme_of("per-channel", named("default")) == MULTIPLIERS
    assert scheme_of("per-channel", named("base")) == CHANNEL_SHIFTS
    assert scheme_of("power-of-two", named("default")) == PER_TENSOR
    with pytest.raises(ValueError, match=r"^scales must be one of per-channel, power-of-two, not"):
        scheme_of("any", named("base"))


@pytest.mark.slow
@pytest.mark.parametrize("config", ["default", "base", "1x8x8", "2x8x8", "1x4x4_base",
                                    "1x4x4_int4", "1x16x16_w4"])
def test_channels_of_very_different_scale_run_on_the_device(tmp_path: Path, config: str) -> None:
    build = NetworkBuilder(7)
    build.gemm(build.flatten(build.relu(build.conv(build.input((1, 3, 5, 5)), 21))), 9)
    for index in (0, 2):
        weight = numpy_helper.to_array(build.constants[index]).copy()
        gains = np.exp2(build.random.uniform(-4, 4, len(weight)))
        weight *= gains.reshape((-1,) + (1,) * (weight.ndim - 1)).astype(np.float32)
        build.constants[index].CopyFrom(
            numpy_helper.from_array(weight, build.constants[index].name))
    made = compiled(build, tmp_path, config)
    rules = [node.requant for node in made.quantized.nodes if node.requant is not None]
    for rule in rules:
        varies = rule.shift if rule.multiplier is None else rule.multiplier
        assert len(set(varies.tolist())) > 1
    check_every_layer(made, build.samples(2), strict="1")
    check_every_layer(made, build.samples(1), order="5")
