"""Sets of tile indices as integers, one bit per index: exact, and fast to unite and compare."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["filled", "grouped", "moved_by", "of_indices", "repeated", "runs", "span"]


def span(first: int, count: int) -> int:
    """Return the set of ``count`` indices from ``first`` on."""
    return ((1 << count) - 1) << first if count > 0 else 0


def of_indices(indices: NDArray[np.integer], depth: int) -> int:
    """Return the set of the given indices, all below ``depth``."""
    present = np.zeros(depth, np.uint8)
    present[indices] = 1
    return int.from_bytes(np.packbits(present, bitorder="little").tobytes(), "little")


def repeated(bits: int, factor: int, count: int) -> int:
    """Return the union of a set shifted by 0, ``factor``, ... ``(count - 1) * factor``."""
    if not factor:
        return bits if count else 0
    done = min(count, 1)
    bits = bits if done else 0
    while done < count:
        more = min(done, count - done)
        bits |= bits << factor * more
        done += more
    return bits


def moved_by(bits: int, offsets: int) -> int:
    """Return the union of a set moved by each member of a set of offsets."""
    moved = 0
    while offsets:
        lowest = (offsets & -offsets).bit_length() - 1
        moved |= bits << lowest
        offsets &= offsets - 1
    return moved


def grouped(bits: int, size: int) -> int:
    """Return the groups of ``size`` neighbouring indices with a member in a set."""
    groups = 0
    while bits:
        group = ((bits & -bits).bit_length() - 1) // size
        groups |= 1 << group
        bits = bits >> (group + 1) * size << (group + 1) * size
    return groups


def filled(bits: int, size: int) -> int:
    """Return the groups of ``size`` neighbouring indices of which a set holds all."""
    groups, whole = 0, (1 << size) - 1
    rest = grouped(bits, size)
    while rest:
        group = (rest & -rest).bit_length() - 1
        groups |= (bits >> group * size & whole == whole) << group
        rest &= rest - 1
    return groups


def runs(bits: int, limit: int = 4) -> str:
    """Return a set in words: ``3, 8..11, ...`` with at most ``limit`` runs."""
    parts: list[str] = []
    while bits:
        if len(parts) == limit:
            return ", ".join([*parts, "..."])
        first = (bits & -bits).bit_length() - 1
        moved = bits >> first
        count = (~moved & (moved + 1)).bit_length() - 1
        parts.append(f"{first}" if count == 1 else f"{first}..{first + count - 1}")
        bits = moved >> count << (first + count)
    return ", ".join(parts)
