"""The compiler's report, per node: placement and reason, scales, and the cost of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any

from ..isa.config import Config
from .codegen.stream_costs import StreamCosts
from .ir.attributes import ConvAttributes, TransposedAttributes, WeightedAttributes
from .ir.quantized_graph import QuantizedGraph, QuantizedNode
from .layout.packed_network import PackedNetwork
from .operators.scaled_add import SCALED_ADD
from .partition.partition import Placement

__all__ = [
    "CompileReport", "EntryReport", "NodeReport", "make_report",
    "network_remarks",
]


_INSERTED = Placement("accelerator", SCALED_ADD.reason)


@dataclass(frozen=True)
class EntryReport:
    """An activation that the host quantizes for the accelerator: an input, or of a host node."""

    name: str
    maker: str  # the host node, '' for an input of the network
    scale: float
    zero_point: int
    saturation_share: float | None  # share of its float values that saturate
    snr_db: float | None  # dB, against the float network


@dataclass(frozen=True)
class NodeReport:
    """One node of the network as compiled, for one run of ``images`` images.

    ``ideal_steps`` are GEMM steps with every multiplier busy on the network's own products,
    ``compulsory_bytes`` those of its inputs, weights and outputs when each is moved once.
    """

    name: str
    op: str
    where: str
    reason: str
    input_scales: tuple[float, ...] = ()
    output_scale: float | None = None
    output_zero_point: int = 0
    weight_scale: tuple[float, float] | None = None  # minimum and maximum over the channels
    shift: int | None = None  # if all channels share it
    saturation_share: float | None = None  # share of the output's float values that saturate
    snr_db: float | None = None  # dB, of the output against the float network
    deviation: tuple[int, float] | None = None  # from the pre-quantized model: maximum, share
    macs: int = 0
    ideal_steps: int = 0
    compulsory_bytes: int = 0
    costs: StreamCosts = field(default_factory=StreamCosts)


@dataclass(frozen=True)
class CompileReport:
    """The whole network; all byte counts are of one run of ``images`` images."""

    name: str
    config: str
    images: int
    evaluator: str
    calibration_images: int
    method: str
    scales: str
    equalized: bool
    measured_images: int
    tried: dict[str, float]  # dB, of the outputs, by calibration method
    same_argmax: dict[str, tuple[int, int]]  # by output: images with the float one's, of how many
    entries: tuple[EntryReport, ...]
    nodes: tuple[NodeReport, ...]
    deviation_note: str  # possible deviation of the evaluator, else ''
    stream_bytes: int
    uop_bytes: int
    memory_bytes: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates on the accelerator."""
        return sum(node.macs for node in self.nodes)

    @property
    def ideal_steps(self) -> int:
        """GEMM steps if every MAC of the array were busy with the network's own products."""
        return sum(node.ideal_steps for node in self.nodes)

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "macs": self.macs, "ideal_steps": self.ideal_steps}


