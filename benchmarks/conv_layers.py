"""The convolutions of workloads.csv as nodes of a network, and their streams on a target.

Weights and data are zero: the cycles of the hardware do not depend on them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myvta.compiler.ir.attributes import ConvAttributes, SlidingWindow
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.tune.single_layer import run_alone
from myvta.driver.run.launch import read_performance
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.target.protocol import Target

__all__ = ["ConvLayer", "conv_layer", "conv_layers", "measure", "networks"]


@dataclass(frozen=True)
class ConvLayer:
    """A convolution and how often its network has it."""

    network: str
    name: str
    count: int
    node: QuantizedNode
    layouts: dict[str, ChannelLayout]

    @property
    def group(self) -> FusionGroup:
        """The convolution as a unit of scheduling: nothing is computed with it."""
        return FusionGroup(self.node)

    @property
    def compulsory_bytes(self) -> int:
        """Bytes of int8 input, weights and output."""
        return self.node.attrs.weight.size + sum(c * h * w for c, h, w in self.layouts.values())


def networks() -> tuple[str, ...]:
    """Return the networks of workloads.csv that have convolutions."""
    return tuple(dict.fromkeys(row["network"] for row in _rows()))


def conv_layers(network: str) -> list[ConvLayer]:
    """Return the convolutions of a network."""
    return [conv_layer(row) for row in _rows() if row["network"] == network]


def _rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "workloads.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["op"] == "conv2d"]


def conv_layer(row: Mapping[str, str | int]) -> ConvLayer:
    """Return the layer of a row of workloads.csv."""
    h, w, cin, cout, groups, k, pad, stride = (
        int(row[name]) for name in ("h", "w", "cin", "cout", "groups", "k", "pad", "stride")
    )
    rule = Requant(np.zeros(cout, np.int32), np.full(cout, 8, np.int32), None, True)
    node = QuantizedNode(
        "Conv", str(row["layer"]), ("x",), ("y",),
        ConvAttributes(
            np.zeros((cout, cin // groups, k, k), np.int8), np.ones(cout),
            SlidingWindow((k, k), (stride, stride), (pad, pad, pad, pad)), groups),
        rule,
    )
    out = [(size + 2 * pad - k) // stride + 1 for size in (h, w)]
    layouts = {"x": ChannelLayout(cin, h, w), "y": ChannelLayout(cout, out[0], out[1])}
    return ConvLayer(str(row["network"]), str(row["layer"]), int(row["count"]), node, layouts)


def measure(target: Target, stream: InstructionStream, size: int) -> tuple[int, dict[str, int]]:
    """Run a stream whose data is in the first ``size`` bytes; return cycles and counters."""
    report = run_alone(target, stream, size)
    return report.cycles, {**report.counters, **read_performance(target)}
