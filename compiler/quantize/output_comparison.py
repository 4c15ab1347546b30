"""Float outputs of a network against those of its integers, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .error_metrics import ratio

__all__ = ["ImageComparison", "OutputComparison", "compare_outputs"]

_LISTED = 4096  # elements of an output, up to which its values go into JSON


@dataclass(frozen=True)
class ImageComparison:
    """One image of one output: where the greatest elements are, and how far all are apart."""

    image: int
    float_argmax: int
    float_value: float  # of the float output there
    argmax: int
    value: float  # of the integer network's output there
    largest_difference: float
    snr: float  # dB


@dataclass(frozen=True, eq=False)
class OutputComparison:
    """A float output ``[images, ...]`` and what the integer network has for it."""

    name: str
    wanted: np.ndarray
    found: np.ndarray

    @property
    def snr(self) -> float:
        """Signal-to-noise ratio over all images, in dB."""
        return ratio(self.wanted, self.found)

    @property
    def same_argmax(self) -> tuple[int, int]:
        """Images whose greatest element is at the same place, and of how many."""
        rows = self.images()
        return sum(row.argmax == row.float_argmax for row in rows), len(rows)

    def images(self) -> list[ImageComparison]:
        """Return a row for each image."""
        rows = []
        for index, (wanted, found) in enumerate(zip(self.wanted, self.found, strict=True)):
            a, b = int(wanted.argmax()), int(found.argmax())
            rows.append(ImageComparison(
                index, a, float(wanted.flat[a]), b, float(found.flat[b]),
                float(np.abs(wanted - found).max()), ratio(wanted, found),
            ))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Return plain data: the rows, and all values where there are not too many."""
        rows = self.images()
        data: dict[str, Any] = {
            "name": self.name, "snr": self.snr,
            "same_argmax": self.same_argmax[0],
            "images": [asdict(row) for row in rows],
        }
        if self.wanted.size <= _LISTED:
            data |= {"float": self.wanted.tolist(), "integer": self.found.tolist()}
        return data


def compare_outputs(
    wanted: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
) -> tuple[OutputComparison, ...]:
    """Return the comparison of every output that both have."""
    return tuple(
        OutputComparison(name, wanted[name], found[name]) for name in wanted
        if name in found and wanted[name].size
    )
