"""Invariants of an integer network between its passes: each function yields the broken rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...driver.stream.instruction_stream import InstructionStream
from ...isa.instructions import Finish, Instruction, route
from ...isa.opcodes import MemoryType
from ...isa.token_queues import TOKEN_FLAGS, TokenQueue, queues_popped, queues_pushed
from ..ir.attributes import ConvAttributes
from ..lower.conv.fusion_group import FusionGroup
from ..operators.registry import layer_of
from ..schedule.problem_kinds import fits
from .network_stages import (
    AllocatedNetwork,
    AssembledNetwork,
    FusedNetwork,
    LoweredNetwork,
    PackedModel,
    ScheduledNetwork,
    SynchronizedNetwork,
)
from .passes import BrokenRule
from .verify_graphs import verify_quantized

__all__ = [
    "verify_allocated", "verify_assembled", "verify_fused", "verify_lowered", "verify_packed",
    "verify_scheduled", "verify_synchronized",
]


def verify_packed(packed: PackedModel) -> Iterator[BrokenRule]:
    """Yield broken rules: filters fit the channels of the tensors they read and write."""
    graph, network = packed.graph, packed.network
    yield from verify_quantized(graph, {*network.inputs, *network.outputs})
    for node in graph.nodes:
        attrs = node.attrs
        if not isinstance(attrs, ConvAttributes):
            continue
        source, target = (
            graph.tensors[name].shape[1] for name in (node.inputs[0], node.outputs[0]))
        if attrs.weight.shape[1] * attrs.group != source:
            yield BrokenRule(node.name, f"its filters do not have the {source} channels it reads")
        if len(attrs.weight) != target:
            yield BrokenRule(node.name, f"{len(attrs.weight)} filters for {target} output channels")


def verify_allocated(network: AllocatedNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: activations are inside the memory, and only views share it."""
    memory = network.memory
    size = network.memory.config.tile_bytes(MemoryType.INP)
    shared = {
        node.outputs[0]: node.inputs[0] for node in network.graph.nodes if node.attrs.is_view}
    places = []
    for name, item in memory.activations.items():
        if name in shared:
            if item.dram != memory.activations[shared[name]].dram:
                yield BrokenRule(name, f"a view of {shared[name]!r} at another address")
        else:
            places.append((item.dram * size, (item.dram + item.tiles) * size, name))
    places.sort()
    for (_, end, name), (start, _, other) in zip(places, places[1:], strict=False):
        if start < end:
            yield BrokenRule(name, f"its memory overlaps that of {other!r}")
    for _, end, name in places:
        if end > network.memory.limit:
            yield BrokenRule(name, f"it ends at byte {end} of {network.memory.limit}")


def verify_fused(network: FusedNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: each node is in one operation, and its operands are in memory by then."""
    graph = network.allocated.graph
    counts = Counter(
        node.name for region in network.regions for item in region.operations
        for node in (item.nodes if isinstance(item, FusionGroup) else (item,)))
    device = [node for node in graph.nodes if not (node.attrs.is_view or node.on_host)]
    for node in device:
        if counts[node.name] != 1:
            yield BrokenRule(node.name, f"it is in {counts[node.name]} operations, not in one")
    roots: dict[str, str] = {}
    for node in graph.nodes:
        if node.attrs.is_view:
            roots[node.outputs[0]] = roots.get(node.inputs[0], node.inputs[0])
    missing = {name for node in device for name in node.outputs}
    for region in network.regions:
        for item in region.operations:
            for name in item.inputs:
                if roots.get(name, name) in missing:
                    yield BrokenRule(item.name, f"it reads {name!r} before that is in memory")
            missing.difference_update(
                {item.output} if isinstance(item, FusionGroup) else item.outputs)
    hidden = {name for region in network.regions for name in region.on_chip}
    for name in sorted(hidden.intersection(graph.outputs)):
        yield BrokenRule(name, "an output of the network never leaves the accumulator")


def verify_scheduled(network: ScheduledNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: every operation has a tiling that fits the buffers."""
    memory = network.fused.allocated.memory
    for item in network.fused.operations:
        tiling = network.tilings.get(item.name)
        if tiling is None:
            yield BrokenRule(item.name, "it has no tiling")
            continue
        problem = layer_of(item, memory.activations, memory.config).problem
        if not fits(problem, tiling, memory.config):
            yield BrokenRule(item.name, f"its tiling does not fit the buffers: {tiling}")


def verify_lowered(network: LoweredNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: every operation has instructions, and none has tokens yet."""
    for index, region in enumerate(network.scheduled.fused.regions):
        if not region.operations:
            continue
        stream = network.streams.get(index)
        if stream is None:
            yield BrokenRule(region.nodes[0].name, "its launch has no stream")
            continue
        notes = set(stream.notes)
        for item in region.operations:
            if item.name not in notes:
                yield BrokenRule(item.name, "it has no instructions")
        for instruction, note in zip(stream.instructions, stream.notes, strict=True):
            if not isinstance(instruction, Finish) and _tokens(instruction):
                yield BrokenRule(note, "an instruction has tokens before synchronization")
        yield from _verify_end(stream)


def verify_synchronized(network: SynchronizedNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: every token is pushed once, before the one instruction that pops it."""
    for stream in network.streams.values():
        yield from _verify_end(stream)
        tokens: Counter[TokenQueue] = Counter()
        for instruction, note in zip(stream.instructions, stream.notes, strict=True):
            module = route(instruction)
            for queue in queues_popped(module, instruction):
                tokens[queue] -= 1
                if tokens[queue] < 0:
                    yield BrokenRule(note, f"it pops a token of {queue} that nothing pushed")
            tokens.update(queues_pushed(module, instruction))
        for queue, count in tokens.items():
            if count > 0:
                yield BrokenRule(stream.notes[-1], f"{count} tokens of {queue} are never popped")


def verify_assembled(network: AssembledNetwork) -> Iterator[BrokenRule]:
    """Yield broken rules: the launches are those that were lowered (a Program checks the rest)."""
    streams = list(network.synchronized.streams.values())
    launches = network.program.launches
    if len(launches) != len(streams):
        yield BrokenRule(network.program.name, f"{len(launches)} launches of {len(streams)}")
    for launch, stream in zip(launches, streams, strict=False):
        if network.program.code(launch) != stream.code:
            yield BrokenRule(launch.layer, "its code is not the stream that was synchronized")


def _tokens(instruction: Instruction) -> bool:
    return any(getattr(instruction, flag, 0) for flag in TOKEN_FLAGS)


def _verify_end(stream: InstructionStream) -> Iterator[BrokenRule]:
    if not stream.instructions or not isinstance(stream.instructions[-1], Finish):
        yield BrokenRule(stream.notes[-1] if stream.notes else "", "its stream has no FINISH")
