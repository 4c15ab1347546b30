"""Where the tensors of a program lie.

Names in the program: a float tensor keeps its name, its integers are ``NAME.q``
(:func:`integer_name`).  Integers lie as [N, C, H, W] in INP tiles, so what the accelerator stores
is what it loads again; a dense vector is [N, F]; a Flatten shares the memory of what it flattens.
"""

from __future__ import annotations

from math import lcm

import numpy as np

from ...driver import ProgramBuilder
from ...driver.program.program import Tensor
from ...driver.program.tensor_layout import pack_tiles
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation
from ..ir.layouts import View, last_view, own_view, views
from ..ir.quantized_graph import QuantizedNode
from ..ir.target_description import TargetDescription
from .packed_network import PackedNetwork

__all__ = ["TensorMemory", "integer_name"]


def integer_name(name: str) -> str:
    """Return what the integers of an activation are called in a program."""
    return f"{name}.q"


class TensorMemory:
    """The tensors of a network in a program.

    Attributes
    ----------
    builder
        Of the program.
    graph
        The packed network.
    packed, spread
        Its packed tensors (:class:`.PackedNetwork`).
    limit
        Bytes of device memory.
    images
        Of a run: whole tiles, whole network batches.
    views
        How tensors lie.
    activations
        Where the integers of tensors lie.
    """

    def __init__(self, network: PackedNetwork, target: TargetDescription):
        self.config = config = target.config
        self.graph, self.packed, self.spread = network.graph, network.inputs, network.outputs
        self.lanes = {*self.packed, *(spread.packed for spread in self.spread.values())}
        self.limit = target.memory_bytes
        self.builder = ProgramBuilder(self.graph.name, config, self.limit)
        self.images = lcm(self.graph.images, config.batch)
        self.views = views(self.graph.nodes, self.graph.tensors)
        self.activations: dict[str, Activation] = {}

    def place(self) -> None:
        """Place every tensor that the accelerator reads or makes (OutOfMemoryError: no room)."""
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
                if maker is not None and maker.attrs.is_view:
                    shared = self.builder.tensors[integer_name(maker.inputs[0])].offset
                self._integers(name, self.views[name], shared, maker)
        for name in self.graph.inputs:
            self.float_tensor(name)

    def _integers(
        self, name: str, view: View, offset: int | None, maker: QuantizedNode | None
    ) -> None:
        tensor = self.graph.tensors[name]
        own = self.graph.tensors[name].shape
        shape = (self.images, *(own[1:] if own_view(own) == view else view))
        if self.turned(name):
            shape = (self.images, own[2], own[1])
        placed = self.builder.tensor(
            self.program_name(name), shape, MemoryType.INP, offset=offset, scale=(tensor.scale,),
            zero_point=tensor.zero_point, layer=maker.name if maker else "",
        )
        assert placed.offset is not None
        self.activations[name] = Activation(
            placed.offset // self.config.tile_bytes(MemoryType.INP),
            self.images // self.config.batch, -(-view[0] // self.config.block_in), view,
        )

    def turned(self, name: str) -> bool:
        """Whether a tensor ``[N, T, K]`` has its last axis as channels in memory."""
        shape = self.graph.tensors[name].shape
        if len(shape) != 3:
            return False
        return self.views[name] != own_view(shape) and self.views[name] == last_view(shape)

    def program_name(self, name: str) -> str:
        """Return what the integers of a tensor are called in the program."""
        return name if name in self.lanes else integer_name(name)

    def float_tensor(self, name: str) -> None:
        """Have a tensor of float values in the program."""
        tensor = self.graph.tensors[name]
        if name not in self.builder.tensors:
            alone = name in self.graph.alone
            shape = tensor.shape if alone else (self.images, *tensor.shape[1:])
            self.builder.add(Tensor(name=name, shape=shape, dtype=tensor.dtype))

    def constant(self, name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        """Place constant tiles; return the first tile's number."""
        data = pack_tiles(tiles, memory_type, self.config)
        return self.builder.constant(name, data) // self.config.tile_bytes(memory_type)
