"""Addresses of the tensors of a program in device memory.

Names in the program: a float tensor keeps its name, its integers are ``NAME.q``
(:func:`integer_name`).  Integers are stored as [N, C, H, W] in INP tiles, which the accelerator
loads without conversion; a dense vector is [N, F]; a Flatten shares its input's memory.
"""

from __future__ import annotations

from math import lcm

import numpy as np

from ...driver import ProgramBuilder
from ...driver.program.program import ProgramTensor
from ...driver.program.tensor_layout import pack_tiles
from ...isa.opcodes import MemoryType
from ..codegen.lowering_context import Activation
from ..ir.layouts import (
    ChannelLayout,
    activation_layouts,
    channels_first_layout,
    channels_last_layout,
)
from ..ir.quantized_graph import QuantizedNode
from ..ir.target_description import TargetDescription
from .packed_network import PackedNetwork

__all__ = ["TensorMemory", "integer_name"]


def integer_name(name: str) -> str:
    """Return the name of an activation's integers in a program."""
    return f"{name}.q"


class TensorMemory:
    """The tensors of a network in a program.

    Attributes
    ----------
    builder
        Builder of the program.
    graph
        The packed network.
    packed_inputs, packed_outputs
        Its packed tensors (:class:`.PackedNetwork`).
    limit
        Bytes of device memory.
    images
        Images of a run: whole tiles, whole network batches.
    layouts
        Channels, rows and columns of tensors.
    activations
        Addresses and sizes of the integers of tensors.
    """

    def __init__(self, network: PackedNetwork, target: TargetDescription):
        self.config = config = target.config
        self.graph = network.graph
        self.packed_inputs, self.packed_outputs = network.inputs, network.outputs
        self.lanes = {
            *self.packed_inputs, *(output.packed for output in self.packed_outputs.values())}
        self.limit = target.memory_bytes
        self.builder = ProgramBuilder(self.graph.name, config, self.limit)
        self.images = lcm(self.graph.images, config.batch)
        self.layouts = activation_layouts(self.graph.nodes, self.graph.tensors)
        self.activations: dict[str, Activation] = {}

    def place(self) -> None:
        """Place every tensor that the accelerator reads or writes (OutOfMemoryError: no room)."""
        makers = {name: node for node in self.graph.nodes for name in node.outputs}
        for name, tensor in self.graph.tensors.items():
            maker = makers.get(name)
            if name in self.packed_outputs:
                self.builder.add(ProgramTensor(
                    name=integer_name(name), shape=(self.images, *tensor.shape[1:]),
                    scale=(tensor.scale,), zero_point=tensor.zero_point,
                ))
            elif tensor.exponent is not None:
                shared = None
                if maker is not None and maker.attrs.is_view:
                    shared = self.builder.tensors[integer_name(maker.inputs[0])].offset
                self._integers(name, self.layouts[name], shared, maker)
        for name in self.graph.inputs:
            self.float_tensor(name)

    def _integers(
        self, name: str, layout: ChannelLayout, offset: int | None, maker: QuantizedNode | None
    ) -> None:
        tensor = self.graph.tensors[name]
        own = self.graph.tensors[name].shape
        shape = (self.images, *(own[1:] if channels_first_layout(own) == layout else layout))
        if self.transposed(name):
            shape = (self.images, own[2], own[1])
        placed = self.builder.tensor(
            self.program_name(name), shape, MemoryType.INP, offset=offset, scale=(tensor.scale,),
            zero_point=tensor.zero_point, layer=maker.name if maker else "",
        )
        assert placed.offset is not None
        self.activations[name] = Activation(
            placed.offset // self.config.tile_bytes(MemoryType.INP),
            self.images // self.config.batch, -(-layout.channels // self.config.block_in), layout,
        )

    def transposed(self, name: str) -> bool:
        """Whether a tensor ``[N, T, K]`` has its last axis as channels in memory."""
        shape = self.graph.tensors[name].shape
        if len(shape) != 3:
            return False
        layout = self.layouts[name]
        return layout != channels_first_layout(shape) and layout == channels_last_layout(shape)

    def program_name(self, name: str) -> str:
        """Return the name of a tensor's integers in the program."""
        return name if name in self.lanes else integer_name(name)

    def float_tensor(self, name: str) -> None:
        """Add a tensor of float values to the program."""
        tensor = self.graph.tensors[name]
        if name not in self.builder.tensors:
            alone = name in self.graph.alone
            shape = tensor.shape if alone else (self.images, *tensor.shape[1:])
            self.builder.add(ProgramTensor(name=name, shape=shape, dtype=tensor.dtype))

    def constant(self, name: str, tiles: np.ndarray, memory_type: MemoryType) -> int:
        """Place constant tiles; return the first tile's number."""
        data = pack_tiles(tiles, memory_type, self.config)
        return self.builder.constant(name, data) // self.config.tile_bytes(memory_type)
