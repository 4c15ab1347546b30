"""The scheduling problem of a convolution in blocks of channels, and its tilings.

Sizes are in tiles (channel blocks) and pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from .group_blocks import most_apart
from .tap_windows import WindowedKernel
from .tiling_problem import Problem, Tiling

__all__ = [
    "DATAFLOWS", "ConvShape", "ConvTiling", "EpilogueSpec", "even_splits", "parameter_tiles",
    "requantize_steps",
]


@dataclass(frozen=True)
class EpilogueSpec:
    """The operations on a convolution's outputs in the accumulator before they are stored.

    Windows over them reduce to one value each; 1 x 1 windows keep every value.
    """

    out: tuple[int, int]  # stored rows and columns
    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)  # of windows, above and to the left of the outputs
    early: bool = False  # windows come first: only their maxima are requantized
    steps: int = 0  # ALU steps of a stored tile
    tables: int = 0  # sets of parameters, each for all channels
    scratch_tiles: int = 0  # scratch tiles per stored tile

    @property
    def by_axis(self) -> bool:
        """Whether reducing columns first, then rows, takes fewer steps."""
        (high, wide), step = self.kernel, self.strides[1]
        return (high - 1) * step + wide < high * wide

    @property
    def taps(self) -> int:
        """Steps of the windows for each of their results."""
        (high, wide), step = self.kernel, self.strides[1]
        return (high - 1) * step + wide - 1 if self.by_axis else high * wide - 1


@dataclass(frozen=True)
class ConvShape(Problem):
    """A convolution in blocks: groups of images, channel blocks in and out, sizes, window.

    Along each axis tap k of output o reads input i where ``i * up = o * stride + k * dilation -
    before``: a transposed convolution has ``up`` and no stride.  Every output block sums ``ci``
    input blocks, the first in ``leads`` (:mod:`.group_blocks`); without, they are the same for
    all blocks.

    With ``window``, the maximum window of DWC, every output block is a depthwise convolution of the
    input block in ``leads``; else the products are GEMM's.  ``forwarded`` is such a convolution,
    whose outputs are the inputs of this 1x1 convolution and never leave the chip.
    """

    kind: ClassVar[str] = "Convolution"
    groups: int
    ci: int
    co: int
    size: tuple[int, int]
    out: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)  # padding above and to the left
    up: tuple[int, int] = (1, 1)
    leads: tuple[int, ...] = ()
    window: tuple[int, int] | None = None
    residual: bool = False  # another activation is added to the output
    epilogue: EpilogueSpec | None = None
    forwarded: ConvShape | None = None

    @property
    def stored(self) -> tuple[int, int]:
        """Rows and columns that are stored."""
        return self.out if self.epilogue is None else self.epilogue.out

    @property
    def overlap(self) -> bool:
        """Whether outputs of the convolution are computed for several tiles."""
        return self.epilogue is not None and any(
            kernel > stride for kernel, stride, count in zip(
                self.epilogue.kernel, self.epilogue.strides, self.epilogue.out, strict=True)
            if count > 1)

    def span(self, axis: int, stored: int) -> int:
        """Return the number of outputs on chip for neighbouring stored ones, with outside ones."""
        if self.epilogue is None:
            return stored
        return (stored - 1) * self.epilogue.strides[axis] + self.epilogue.kernel[axis]

    @property
    def windowed(self) -> WindowedKernel | None:
        """The kernel as windows of DWC; None: the products are GEMM's."""
        if self.window is None:
            return None
        return WindowedKernel(self.kernel, self.strides, self.dilations, self.window)

    def weight_tiles(self, ci: int, kh: int, kw: int) -> int:
        """Return the WGT tiles of an output block for ``ci`` input blocks and a part of the kernel.

        DWC takes the kernel as a whole.
        """
        windowed = self.windowed
        return ci * kh * kw if windowed is None else len(windowed.windows)

    @property
    def steps(self) -> int:
        """Minimum number of cycles of GEMM or DWC steps."""
        windowed = self.windowed
        if windowed is not None:
            outputs = self.out[1]
            width = self.reach(1, outputs, self.kernel[1])
            return self.groups * self.co * self.out[0] * windowed.row_cycles(outputs, width)
        rows, columns = (
            -(-out * kernel // up)
            for out, kernel, up in zip(self.out, self.kernel, self.up, strict=True)
        )
        return self.groups * self.ci * self.co * rows * columns

    def skips(self, axis: int, taps: int) -> bool:
        """Return whether only the inputs that are used are loaded: a LOAD strides over rows."""
        return axis == 0 and taps == 1 and self.up[0] == 1

    def reach(self, axis: int, outputs: int, taps: int) -> int:
        """Return the number of inputs on chip for ``outputs`` neighbouring windows of ``taps``.

        All that the windows cover; of rows that a stride skips under a single tap, none.
        """
        if self.skips(axis, taps):
            return outputs
        covered = (outputs - 1) * self.strides[axis] + (taps - 1) * self.dilations[axis]
        inputs = covered // self.up[axis] + 1
        windowed = self.windowed
        return inputs if axis == 0 or windowed is None else windowed.pitch(inputs)

    def held(self, co: int, ci: int) -> int:
        """Return the number of input blocks that ``co`` output blocks need for ``ci`` of each."""
        return ci if not self.leads else ci + most_apart(self.leads, co)


DATAFLOWS = ("weight-stationary", "input-stationary", "output-stationary")
"""The operand that stays on chip while the others are streamed: the outermost loop over tiles.

Weight-stationary: channels outermost; all pixels are streamed for a range of filters.
Input-stationary: pixels outermost; all filters are streamed for a range of pixels.
Output-stationary: as input-stationary, and all sums of a tile stay in the accumulator while chunks
of the input channels are streamed for each range of filters.
"""


@dataclass(frozen=True)
class ConvTiling(Tiling):
    """Tile sizes and dataflow (:data:`DATAFLOWS`).

    A tile of ``co`` output blocks is computed, drained and stored ``part`` blocks at a time; ``oh``
    and ``ow`` count stored rows and columns.
    """

    co: int
    part: int
    ci: int
    oh: int
    ow: int
    kh: int
    kw: int
    dataflow: str
    all_parameters: bool  # the parameters of every channel block stay on chip


def even_splits(total: int, unit: int = 1) -> list[int]:
    """Return the sizes of the parts when ``total`` is divided into 1, 2, 3 ... nearly equal parts.

    Sizes are multiples of ``unit`` if possible; the last one is always 1.
    """
    sizes = {-(-total // parts) for parts in range(1, total + 1)}
    return sorted({min(total, -(-size // unit) * unit) for size in sizes} | {1}, reverse=True)


def parameter_tiles(config: Config) -> int:
    """Return accumulator tiles of parameters for one block of channels."""
    return 3 if config.requantize else 2


def mean_tiles(config: Config) -> int:
    """Return the accumulator tiles of a mean's sums: half, or where there is no MUL a third.

    The last third then holds copies (:func:`~.tile_ops.multiply_tiles`).
    """
    free = config.depth(MemoryType.ACC) - parameter_tiles(config)
    return free // (2 if config.extended else 3)


def requantize_steps(config: Config) -> int:
    """Return the ALU steps that the requantization of a tile takes, bounds of a Clip aside."""
    return 1 if config.requantize else 4