def node_report(
    node: QuantizedNode, placement: Placement, graph: QuantizedGraph, config: Config,
    costs: Mapping[str, StreamCosts], snr_db: Mapping[str, float],
    saturation_shares: Mapping[str, float],
    deviations: Mapping[str, tuple[int, float]], repeats: int,
) -> NodeReport:
    """Return the report of an accelerator node; a run holds ``repeats`` batches of the graph."""
    macs, scale, output = 0, None, graph.tensors[node.outputs[0]]
    attrs, weights = node.attrs, 0
    if isinstance(attrs, WeightedAttributes):
        weights, scale = attrs.weight.size, attrs.weight_scale
        positions = prod(output.shape) // len(attrs.weight)
        if not isinstance(attrs, ConvAttributes):
            # every input pixel, or row of features, meets every weight
            before = graph.tensors[node.inputs[0]].shape
            positions = prod(before) // (
                before[1] if isinstance(attrs, TransposedAttributes) else attrs.weight.shape[1])
        macs = repeats * positions * weights
    lanes = sum(prod(graph.tensors[name].shape) for name in (*node.inputs, *node.outputs[:1]))
    bits = repeats * lanes * config.inp_width + weights * config.wgt_width
    return NodeReport(
        node.name, node.op, placement.where, placement.reason,
        tuple(graph.tensors[name].scale for name in node.inputs), output.scale, output.zero_point,
        None if scale is None else (float(scale.min()), float(scale.max())),
        node.requant.uniform_shift if node.requant else None,
        saturation_shares.get(node.outputs[0]), snr_db.get(node.outputs[0]),
        deviations.get(node.name),
        macs, -(-macs // config.macs_per_step), bits // 8, costs.get(node.name, StreamCosts()),
    )


def _entries(
    graph: QuantizedGraph, snr_db: Mapping[str, float], saturation_shares: Mapping[str, float]
) -> tuple[EntryReport, ...]:
    """Return the reports of the activations that the host quantizes for the accelerator."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    entries = []
    for name, tensor in graph.tensors.items():
        maker = makers.get(name)
        if tensor.exponent is not None and (maker is None or maker.on_host):
            entries.append(EntryReport(
                name, maker.name if maker else "", tensor.scale, tensor.zero_point,
                saturation_shares.get(name), snr_db.get(name),
            ))
    return tuple(entries)


def make_report(
    graph: QuantizedGraph, config: Config, placements: Mapping[str, Placement],
    ops: Mapping[str, str], costs: Mapping[str, StreamCosts], snr_db: Mapping[str, float],
    saturation_shares: Mapping[str, float], deviations: Mapping[str, tuple[int, float]],
    images: int,
    **whole: Any,
) -> CompileReport:
    """Return the report of a network.

    Parameters
    ----------
    ops
        The kind of each node of the folded graph.
    costs
        Costs of the streams, by node.
    snr_db, saturation_shares
        Signal-to-noise ratio and share of saturated values, by activation.
    deviations
        From a pre-quantized model, by node (:func:`~.import_qdq.deviations`).
    images
        Of a run.
    """
    repeats = images // graph.images
    rows: list[NodeReport] = []
    for node in graph.nodes:
        if node.on_host:
            rows += [
                NodeReport(name, ops[name], "host", placements[name].reason)
                for name in node.attrs.members
            ]
        else:
            rows.append(node_report(
                node, placements.get(node.name, _INSERTED), graph, config, costs, snr_db,
                saturation_shares,
                deviations, repeats,
            ))
    return CompileReport(
        name=graph.name, config=config.name, images=images, nodes=tuple(rows),
        entries=_entries(graph, snr_db, saturation_shares), **whole,
    )


def network_remarks(
    network: PackedNetwork, fused_into: Mapping[str, str], costs: Mapping[str, StreamCosts]
) -> dict[str, list[str]]:
    """Return the effects of packing, grouping and fusion on single nodes, by node name.

    ``fused_into``: the convolution that computes a layer, by the name of the layer; ``costs``: of
    the streams, by node.
    """
    unpacked = {item.packed: item.packing for item in network.outputs.values()}
    remarks = {
        name: [f"computed in {into}"]
        for name, into in network.tables.items()}
    for node in network.graph.nodes:
        listed = remarks.setdefault(node.name, [])
        attrs = node.attrs
        if isinstance(attrs, (ConvAttributes, TransposedAttributes)) and attrs.group > 1:
            windows = node.name in costs and costs[node.name].dwc_steps
            way = "windows of DWC" if windows else "block-diagonal weight tiles"
            listed.append(f"{attrs.group} groups as {way}")
        for name in network.inputs.keys() & set(node.inputs):
            ty, tx = network.inputs[name].packing.taps
            listed.append(f"{ty} x {tx} taps packed into the lanes of a tile by the host")
        if node.name in fused_into:
            listed.append(f"computed in {fused_into[node.name]}")
        for name in unpacked.keys() & set(node.outputs):
            by, bx = unpacked[name].block
            listed.append(f"{by} x {bx} outputs in the lanes of a tile, unpacked by the host")
    return remarks
