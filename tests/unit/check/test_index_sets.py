"""Sets of indices as integers, against Python's own sets."""

import numpy as np
import pytest

from myvta.isa.check.index_sets import (
    filled,
    grouped,
    moved_by,
    of_indices,
    repeated,
    runs,
    span,
)


def bits(*indices):
    return sum(1 << index for index in indices)


def test_span_holds_its_indices():
    assert span(3, 4) == bits(3, 4, 5, 6)
    assert span(3, 0) == span(3, -1) == 0


def test_of_indices_ignores_repetition():
    assert of_indices(np.array([5, 0, 5, 17]), 20) == bits(0, 5, 17)


@pytest.mark.parametrize("count", range(8))
@pytest.mark.parametrize("factor", [0, 1, 3])
def test_repeated_is_the_union_of_moved_sets(factor, count):
    moved = {index + factor * n for n in range(count) for index in (0, 2)}
    assert repeated(bits(0, 2), factor, count) == bits(*moved)


@pytest.mark.parametrize("offsets", [(), (0,), (0, 1, 9, 10), (3, 40)])
def test_moved_by_is_the_set_of_sums(offsets):
    sums = {index + offset for index in (0, 2, 7) for offset in offsets}
    assert moved_by(bits(0, 2, 7), bits(*offsets)) == bits(*sums)


def test_groups_with_a_member_and_groups_with_all():
    members = bits(0, 4, 5, 6, 7, 15, 20, 21, 22, 23)
    assert grouped(members, 4) == bits(0, 1, 3, 5)
    assert filled(members, 4) == bits(1, 5)
    assert grouped(0, 4) == filled(0, 4) == 0
    assert grouped(members, 1) == filled(members, 1) == members


def test_runs_in_words():
    assert runs(bits(3, 8, 9, 10, 11)) == "3, 8..11"
    assert runs(0) == ""
    assert runs(bits(0, 2, 4, 6, 8)) == "0, 2, 4, 6, ..."
    assert runs(bits(0, 2, 4), limit=2) == "0, 2, ..."
