"""The passes over an integer network: from integers to a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from ...driver import OutOfMemoryError, ProgramError
from ...driver.stream.instruction_stream import InstructionStream
from ..codegen.lowering_context import LoweringContext
from ..codegen.tokens import synchronize
from ..ir.compile_errors import CompileError
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from ..layout.host_steps import HostSteps
from ..layout.memory_plan import TensorMemory
from ..layout.packed_network import pack_network
from ..lower.conv.fusion import fuse_nodes
from ..lower.layer_scheduler import LayerScheduler
from ..operators.registry import EPILOGUE_RULES, layer_of
from .model_passes import CompileRequest, QuantizedModel
from .network_stages import (
    AllocatedNetwork,
    AssembledNetwork,
    FusedNetwork,
    LaunchRegion,
    LoweredNetwork,
    PackedModel,
    ScheduledNetwork,
    SynchronizedNetwork,
)

__all__ = [
    "allocate", "assemble", "fuse", "lower", "pack", "schedule", "synchronize_launches",
]


def pack(model: QuantizedModel, request: CompileRequest) -> PackedModel:
    """Fuse tables, and pack the taps of first layers and the outputs of last layers into lanes."""
    fuse_tables = request.schedule.fuse != "off" and not request.per_layer
    return PackedModel(model, pack_network(
        model.choice.quantized, request.target.config, fuse=fuse_tables))


def allocate(packed: PackedModel, request: CompileRequest) -> AllocatedNetwork:
    """Place every activation in device memory."""
    memory = TensorMemory(packed.network, request.target)
    _check_images(packed.graph, memory.images)
    with _compile_errors(packed.graph.name):
        memory.place()
    return AllocatedNetwork(packed, memory)


def _check_images(graph: QuantizedGraph, images: int) -> None:
    """Raise CompileError unless the network can run whole tiles of images."""
    problems = [
        f"output {name!r} is a constant: it does not depend on the input"
        for name in graph.constants
    ]
    if images != graph.images:
        problems += [
            f"host tensor {name!r} {list(t.shape)} has no dimension of images: compile for a "
            f"batch of {images}, --shape {graph.inputs[0]}={images},..."
            for name, t in graph.tensors.items() if name in graph.alone
        ]
    if problems:
        raise CompileError(*problems)


@contextmanager
def _compile_errors(name: str) -> Iterator[None]:
    """Convert errors of the program's memory to those of the compiler."""
    try:
        yield
    except OutOfMemoryError as error:
        raise CompileError(
            f"{name}: {error}: give the target and the compiler more memory") from None
    except ProgramError as error:
        raise CompileError(f"{name}: {error}") from None


def fuse(allocated: AllocatedNetwork, request: CompileRequest) -> FusedNetwork:
    """Split the network into launches, and fuse layers with the preceding convolution."""
    graph, memory = allocated.graph, allocated.memory
    scheduler = LayerScheduler(request.target, request.schedule, memory.activations)
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    uses.update(graph.outputs)
    private = {name for name, count in uses.items() if count == 1}
    regions = []
    for nodes in _launches(graph, request.per_layer):
        work = [node for node in nodes if not (node.attrs.is_view or node.on_host)]
        operations = fuse_nodes(
            work, private, memory.layouts, scheduler, layer_of, EPILOGUE_RULES)
        regions.append(LaunchRegion(tuple(nodes), tuple(operations)))
    return FusedNetwork(allocated, tuple(regions), scheduler)


def _launches(graph: QuantizedGraph, per_layer: bool) -> Iterator[list[QuantizedNode]]:
    """Yield the nodes of each launch, and each node of the host, in order."""
    waiting: list[QuantizedNode] = []
    for node in graph.nodes:
        if waiting and (node.on_host or (per_layer and not node.attrs.is_view)):
            yield waiting
            waiting = []
        if node.on_host:
            yield [node]
        else:
            waiting.append(node)
    if waiting:
        yield waiting


def schedule(fused: FusedNetwork, request: CompileRequest) -> ScheduledNetwork:
    """Choose the tiling of every operation."""
    activations, config = fused.allocated.memory.activations, request.target.config
    return ScheduledNetwork(fused, {
        item.name: fused.scheduler.choose(layer_of(item, activations, config))
        for item in fused.operations})


def lower(scheduled: ScheduledNetwork, request: CompileRequest) -> LoweredNetwork:
    """Turn the operations of every launch into instructions, and place their constants."""
    memory, streams = scheduled.fused.allocated.memory, {}
    with _compile_errors(memory.graph.name):
        for index, region in enumerate(scheduled.fused.regions):
            if not region.operations:
                continue
            ctx = LoweringContext(request.target.config, memory.activations, memory.constant)
            for item in region.operations:
                layer = layer_of(item, memory.activations, request.target.config)
                emit = layer.place(memory.constant)
                ctx.begin(layer.node)
                emit(ctx, scheduled.tilings[item.name])
            streams[index] = ctx.finish()
    return LoweredNetwork(scheduled, streams)


def synchronize_launches(lowered: LoweredNetwork, request: CompileRequest) -> SynchronizedNetwork:
    """Insert the tokens that order the engines."""
    overlap = request.schedule.overlap
    return SynchronizedNetwork(lowered, {
        index: synchronize(stream, overlap) for index, stream in lowered.streams.items()})


def assemble(network: SynchronizedNetwork, request: CompileRequest) -> AssembledNetwork:
    """Assemble launches, host steps and memory."""
    memory, quantized = network.allocated.memory, network.allocated.packed.quantized
    graph, host = memory.graph, HostSteps(memory, quantized.reasons)
    with _compile_errors(graph.name):
        for index, region in enumerate(network.regions):
            if region.on_host:
                host.evaluate(region.nodes[0])
            elif region.operations:
                _add_launch(memory, host, region, network.streams[index], request.per_layer)
            else:
                _add_views(host, region)
        for name in graph.outputs:
            host.real(name)
        program = memory.builder.build(graph.inputs, graph.outputs, info={
            "source": request.path.name, **quantized.provenance})
    return AssembledNetwork(network, program)


def _needed(host: HostSteps, region: LaunchRegion) -> list[str]:
    """Ensure the integers that a region reads are in memory; return their names."""
    produced = {name for node in region.nodes for name in node.outputs}
    needed = dict.fromkeys(
        name for node in region.nodes for name in node.inputs if name not in produced)
    for name in needed:
        host.integer(name)
    return list(needed)


def _add_views(host: HostSteps, region: LaunchRegion) -> None:
    """Add views that no launch writes."""
    _needed(host, region)
    for node in region.nodes:
        host.view(node)
    host.produced(name for node in region.nodes for name in node.outputs)


def _add_launch(
    memory: TensorMemory, host: HostSteps, region: LaunchRegion, stream: InstructionStream,
    per_layer: bool,
) -> None:
    """Add a launch, and the host steps that write the integers it reads."""
    needed = _needed(host, region)
    work = [node.name for node in region.nodes if not node.attrs.is_view]
    label = work[0] if per_layer else (
        f"launch {len(memory.builder.steps)}: {work[0]} .. {work[-1]}")
    outputs = [name for node in region.nodes for name in node.outputs]
    memory.builder.launch(
        label, stream, [host.source(name) for name in needed],
        [memory.program_name(name) for name in outputs if name not in region.on_chip],
    )
    host.produced(outputs)
