"""Exponents by percentile and by divergence, against definitions written out in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from myvta.compiler.quantize.activation_scales import METHODS, choose_exponent, divergence


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


def test_percentile_clips_a_ten_thousandth() -> None:
    values = np.concatenate([np.full(99_991, 0.9), np.full(9, 100.0)])
    assert choose_exponent(values, 100.0, 8, "percentile") == -7
    values = np.concatenate([np.full(99_989, 0.9), np.full(11, 100.0)])
    assert choose_exponent(values, 100.0, 8, "percentile") == 0


def test_divergence_clips_outliers_and_keeps_dense_ranges() -> None:
    random = np.random.default_rng(1)
    normal = random.normal(0, 1, 200_000)
    outliers = np.append(normal, [30.0, -31.0])
    assert choose_exponent(outliers, 31.0, 8, "minmax") == -2
    assert choose_exponent(outliers, 31.0, 8, "kl") == -4
    even = random.uniform(-1.3, 1.3, 200_000)
    assert choose_exponent(even, 1.3, 8, "kl") == -6
    zeros = np.append(np.zeros(10**6), even)  # exact in every scale: they say nothing
    assert choose_exponent(zeros, 1.3, 8, "kl") == -6


@pytest.mark.parametrize("method", METHODS)
def test_zeros_and_tiny_values_get_an_exponent(method: str) -> None:
    assert choose_exponent(np.zeros(5), 0.0, 8, method) == 0
    assert choose_exponent(np.zeros(5), 1.0, 8, method) == -6  # the sample missed the peak
    assert choose_exponent(np.array([1e-300]), 1e-300, 8, method) in (0, -60)
