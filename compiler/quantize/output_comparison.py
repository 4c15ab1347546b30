"""Float outputs of a network against those of its integers, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .error_metrics import snr_db

__all__ = ["ImageComparison", "OutputComparison", "compare_outputs"]

_LISTED = 4096  # maximum elements of an output whose values are in JSON


@dataclass(frozen=True)
class ImageComparison:
    """One image of one output: the maxima, and the errors of all elements."""

    image: int
    float_argmax: int
    float_value: float  # of the float output there
    argmax: int
    value: float  # of the integer network's output there
    largest_difference: float
    snr_db: float  # dB


@dataclass(frozen=True, eq=False)
class OutputComparison:
    """A float output ``[images, ...]`` and the integer network's."""

    name: str
    expected: np.ndarray
    actual: np.ndarray

    @property
    def snr_db(self) -> float:
        """Signal-to-noise ratio over all images, in dB."""
        return snr_db(self.expected, self.actual)

    @property
    def same_argmax(self) -> tuple[int, int]:
        """The number of images with the same argmax, and the number of images."""
        rows = self.images()
        return sum(row.argmax == row.float_argmax for row in rows), len(rows)

    def images(self) -> list[ImageComparison]:
        """Return a row for each image."""
        rows = []
        for index, (expected, actual) in enumerate(zip(self.expected, self.actual, strict=True)):
            a, b = int(expected.argmax()), int(actual.argmax())
            rows.append(ImageComparison(
                index, a, float(expected.flat[a]), b, float(actual.flat[b]),
                float(np.abs(expected - actual).max()), snr_db(expected, actual),
            ))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the rows, and all values of small outputs."""
        rows = self.images()
        data: dict[str, Any] = {
            "name": self.name, "snr_db": self.snr_db,
            "same_argmax": self.same_argmax[0],
            "images": [asdict(row) for row in rows],
        }
        if self.expected.size <= _LISTED:
            data |= {"float": self.expected.tolist(), "integer": self.actual.tolist()}
        return data


def compare_outputs(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
) -> tuple[OutputComparison, ...]:
    """Return the comparison of every output that both have."""
    return tuple(
        OutputComparison(name, expected[name], actual[name]) for name in expected
        if name in actual and expected[name].size
    )
