"""Scales by each method, against definitions written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from myvta.compiler.quantize.activation_scales import METHODS, Grid, choose_scale, divergence


def exponent(values: np.ndarray, peak: float, method: str, width: int = 8) -> float:
    """Return the exponent of the scale that is a power of two."""
    return math.log2(choose_scale(values, peak, Grid(width), method))


def free(values: np.ndarray, peak: float, method: str) -> float:
    """Return any scale, as a fraction of the one that clips nothing."""
    return choose_scale(values, peak, Grid(8, any_scale=True), method) * 127 / peak


def divergence_by_the_book(histogram: list[int], bins: int, levels: int) -> float:
    """Clip, quantize, expand and compare as Migacz (2017) writes it down, bin by bin."""
    reference = [float(count) for count in histogram[:bins]]
    reference[bins - 1] += sum(histogram[bins:])
    candidate = [0.0] * bins
    each = bins // levels
    for level in range(levels):
        run = range(level * each, (level + 1) * each)
        total = sum(histogram[index] for index in run)
        used = [index for index in run if reference[index]]
        for index in used:
            candidate[index] = total / len(used)
    p = [value / sum(reference) for value in reference]
    held = sum(value > 0 for value in reference)
    q = [0.9999 * value / sum(candidate) + 0.0001 / held for value in candidate]
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("bins", "levels"), [(64, 16), (32, 16), (16, 16), (64, 8)])
def test_divergence_equals_its_definition(seed: int, bins: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    histogram = random.poisson(np.exp(random.normal(0, 2, 64)))
    histogram[0] += 1
    wanted = divergence_by_the_book(histogram.tolist(), bins, levels)
    assert divergence(histogram, bins, levels) == pytest.approx(wanted, abs=1e-12)


def test_divergence_of_an_empty_clipped_histogram_is_infinite() -> None:
    assert divergence(np.array([0, 0, 0, 5]), 2, 2) == math.inf


@pytest.mark.parametrize(("peak", "width", "wanted"), [
    (127.0, 8, 0), (128.0, 8, 1), (1.0, 8, -6), (0.99, 8, -7), (7.0, 4, 0), (7.5, 4, 1),
    (0.0, 8, 0),
])
def test_minmax_clips_nothing(peak: float, width: int, wanted: int) -> None:
    assert exponent(np.array([peak]), peak, "minmax", width) == wanted
    any_scale = choose_scale(np.array([peak]), peak, Grid(width, any_scale=True), "minmax")
    assert any_scale == (peak / (2 ** (width - 1) - 1) if peak else 1)


def test_error_method_clips_an_outlier() -> None:
    values = np.append(np.linspace(-1, 1, 4000), 1.1)
    assert exponent(values, 1.1, "minmax") == -6
    assert exponent(values, 1.1, "error") == -7
    values = np.append(np.linspace(-1, 1, 40_000), 1.4)
    assert 0.7 < free(values, 1.4, "error") < 0.85


def test_error_method_keeps_a_dense_range() -> None:
    values = np.linspace(-1.3, 1.3, 1000)
    assert exponent(values, 1.3, "error") == -6
    assert free(values, 1.3, "error") == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_any_scale_errs_no_more_than_a_power_of_two(method: str) -> None:
    values = np.random.default_rng(2).normal(0, 1, 50_000)
    errors = []
    for grid in (Grid(8, any_scale=True), Grid(8)):
        scale = choose_scale(values, float(np.abs(values).max()), grid, method)
        rounded = np.clip(np.floor(values / scale + 0.5), -128, 127) * scale
        errors.append(float(np.square(rounded - values).sum()))
    assert errors[0] < 1.05 * errors[1]


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^method must be one of error, minmax, .* not 'best'$"):
        choose_scale(np.zeros(1), 0.0, Grid(8), "best")


def test_percentile_clips_a_ten_thousandth() -> None:
    values = np.concatenate([np.full(99_991, 0.9), np.full(9, 100.0)])
    assert exponent(values, 100.0, "percentile") == -7
    assert free(values, 100.0, "percentile") == pytest.approx(0.009)
    values = np.concatenate([np.full(99_989, 0.9), np.full(11, 100.0)])
    assert exponent(values, 100.0, "percentile") == 0


def test_divergence_clips_outliers_and_keeps_dense_ranges() -> None:
    random = np.random.default_rng(1)
    normal = random.normal(0, 1, 200_000)
    outliers = np.append(normal, [30.0, -31.0])
    assert exponent(outliers, 31.0, "minmax") == -2
    assert exponent(outliers, 31.0, "kl") == -4
    assert free(outliers, 31.0, "kl") == 0.25  # the finest that is compared
    even = random.uniform(-1.3, 1.3, 200_000)
    assert exponent(even, 1.3, "kl") == -6
    zeros = np.append(np.zeros(10**6), even)  # exact in every scale: they say nothing
    assert exponent(zeros, 1.3, "kl") == -6
    assert free(zeros, 1.3, "kl") == 1


@pytest.mark.parametrize("method", METHODS)
def test_zeros_and_tiny_values_get_a_scale(method: str) -> None:
    assert exponent(np.zeros(5), 0.0, method) == 0
    assert exponent(np.zeros(5), 1.0, method) == -6  # the sample missed the peak
    assert exponent(np.array([1e-300]), 1e-300, method) in (0, -60, -61, -62)
