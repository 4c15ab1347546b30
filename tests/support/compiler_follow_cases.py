"""Random chains of layers after a convolution that may be fused with it, as a strategy."""

from __future__ import annotations

from dataclasses import dataclass

from compiler_cases import DRAW
from compiler_conv_cases import (
    ConvCase,
    convolutions,
    depthwise_convolutions,
    grouped_convolutions,
    transposed_convolutions,
)
from compiler_networks import NetworkBuilder
from compiler_steps import Step
from hypothesis import strategies as st

__all__ = ["FollowedCase", "followed"]


@dataclass(frozen=True)
class FollowedCase:
    """A convolution, perhaps a second one added to it, and operators one after another."""

    conv: ConvCase
    added: bool
    steps: tuple[Step, ...]

    def build(self, network: NetworkBuilder) -> str:
        """Add everything; return the last output."""
        tensors = ["input", _start(self.conv, self.added, network)]
        for step in self.steps:
            step.grow(network, tensors)
        return tensors[-1]


def _start(conv: ConvCase, added: bool, network: NetworkBuilder) -> str:
    y = conv.build(network)
    if not added:
        return y
    return network.add(y, network.conv(
        network.nodes[0].input[0], conv.filters, conv.kernel, conv.strides, conv.pads, conv.bias,
        conv.dilations, conv.group,
    ))


@st.composite
def followed(draw: st.DrawFn) -> FollowedCase:
    """Draw one to three operators of one input after any convolution."""
    conv = draw(st.one_of(
        convolutions(3), convolutions(3), grouped_convolutions(), depthwise_convolutions(),
        transposed_convolutions(),
    ))
    added = conv.added is None and draw(st.integers(0, 4)) == 0
    scratch = NetworkBuilder()
    tensors: list[str] = ["input", _start(conv, added, scratch)]
    steps = []
    windows = draw(st.integers(0, 4)) > 0
    at = draw(st.integers(0, 1))
    for index in range(draw(st.integers(1 + (windows and at), 3))):
        now = scratch.shapes[tensors[-1]]
        op = draw(st.sampled_from(("leaky", "leaky", "relu", "clip")))
        if windows and index == at:
            op = draw(st.sampled_from(("pool", "pool", "pool", "global")))
        args = DRAW[op][1](draw, now)
        if op == "pool" and draw(st.integers(0, 3)):  # such as can be computed in a convolution
            args["dilations"] = (1, 1)
            if args["op"] == "AveragePool":
                args |= {"pads": (0, 0, 0, 0), "ceil": 0}
        step = Step(op, (len(tensors) - 1,), tuple(args.items()))
        step.grow(scratch, tensors)
        steps.append(step)
    return FollowedCase(conv, added, tuple(steps))
