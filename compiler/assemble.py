"""From a quantized network to a program: memory, launches, and the host steps between them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..driver import OutOfMemoryError, ProgramError
from ..driver.program.program import Program
from ..isa.config import Config
from .codegen.lowering_context import Lowering
from .codegen.stream_costs import StreamCosts, stream_costs
from .ir.compile_errors import CompileError
from .ir.layouts import ALIASES
from .ir.quantized_graph import QuantizedGraph, QuantizedNode
from .layout.host_steps import HostSteps
from .layout.memory_plan import TensorMemory
from .lower.conv.conv import lower_conv
from .lower.conv.fusion import Joined, joined
from .operators.registry import lower_node
from .schedule.select_tiling import ScheduleOptions

__all__ = ["Assembler"]


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
        self.config, self.per_layer = config, per_layer
        self.schedule = schedule or ScheduleOptions()
        self.memory = TensorMemory(graph, config, limit)
        self.graph, self.builder = self.memory.graph, self.memory.builder
        self.host = HostSteps(self.memory, reasons)
        self.costs: dict[str, StreamCosts] = {}
        self.inside: dict[str, str] = {}  # layers computed in a convolution

    @property
    def images(self) -> int:
        """Images of a run."""
        return self.memory.images

    def build(self, info: dict[str, object]) -> Program:
        """Return the program.

        Raises
        ------
        CompileError
            It does not fit the memory, or the accelerator's buffers.
        """
        self._check()
        try:
            self.memory.place()
            waiting: list[QuantizedNode] = []
            for node in self.graph.nodes:
                if node.op == "Host":
                    self._launch(waiting)
                    waiting = []
                    self.host.evaluate(node)
                    continue
                if self.per_layer and node.op not in ALIASES:
                    self._launch(waiting)
                    waiting = []
                waiting.append(node)
            self._launch(waiting)
            for name in self.graph.outputs:
                self.host.real(name)
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
                for name, t in self.graph.tensors.items() if name in self.graph.alone
            ]
        if problems:
            raise CompileError(*problems)

    @property
    def remarks(self) -> dict[str, str]:
        """What was done to single nodes, by node name."""
        found: dict[str, str] = {}
        for node in self.graph.nodes:
            if node.attrs.get("group", 1) > 1:
                found[node.name] = f"{node.attrs['group']} groups as block-diagonal weight tiles"
            for name in self.memory.packed.keys() & set(node.inputs):
                ty, tx = self.memory.packed[name].packing.taps
                found[node.name] = f"{ty} x {tx} taps packed into the lanes of a tile by the host"
            if node.name in self.inside:
                found[node.name] = f"computed in {self.inside[node.name]}"
            for spread in self.memory.spread.values():
                if spread.packed in node.outputs:
                    by, bx = spread.spreading.block
                    found[node.name] = "; ".join((
                        *([found[node.name]] if node.name in found else []),
                        f"{by} x {bx} outputs in the lanes of a tile, spread by the host",
                    ))
        return found

    def _launch(self, nodes: list[QuantizedNode]) -> None:
        """Lower neighbouring accelerator nodes into one launch."""
        made = {name for node in nodes for name in node.outputs}
        needed = dict.fromkeys(n for node in nodes for n in node.inputs if n not in made)
        for name in needed:
            self.host.integer(name)
        work = [node for node in nodes if node.op not in ALIASES]
        if work:
            low = Lowering(
                self.config, self.memory.activations, self.memory.constant, self.schedule)
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
                    lower_node(low, node)
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
                [self.host.source(name) for name in needed],
                [self.memory.program_name(name) for node in nodes for name in node.outputs
                 if name not in on_chip],
            )
        else:  # nothing but views: no step writes them
            for node in nodes:
                self.host.view(node)
        self.host.made(made)

    def _together(self, work: list[QuantizedNode]) -> dict[str, Joined]:
        """Return what of a launch is computed in convolutions, by their names."""
        uses = Counter(name for node in self.graph.nodes for name in node.inputs)
        uses.update(self.graph.outputs)
        alone = {name for name, count in uses.items() if count == 1}
        found = joined(
            work, alone, self.memory.views, self.memory.activations, self.config, self.schedule,
            lower_node)
        self.inside |= {
            node.name: name for name, item in found.items() for node in item.nodes}
        return found
