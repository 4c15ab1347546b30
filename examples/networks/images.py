"""Seeded images: of the spectrum of photographs, and of a few classes that differ to the eye."""

from __future__ import annotations

import numpy as np

__all__ = ["CLASSES", "class_images", "natural_images"]

CLASSES = 8
_PATTERN, _TINT = 1.0, 0.5  # deviation of stripes and of a tint against natural images of 1


def natural_images(count: int, channels: int, size: int, seed: int) -> np.ndarray:
    """Return images whose spectrum falls with frequency as that of photographs does.

    Returns
    -------
    ndarray
        ``[count, channels, size, size]`` float32, mean 0 and deviation 1 each.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    falling = 1 / np.maximum(np.hypot(rows, columns), 1 / size)
    noise = np.fft.rfft2(rng.normal(size=(count, channels, size, size)))
    images = np.fft.irfft2(noise * falling, s=(size, size))
    images -= images.mean((1, 2, 3), keepdims=True)
    images /= images.std((1, 2, 3), keepdims=True)
    return images.astype(np.float32)


def class_images(count: int, size: int, seed: int) -> np.ndarray:
    """Return color images of :data:`CLASSES` classes in turn: image i is of class i modulo that.

    A class is an angle and a width of stripes and a tint, laid over natural images; where the
    stripes begin is random.

    Returns
    -------
    ndarray
        ``[count, 3, size, size]`` float32, mean 0 and deviation 1 each.
    """
    rng = np.random.default_rng(seed + 1)
    images = natural_images(count, 3, size, seed).astype(np.float64)
    rows, columns = np.mgrid[:size, :size]
    for index, image in enumerate(images):
        kind = index % CLASSES
        angle, hue = np.pi * kind / CLASSES, 2 * np.pi * (3 * kind % CLASSES) / CLASSES
        along = rows * np.sin(angle) + columns * np.cos(angle)
        width = 8 if kind % 2 else 20  # pixels
        stripes = np.sin(2 * np.pi * along / width + rng.uniform(0, 2 * np.pi))
        tint = np.cos(hue + 2 * np.pi * np.arange(3) / 3)[:, None, None]
        image += np.sqrt(2) * (_PATTERN * stripes + _TINT * tint)
        image -= image.mean()
        image /= image.std()
    return images.astype(np.float32)
