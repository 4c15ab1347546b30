"""Seeded inputs of every network: images, text, sound; each maker takes count, size and seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from images import class_images, natural_images

__all__ = ["Maker", "Samples", "images", "noise", "classes", "speech", "spectra", "text"]

Samples = Mapping[str, np.ndarray]
Maker = Callable[[int, int, int], Samples]
"""Of the number of samples, the size (pixels of a side, tokens, ...) and the seed."""

_REUSE = 0.3  # share of words that repeat an earlier one of the same text
_TONES = 6


def classes(count: int, size: int, seed: int) -> Samples:
    """Return images of distinguishable classes in turn, for a classifier."""
    return {"input": class_images(count, size, seed)}


def images(channels: int) -> Maker:
    """Return the maker of natural images of so many channels."""

    def make(count: int, size: int, seed: int) -> Samples:
        return {"input": natural_images(count, channels, size, seed)}

    return make


def noise(count: int, size: int, seed: int) -> Samples:
    """Return vectors of normal numbers as images of one pixel, as a generator takes them."""
    return {"input": natural_images(count, size, 1, seed)}


def text(vocabulary: int, first: int, framed: tuple[int, int]) -> Maker:
    """Return the maker of token sequences for an encoder of sentences.

    Frequencies fall with rank as Zipf's law has it, and words repeat within a text; sequences are
    of different lengths and padded with 0.

    Parameters
    ----------
    vocabulary, first : int
        Tokens, and the first of them that is a word.
    framed : tuple of int
        The tokens before and after a sentence.
    """

    def make(count: int, size: int, seed: int) -> Samples:
        rng = np.random.default_rng(seed)
        ids = np.zeros((count, size), np.int64)
        mask = np.zeros((count, size), np.int64)
        for row, kept in zip(ids, mask, strict=True):
            length = rng.integers(size // 2, size + 1)
            row[:length] = words(rng, length, vocabulary, first)
            row[0], row[length - 1] = framed
            kept[:length] = 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}

    return make


def words(rng: np.random.Generator, length: int, vocabulary: int, first: int) -> np.ndarray:
    """Return a text of so many tokens, whole numbers from ``first`` to ``vocabulary - 1``."""
    ranks = np.arange(1, vocabulary - first + 1)
    tokens = first + rng.choice(len(ranks), length, p=1 / ranks / (1 / ranks).sum())
    for place in range(1, length):
        if rng.random() < _REUSE:
            tokens[place] = tokens[rng.integers(place)]
    return tokens.astype(np.int64)


def speech(count: int, size: int, seed: int) -> Samples:
    """Return sounds ``[count, 1, size]``: harmonics that start and fade, over a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(size) / 8000  # seconds
    waves = rng.normal(0, 0.02, (count, 1, size))
    for wave in waves[:, 0]:
        for _ in range(_TONES):
            pitch, middle, width = rng.uniform(80, 300), rng.uniform(0, time[-1]), 0.05
            envelope = np.exp(-(((time - middle) / width) ** 2))
            for harmonic in range(1, 9):
                phase = rng.uniform(0, 2 * np.pi)
                wave += envelope * np.sin(2 * np.pi * harmonic * pitch * time + phase) / harmonic
    return {"input": (waves / np.abs(waves).max((1, 2), keepdims=True)).astype(np.float32)}


def spectra(rows: int, coefficients: int, *, channel: bool) -> Maker:
    """Return the maker of cepstra of words: levels that fall with the coefficient, smooth in time.

    ``channel``: ``[count, 1, rows, coefficients]`` instead of ``[count, rows, coefficients]``.
    """

    def make(count: int, size: int, seed: int) -> Samples:
        smooth = natural_images(count, 1, max(rows, coefficients, size), seed)
        falling = 1 / np.sqrt(1 + np.arange(coefficients))
        cepstra = (smooth[:, :, :rows, :coefficients] * falling).astype(np.float32)
        return {"input": cepstra if channel else cepstra[:, 0]}

    return make
