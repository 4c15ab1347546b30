"""The integer arithmetic, against values worked by hand and against Python's integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st

from myvta.compiler.ir.fixed_point import (
    Requant,
    dequantize,
    limits,
    quantize,
    requantize,
    round_shift,
    shared_factors,
    split_ratio,
    wrap,
)

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)


@pytest.mark.parametrize(("value", "shift", "result"), [
    (0, 0, 0), (5, 0, 5), (-5, 0, -5),
    (1, 1, 1), (-1, 1, 0), (3, 1, 2), (-3, 1, -1),  # halves go up
    (5, 2, 1), (6, 2, 2), (-6, 2, -1), (-7, 2, -2),
    (2**31 - 1, 31, 1), (-(2**31), 31, -1), (-(2**30), 31, 0),
])
def test_round_shift_is_half_up(value: int, shift: int, result: int) -> None:
    assert round_shift(np.array(value), shift) == result


@pytest.mark.parametrize(("value", "result"), [
    (2**31 - 1, 2**31 - 1), (2**31, -(2**31)), (-(2**31) - 1, 2**31 - 1), (2**32, 0),
])
def test_wrap_reduces_to_int32(value: int, result: int) -> None:
    assert wrap(np.array(value)) == result


def test_quantize_rounds_half_up_and_clips() -> None:
    real = np.array([0.5, -0.5, 1.5, -1.5, 126.6, 1000.0, -1000.0])
    np.testing.assert_array_equal(quantize(real, 0, 8), [1, 0, 2, -1, 127, 127, -128])
    np.testing.assert_array_equal(quantize(real, 1, 4), [0, 0, 1, -1, 7, 7, -8])
    np.testing.assert_array_equal(quantize(real[:4], -1, 8), [1, -1, 3, -3])


def test_dequantize_inverts_quantize_on_the_grid() -> None:
    integers = np.arange(-128, 128)
    for exponent in (-9, 0, 4):
        np.testing.assert_array_equal(
            quantize(dequantize(integers, exponent), exponent, 8), integers
        )


def oracle(acc: int, bias: int, multiplier: int | None, shift: int, relu: bool, width: int) -> int:
    """Requantize one value with unbounded integers, as vta_isa.md 0.1 is written."""
    p = (acc + bias + 2**31) % 2**32 - 2**31
    q = p if multiplier is None else (p * multiplier + 2**30) // 2**31
    r = q if shift == 0 else (q + 2 ** (shift - 1)) // 2**shift
    low, high = limits(width)
    return min(max(r, 0 if relu else low), high)


@pytest.mark.slow
@given(
    st.lists(st.tuples(INT32, INT32, st.none() | st.integers(0, 2**31 - 1), st.integers(0, 31)),
             min_size=1, max_size=8),
    st.booleans(), st.sampled_from([4, 8]),
)
def test_requantize_equals_unbounded_integers(
    rows: list[tuple[int, int, int | None, int]], relu: bool, width: int
) -> None:
    multiplied = all(row[2] is not None for row in rows)
    acc, bias, multiplier, shift = (np.array(column) for column in zip(*rows, strict=True))
    rule = Requant(
        bias.astype(np.int32), shift.astype(np.int32),
        multiplier.astype(np.int32) if multiplied else None, relu,
    )
    found = requantize(acc.reshape(1, -1), rule, width)
    wanted = [
        oracle(a, b, m if multiplied else None, s, relu, width) for a, b, m, s in rows
    ]
    np.testing.assert_array_equal(found[0], wanted)


def test_uniform_shift_exists_for_equal_shifts_only() -> None:
    bias = np.zeros(3, np.int32)
    assert Requant(bias, np.array([4, 4, 4], np.int32)).uniform_shift == 4
    assert Requant(bias, np.array([4, 5, 4], np.int32)).uniform_shift is None


@pytest.mark.slow
@given(st.lists(st.floats(2.0**-6, 8.0), min_size=1, max_size=2))
def test_shared_factors_are_accurate_to_a_thousandth_of_a_step(ratios: list[float]) -> None:
    wanted = np.array(ratios)
    factors, shared = shared_factors(wanted, (1 << 14) - 1)
    assert factors.min() >= 0
    assert factors.max() < 1 << 14
    (multiplier,), (shift,) = split_ratio(np.array([shared]))
    made = [int(factor) * int(multiplier) / 2 ** (31 + int(shift)) for factor in factors]
    assert 128 * np.abs(np.array(made) - wanted).sum() < 1e-3
    assert shift == 0


def test_shared_factors_beyond_the_limit_are_reduced() -> None:
    factors, shared = shared_factors(np.array([20000.0, 1.0]), 100)
    assert factors.tolist() == [100, 0]
    assert shared == 200


def bytes_table(function: Callable[[int], int]) -> np.ndarray:
    """Return the table of a function of int8."""
    return np.array([function(i if i < 128 else i - 256) for i in range(256)], np.int16)


@pytest.mark.parametrize(("relu", "clip"), [(False, None), (True, None), (True, (-5, 40)),
                                            (False, (-20, 30))])
def test_table_replaces_the_result_within_its_bounds(
    relu: bool, clip: tuple[int, int] | None
) -> None:
    rule = Requant(np.array([7], np.int32), np.array([2], np.int32), None, relu, 3, clip)
    looked_up = rule.followed_by(bytes_table(lambda v: -v if v > -128 else 127), 8)
    acc = np.arange(-700, 700).reshape(-1, 1)
    plain = requantize(acc, rule, 8)
    np.testing.assert_array_equal(requantize(acc, looked_up, 8), np.minimum(-plain, 127))
    assert looked_up.clip is None
    assert len(np.unique(plain)) > 30


def test_table_that_does_not_fit_is_refused() -> None:
    zeros = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match=r"must be -8..7, not -8..8"):
        Requant(zeros, zeros).followed_by(bytes_table(lambda v: min(max(v, -8), 8)), 4)
    table = bytes_table(lambda v: v)
    with pytest.raises(ValueError, match="has one table"):
        Requant(zeros, zeros, table=table).followed_by(table, 8)
    with pytest.raises(ValueError, match=r"must be int16 \[256\], not int64 \[3\]"):
        Requant(zeros, zeros, table=np.arange(3))
    with pytest.raises(ValueError, match="belong in the table"):
        Requant(zeros, zeros, clip=(0, 1), table=table)
