"""The last layer of a classifier, fitted in closed form so that its decisions have a margin."""

from __future__ import annotations

import numpy as np

__all__ = ["fit_head"]

_MARGIN = 2.0  # a fitted output over the maximum of the others
_SMALL = 1e-3  # directions in which features differ by less than this share are unchanged


def fit_head(
    features: np.ndarray, labels: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> None:
    """Let the outputs of the labels that occur tell features apart; the others stay.

    The minimum-norm weights (pseudoinverse) with which output ``labels[i]`` is twice the maximum of
    the other outputs over all images, and the other labels' outputs are 0, for features ``i``.

    Parameters
    ----------
    features
        ``[images, inputs]``.
    labels
        ``[images]``, whole numbers below ``len(weight)``.
    weight, bias
        Of the layer, ``[outputs, inputs]`` and ``[outputs]``: changed in place.
    """
    known = np.unique(labels)
    others = np.delete(features @ weight.T + bias, known, axis=1)
    expected = _MARGIN * others.max(initial=1.0) * (labels[:, None] == known)
    middle, level = features.mean(0, dtype=np.float64), expected.mean(0)
    rows = np.linalg.pinv(features - middle, rcond=_SMALL) @ (expected - level)
    weight[known], bias[known] = rows.T, level - middle @ rows
