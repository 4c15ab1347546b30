"""The buffers of a depthwise convolution whose outputs are forwarded into a pointwise one.

The pointwise convolution reads chunks of its input channels from slots of INP.  With ``forwarded``
a chunk is not loaded: DWC computes it, and a STORE copies it into the slot.  Inputs of the
depthwise convolution have two slots of their own, its sums one; its weights and parameters stay on
chip.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...isa.config import Config
from ...isa.fields import layout
from ...isa.opcodes import Opcode
from .conv_problem import ConvShape, ConvTiling, parameter_tiles, requantize_steps

__all__ = ["ForwardBuffers", "forward_buffers", "forward_steps", "windows_fit"]


@dataclass(frozen=True)
class ForwardBuffers:
    """Sizes in tiles.

    Attributes
    ----------
    inp
        Of one of the two slots of inputs.
    wgt, parameters
        All weights, and all parameters.
    acc
        The outputs of a chunk.
    """

    inp: int = 0
    wgt: int = 0
    acc: int = 0
    parameters: int = 0


def forward_buffers(shape: ConvShape, t: ConvTiling, config: Config) -> ForwardBuffers | None:
    """Return what the forwarded convolution of a tiling needs, None if DWC cannot express it."""
    ahead = shape.forwarded
    if ahead is None:
        return ForwardBuffers()
    tall, wide = (
        min(shape.span(axis, size), shape.out[axis]) for axis, size in enumerate((t.oh, t.ow)))
    if not windows_fit(ahead, wide, config):
        return None
    return ForwardBuffers(
        t.ci * ahead.reach(0, tall, ahead.kernel[0]) * ahead.reach(1, wide, ahead.kernel[1]),
        ahead.co * ahead.weight_tiles(1, *ahead.kernel), t.ci * tall * wide,
        ahead.co * parameter_tiles(config))


def forward_steps(shape: ConvShape, pixels: int, config: Config) -> int:
    """Return the steps of the forwarded convolution for so many pixels of all its channels."""
    ahead = shape.forwarded
    if ahead is None:
        return 0
    products = ahead.steps * pixels // (ahead.groups * ahead.out[0] * ahead.out[1])
    return products + ahead.co * pixels * requantize_steps(config)


def windows_fit(shape: ConvShape, wide: int, config: Config) -> bool:
    """Return whether the rows of DWC's windows are within its field for tiles so wide."""
    pitch = shape.dilations[0] * shape.reach(1, wide, shape.kernel[1])
    return pitch <= layout(Opcode.DWC, config)["row_pitch"].maximum
