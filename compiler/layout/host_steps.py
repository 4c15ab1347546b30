"""The host's part of a program: its nodes, and conversions between values and integers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..ir.attributes import HostAttributes
from ..ir.quantized_graph import QuantizedNode
from .memory_plan import TensorMemory, integer_name

__all__ = ["HostSteps"]


class HostSteps:
    """Adds host steps to a program, each tensor produced once.

    Parameters
    ----------
    memory
        The tensors of the program.
    reasons
        The reason of each node on the host, by node name.
    """

    def __init__(self, memory: TensorMemory, reasons: Mapping[str, str]):
        self.memory, self.reasons = memory, reasons
        self.builder, self.config = memory.builder, memory.config
        self.present = set(memory.graph.inputs)  # tensors of the program that a step produces
        self.origins: dict[str, str] = {}  # views without a launch, and their sources

    def source(self, name: str) -> str:
        """Return the tensor of the program that holds the integers of a view's source."""
        return self.memory.program_name(self.origins.get(name, name))

    def view(self, node: QuantizedNode) -> None:
        """Register a view that no step writes."""
        before = self.origins.get(node.inputs[0], node.inputs[0])
        self.origins |= dict.fromkeys(node.outputs, before)

    def produced(self, names: Iterable[str]) -> None:
        """Register tensors whose integers a launch produces."""
        self.present.update(self.memory.program_name(name) for name in names)

    def evaluate(self, node: QuantizedNode[HostAttributes]) -> None:
        """Add a step for neighbouring nodes of the host."""
        for name in node.inputs:
            self.real(name)
        for name in node.outputs:
            self.memory.float_tensor(name)
        payload, members = node.attrs.payload, node.attrs.members
        self.builder.host(
            node.name, payload.front_end, node.inputs, node.outputs, payload=payload.data,
            attributes={"images": self.memory.graph.images, "nodes": list(members)},
            reason="; ".join(f"{name}: {self.reasons[name]}" for name in members),
        )
        self.present.update(node.outputs)

    def integer(self, name: str) -> None:
        """Add a step that produces the integers of a float tensor."""
        if self.memory.program_name(name) in self.present:
            return
        if name in self.memory.packed_inputs:
            self._pack(name)
            return
        transposed = {"transposed": 1} if self.memory.transposed(name) else {}
        plain = self.config.inp_width == 8 and not transposed
        self.builder.host(
            f"quantize {name}", "quantize" if plain else "quantize_narrow", [name],
            [integer_name(name)], reason="network boundary",
            attributes={} if plain else {"width": self.config.inp_width, **transposed},
        )
        self.present.add(integer_name(name))

    def _pack(self, name: str) -> None:
        """Add a step that produces a packed tensor from its float source."""
        packed = self.memory.packed_inputs[name]
        self.builder.host(
            f"pack {packed.source}", "quantize_packed", [packed.source], [name],
            reason="network boundary, taps packed into lanes",
            attributes={"width": self.config.inp_width, **packed.packing.to_json()},
        )
        self.present.add(name)

    def real(self, name: str) -> None:
        """Add a step that produces the float values of an accelerator tensor."""
        if name in self.present:
            return
        self.memory.float_tensor(name)
        if name in self.memory.packed_outputs:
            output = self.memory.packed_outputs[name]
            self.builder.host(
                f"unpack {name}", "unpack", [output.packed], [integer_name(name)],
                reason="network boundary, lanes unpacked into pixels",
                attributes=output.packing.to_json(),
            )
        integers = self.builder.tensors[integer_name(self.origins.get(name, name))]
        transposed = {"transposed": 1} if self.memory.transposed(name) else {}
        same = integers.shape == self.builder.tensors[name].shape and not transposed
        self.builder.host(
            f"dequantize {name}", "dequantize" if same else "dequantize_flat", [integers.name],
            [name], reason="network boundary", attributes=transposed,
        )
        self.present.add(name)
