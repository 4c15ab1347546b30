"""From a quantized network to a program: memory, launches, and the host steps between them.

Names in the program: a float tensor keeps its name, its integers are ``NAME.q``
(:func:`integer_name`).  Integers lie as [N, C, H, W] in INP tiles, so what the accelerator stores
is what it loads again; a dense vector is [N, F]; a Flatten shares the memory of what it flattens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import lcm

import numpy as np

from ..driver import OutOfMemoryError, ProgramBuilder, ProgramError
from ..driver.layout import pack_tiles
from ..driver.program import Program, Tensor
from ..isa.config import Config
from ..isa.opcodes import MemoryType
from .conv_schedule import ScheduleOptions
from .errors import CompileError
from .joining import Joined, joined
from .lower_average import lower_average_pool
from .lower_conv import lower_conv
from .lower_elementwise import (
    lower_add,
    lower_affine,
    lower_clip,
    lower_concat,
    lower_leaky,
    lower_relu,
    lower_slice,
)
from .lower_global_average import lower_global_average
from .lower_pool import lower_max_pool
from .lower_scaled import lower_scaled_add
from .lower_spatial import lower_pad, lower_resize
from .lowering import Activation, Lowering
from .packing import pack_inputs
from .quantized import QuantizedGraph, QuantizedNode
from .report import StreamCosts, stream_costs
from .spreading import spread_outputs
from .views import ALIASES, View, last_view, own_view, views

__all__ = ["Assembler", "capacity", "integer_name"]

LOWERINGS = {
    "Conv": lower_conv, "ConvTranspose": lower_conv, "Gemm": lower_conv,
    "Add": lower_add, "Affine": lower_affine, "Relu": lower_relu, "Clip": lower_clip,
    "LeakyRelu": lower_leaky, "Concat": lower_concat, "Slice": lower_slice,
    "MaxPool": lower_max_pool, "AveragePool": lower_average_pool,
    "GlobalAveragePool": lower_global_average, "Pad": lower_pad, "Resize": lower_resize,
    "ScaledAdd": lower_scaled_add,
}


def integer_name(name: str) -> str:
    """Return what the integers of an activation are called in a program."""
    return f"{name}.q"


def capacity(graph: QuantizedGraph, config: Config) -> int:
    """Return how many images a program takes at a time: whole tiles, whole network batches."""
    return lcm(graph.images, config.batch)


class Assembler:
    """Builds the program of a quantized network.

    Parameters
    ----------
    graph, config
        The network and what it is for.
    reasons
        Why each node that is on the host is there, by node name.
    limit : int
        Bytes of device memory it may take.
    per_layer : bool
        A launch for each layer, so that each can be run and counted alone; else neighbouring layers
        share one and overlap.
    schedule : ScheduleOptions
        How schedules are chosen.
    """

    def __init__(
        self, graph: QuantizedGraph, config: Config, reasons: Mapping[str, str],
        limit: int = 64 << 20, *, per_layer: bool = False, schedule: ScheduleOptions | None = None,
    ):
        self.config, self.reasons = config, reasons
        packed, self.packed = pack_inputs(graph, config)
        self.graph, self.spread = spread_outputs(packed, config)
        self.lanes = {*self.packed, *(spread.packed for spread in self.spread.values())}
        self.per_layer = per_layer
        self.schedule = schedule or ScheduleOptions()
        self.builder = ProgramBuilder(graph.name, config, limit)
        self.images = capacity(graph, config)
        self.views = views(self.graph.nodes, self.graph.tensors)
        self.activations: dict[str, Activation] = {}
        self.costs: dict[str, StreamCosts] = {}
        self.inside: dict[str, str] = {}  # layers computed in a convolution
        self.present: set[str] = set()  # tensors of the program that a step has made
        self.origins: dict[str, str] = {}  # views without a launch, and what they are views of

    def build(self, info: dict[str, object]) -> Program:
        """Return the program.

        Raises
        ------
        CompileError
            It does not fit the memory, or the accelerator's buffers.
        """
        self._check()
        try:
            self._place()
            waiting: list[QuantizedNode] = []
            for node in self.graph.nodes:
                if node.op == "Host":
                    self._launch(waiting)
                    waiting = []
                    self._host(node)
                    continue
                if self.per_layer and node.op not in ALIASES:
                    self._launch(waiting)
                    waiting = []
                waiting.append(node)
            self._launch(waiting)
            for name in self.graph.outputs:
                self._real(name)
            return self.builder.build(self.graph.inputs, self.graph.outputs, info=info)
        except OutOfMemoryError as error:
            raise CompileError(
                f"{self.graph.name}: {error}: give the target and the compiler more memory"
            ) from None
        except ProgramError as error:
            raise CompileError(f"{self.graph.name}: {error}") from None

    def _check(self) -> None:
        problems = [
            f"output {name!r} is a constant: it does not depend on the input"
            for name in self.graph.constants
        ]
        if self.images != self.graph.images:
            problems += [
                f"host tensor {name!r} {list(t.shape)} has no dimension of images: compile for a "
                f"batch of {self.images}, --shape {self.graph.inputs[0]}={self.images},..."
                for name, t in self.graph.tensors.items() if t.shape[:1] != (self.graph.images,)
            ]
        if problems:
            raise CompileError(*problems)

    # -- memory ----------------------------------------------------------------------------------
    def _place(self) -> None:
        makers = {name: node for node in self.graph.nodes for name in node.outputs}
        for name, tensor in self.graph.tensors.items():
            maker = makers.get(name)
            if name in self.spread:
                self.builder.add(Tensor(
                    name=integer_name(name), shape=(self.images, *tensor.shape[1:]),
                    scale=(tensor.scale,), zero_point=tensor.zero_point,
                ))
            elif tensor.exponent is not None:
                shared = None
                if maker is not None and maker.op in ALIASES:
                    shared = self.builder.tensors[integer_name(maker.inputs[0])].offset
                self._integers(name, self.views[name], shared, maker)
        for name in self.graph.inputs:
            self._float_tensor(name)
            self.present.add(name)

    def _integers(
        self, name: str, view: View, offset: int | None, maker: QuantizedNode | None
    ) -> None:
        tensor = self.graph.tensors[name]
        own = self.graph.tensors[name].shape
        shape = (self.images, *(own[1:] if own_view(own) == view else view))
        if self._turned(name):
            shape = (self.images, own[2], own[1])
        placed = self.builder.tensor(
            self._program_name(name), shape, MemoryType.INP, offset=offset, scale=(tensor.scale,),
            zero_point=tensor.zero_point, layer=maker.name if maker else "",
        )
        assert placed.offset is not None
        self.activations[name] = Activation(
            placed.offset // self.config.tile_bytes(MemoryType.INP),
            self.images // self.config.batch, -(-view[0] // self.config.block_in), view,
        )

    def _turned(self, name: str) -> bool:
        """Whether a tensor ``[N, T, K]`` has its last axis as channels in memory."""
        shape = self.graph.tensors[name].shape
        if len(shape) != 3:
            return False
        return self.views[name] != own_view(shape) and self.views[name] == last_view(shape)

    @property
    def remarks(self) -> dict[str, str]:
        """What was done to single nodes, by node name."""
        found: dict[str, str] = {}
        for node in self.graph.nodes:
            if node.attrs.get("group", 1) > 1:
                found[node.name] = f"{node.attrs['group']} groups as block-diagonal weight tiles"
            for name in self.packed.keys() & set(node.inputs):
                ty, tx = self.packed[name].packing.taps
                found[node.name] = f"{ty} x {tx} taps packed into the lanes of a tile by the host"
            if node.name in self.inside:
                found[node.name] = f"computed in {self.inside[node.name]}"
            for spread in self.spread.values():
                if spread.packed in node.outputs:
                    by, bx = spread.spreading.block
                    found[node.name] = "; ".join((
                        *([found[node.name]] if node.name in found else []),
                        f"{by} x {bx} outputs in the lanes of a tile, spread by the host",
                    ))
        return found

    def _program_name(self, name: str) -> str:
        """Return what the integers of a tensor are called in the program."""
        return name if name in self.lanes else integer_name(name)

    def _float_tensor(self, name: str) -> None:
        tensor = self.graph.tensors[name]
        if name not in self.builder.tensors:
            shape = (self.images, *tensor.shape[1:]) if tensor.shape else ()
            self.builder.add(Tensor(name=name, shape=shape, dtype=tensor.dtype))

    def _constant(self, name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        data = pack_tiles(tiles, memory_type, self.config)
        return self.builder.constant(name, data) // self.config.tile_bytes(memory_type)

    # -- steps -----------------------------------------------------------------------------------
    def _launch(self, nodes: list[QuantizedNode]) -> None:
        """Lower neighbouring accelerator nodes into one launch."""
        made = {name for node in nodes for name in node.outputs}
        needed = dict.fromkeys(n for node in nodes for n in node.inputs if n not in made)
        for name in needed:
            self._integer(name)
        work = [node for node in nodes if node.op not in ALIASES]
        if work:
            low = Lowering(self.config, self.activations, self._constant, self.schedule)
            together = self._together(work)
            inside = {node.name for item in together.values() for node in item.nodes}
            turns = {item.turn(name): name for name, item in together.items()}
            makers = {node.name: node for node in work if node.name in together}
            for node in work:
                if node.name in turns:
                    maker = makers[turns[node.name]]
                    low.begin(maker)
                    lower_conv(
                        low, maker, together[maker.name].residual, together[maker.name].follow)
                elif node.name not in together and node.name not in inside:
                    low.begin(node)
                    LOWERINGS[node.op](low, node)
            on_chip = {name for maker in makers.values()
                       for node in (maker, *together[maker.name].nodes[:-1])
                       for name in node.outputs}
            stream = low.finish()
            self.costs.update(stream_costs(stream))
            first, last = work[0].name, work[-1].name
            label = first if self.per_layer else (
                f"launch {len(self.builder.steps)}: {first} .. {last}")
            self.builder.launch(
                label, stream,
                [self._program_name(self.origins.get(name, name)) for name in needed],
                [self._program_name(name) for node in nodes for name in node.outputs
                 if name not in on_chip],
            )
        else:  # nothing but views: no step writes them
            for node in nodes:
                before = self.origins.get(node.inputs[0], node.inputs[0])
                self.origins |= dict.fromkeys(node.outputs, before)
        self.present.update(self._program_name(name) for name in made)

    def _together(self, work: list[QuantizedNode]) -> dict[str, Joined]:
        """Return what of a launch is computed in convolutions, by their names."""
        uses = Counter(name for node in self.graph.nodes for name in node.inputs)
        uses.update(self.graph.outputs)
        alone = {name for name, count in uses.items() if count == 1}
        found = joined(
            work, alone, self.views, self.activations, self.config, self.schedule,
            lambda low, node: LOWERINGS[node.op](low, node))
        self.inside |= {
            node.name: name for name, item in found.items() for node in item.nodes}
        return found

    def _host(self, node: QuantizedNode) -> None:
        for name in node.inputs:
            self._real(name)
        for name in node.outputs:
            self._float_tensor(name)
        self.builder.host(
            node.name, "onnx", node.inputs, node.outputs, payload=node.model or b"",
            attributes={"images": self.graph.images, "nodes": list(node.members)},
            reason="; ".join(f"{name}: {self.reasons[name]}" for name in node.members),
        )
        self.present.update(node.outputs)

    def _integer(self, name: str) -> None:
        """Have the integers of a float tensor made."""
        if self._program_name(name) in self.present:
            return
        if name in self.packed:
            self._pack(name)
            return
        turned = {"turned": 1} if self._turned(name) else {}
        plain = self.config.inp_width == 8 and not turned
        self.builder.host(
            f"quantize {name}", "quantize" if plain else "quantize_narrow", [name],
            [integer_name(name)], reason="network boundary",
            attributes={} if plain else {"width": self.config.inp_width, **turned},
        )
        self.present.add(integer_name(name))

    def _pack(self, name: str) -> None:
        """Have a packed tensor made of the float tensor it is packed of."""
        source, packing = self.packed[name].source, self.packed[name].packing
        self.builder.host(
            f"pack {source}", "quantize_packed", [source], [name],
            reason="network boundary, taps packed into lanes",
            attributes={"width": self.config.inp_width, **packing.to_json()},
        )
        self.present.add(name)

    def _real(self, name: str) -> None:
        """Have the float values of an accelerator tensor made."""
        if name in self.present:
            return
        self._float_tensor(name)
        if name in self.spread:
            packed, spreading = self.spread[name].packed, self.spread[name].spreading
            self.builder.host(
                f"spread {name}", "spread", [packed], [integer_name(name)],
                reason="network boundary, lanes spread over pixels",
                attributes=spreading.to_json(),
            )
        integers = self.builder.tensors[integer_name(self.origins.get(name, name))]
        turned = {"turned": 1} if self._turned(name) else {}
        same = integers.shape == self.builder.tensors[name].shape and not turned
        self.builder.host(
            f"dequantize {name}", "dequantize" if same else "dequantize_flat", [integers.name],
            [name], reason="network boundary", attributes=turned,
        )
        self.present.add(name)
