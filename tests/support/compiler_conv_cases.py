"""Random convolutions of every kind, as hypothesis strategies.

A case is plain data that knows how to add itself to a :class:`NetworkBuilder`, so a failing one
prints as the expression that reproduces it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from compiler_networks import NetworkBuilder
from hypothesis import strategies as st

__all__ = [
    "ConvCase", "convolutions", "depthwise_convolutions", "grouped_convolutions",
    "transposed_convolutions",
]

Pair = tuple[int, int]


@dataclass(frozen=True)
class ConvCase:
    """One Conv of an ``[images, channels, *size]`` input.

    ``inner`` puts a Relu before it, so that its input is computed on the device.
    """

    channels: int
    size: Pair
    filters: int
    kernel: Pair
    strides: Pair = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: Pair = (1, 1)
    bias: bool = True
    relu: bool = False
    inner: bool = False
    images: int = 1
    group: int = 1
    added: Pair | None = None  # output_padding of a ConvTranspose; None: a Conv
    seed: int = 0

    def build(self, network: NetworkBuilder) -> str:
        """Add the input and the layer; return the name of its output."""
        network.random = np.random.default_rng(self.seed)
        x = network.input((self.images, self.channels, *self.size))
        x = network.relu(x) if self.inner else x
        window = (self.kernel, self.strides, self.pads, self.bias, self.dilations, self.group)
        if self.added is None:
            y = network.conv(x, self.filters, *window)
        else:
            y = network.conv_transpose(x, self.filters, *window, self.added)
        return network.relu(y) if self.relu else y


def _pair(strategy: st.SearchStrategy[int]) -> st.SearchStrategy[Pair]:
    return st.tuples(strategy, strategy)


@st.composite
def _windows(draw: st.DrawFn, largest: int) -> tuple[Pair, Pair, tuple[int, int, int, int], Pair]:
    """Draw kernel, dilations, pads and a size at least one window fits in."""
    kernel = draw(_pair(st.integers(1, largest)))
    dilations = draw(_pair(st.sampled_from((1, 1, 1, 2, 3))))
    covered = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    wide = st.integers(0, 20) if draw(st.integers(0, 9)) == 0 else st.integers(0, largest)
    pads = draw(st.tuples(wide, wide, wide, wide))
    size = tuple(
        draw(st.integers(max(1, covered[a] - pads[a] - pads[a + 2]), covered[a] + 8))
        for a in range(2)
    )
    return kernel, dilations, pads, (size[0], size[1])


@st.composite
def convolutions(draw: st.DrawFn, kernel: int = 5) -> ConvCase:
    """Draw a plain convolution with up to 40 channels and ``kernel`` taps a side."""
    channels = draw(st.sampled_from((4, 12, 12, 40)))
    window, dilations, pads, size = draw(_windows(kernel))
    return ConvCase(
        channels=draw(st.integers(1, channels)), size=size, filters=draw(st.integers(1, channels)),
        kernel=window, strides=draw(_pair(st.integers(1, 4))), pads=pads, dilations=dilations,
        bias=draw(st.booleans()), relu=draw(st.booleans()), inner=draw(st.booleans()),
        images=draw(st.sampled_from((1, 1, 1, 2, 3))), seed=draw(st.integers(0, 9)),
    )


@st.composite
def grouped_convolutions(draw: st.DrawFn) -> ConvCase:
    """Draw 2 to 9 groups of any number of channels in and out."""
    case, group = draw(convolutions(4)), draw(st.integers(2, 9))
    each = st.integers(1, draw(st.sampled_from((3, 6, 20))))
    return replace(
        case, channels=group * draw(each), filters=group * draw(each), group=group
    )


@st.composite
def depthwise_convolutions(draw: st.DrawFn) -> ConvCase:
    """Draw a group for each of up to 70 channels, with one to three filters each."""
    case, group = draw(convolutions()), draw(st.integers(1, draw(st.sampled_from((20, 20, 70)))))
    return replace(
        case, channels=group, filters=group * draw(st.sampled_from((1, 1, 1, 2, 3))), group=group
    )


@st.composite
def transposed_convolutions(draw: st.DrawFn) -> ConvCase:
    """Draw a ConvTranspose with any padding and output_padding that leave some output."""
    case = draw(st.one_of(convolutions(), grouped_convolutions(), depthwise_convolutions()))
    size, strides = draw(_pair(st.integers(1, 7))), draw(_pair(st.integers(1, 4)))
    added = tuple(draw(st.integers(0, stride - 1)) for stride in strides)
    whole = [
        (size[a] - 1) * strides[a] + case.dilations[a] * (case.kernel[a] - 1) + 1 + added[a]
        for a in range(2)
    ]
    before = [draw(st.integers(0, min(9, whole[a] - 1))) for a in range(2)]
    after = [draw(st.integers(0, min(9, whole[a] - 1 - before[a]))) for a in range(2)]
    return replace(
        case, size=size, strides=strides, added=(added[0], added[1]),
        pads=(before[0], before[1], after[0], after[1]),
    )
