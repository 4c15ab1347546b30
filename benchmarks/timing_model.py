"""Predicted against measured cycles: convolutions, and layers that use the extensions.

Every convolution of ResNet-18 and MobileNet-v1 alone, as the compiler lowers it, and every layer of
:mod:`extension_layers`, on the RTL under Verilator, at memory latency 1 and 64; the convolutions at
memory ports of 64 and 128 bits.  The marks are 0.3 % for a convolution and 1 % for a layer that
uses an extension.  ``--network`` chooses other networks of workloads.csv, ``--quick`` the 64-bit
port alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version

import conv_layers
import marks
from extension_layers import MEMORY, extension_layers

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.tune.single_layer import isolate
from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.target.open_target import open_target
from myvta.isa.config import Config, named
from myvta.isa.instructions import Dwc
from myvta.model.timing.predict import predict

NETWORKS = ("resnet18", "mobilenet_v1")
WORST = 0.3  # percent, of a convolution
WORST_EXTENSION = 1.0  # percent, of a layer that uses an extension
_TITLES = ("layer", "bits", "latency", "instructions", "RTL", "predicted", "error %")

Row = tuple[str, int, int, int, int, int, float]
Layer = tuple[str, InstructionStream, int]
"""Name, stream, and bytes of the memory it addresses."""


@dataclass
class Comparison:
    """Rows of the table, and the time that predictions took."""

    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0
    instructions: int = 0

    def add(self, config: Config, layers: list[Layer]) -> float:
        """Measure layers at both latencies; return the maximum error in percent."""
        first = len(self.rows)
        for latency in (1, 64):
            with open_target(f"verilator://?latency={latency}", config) as target:
                for name, stream, size in layers:
                    measured, _ = conv_layers.measure(target, stream, size)
                    started = time.perf_counter()
                    predicted = predict(
                        stream.instructions, stream.uops, config, latency=latency).cycles
                    self.seconds += time.perf_counter() - started
                    self.instructions += len(stream)
                    self.rows.append((name, config.bus_width, latency, len(stream), measured,
                                      predicted, 100 * (predicted / measured - 1)))
        return max(abs(row[-1]) for row in self.rows[first:])

    def show(self) -> None:
        """Print one row per layer, port width and latency."""
        marks.show_table("cycles of single layers, default configuration", _TITLES, [
            tuple(f"{value:+.2f}" if isinstance(value, float) else str(value) for value in row)
            for row in self.rows])
        print(f"{1e6 * self.seconds / self.instructions:.1f} us of prediction per instruction")


def convolutions(config: Config, networks: list[str]) -> Iterator[Layer]:
    """Yield the convolutions of networks for a configuration."""
    for network in networks:
        for layer in conv_layers.conv_layers(network):
            made = isolate(layer.group, layer.layouts, TargetDescription(config))
            yield f"{network} {layer.name}", made.stream, made.size


def uses_dwc(stream: InstructionStream) -> bool:
    """Return whether a layer is computed by DWC."""
    return any(isinstance(item, Dwc) for item in stream.instructions)


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("the timing model against the RTL")
    parser.add_argument("--network", action="append", choices=conv_layers.networks(),
                        help="a network of workloads.csv, may be given several times")
    parser.add_argument("--quick", action="store_true", help="64-bit memory port only")
    options = parser.parse_args()
    default = named("default")
    comparison, errors, of_extensions = Comparison(), [], []
    for log_bus in (6,) if options.quick else (6, 7):
        config = default.replace(log_bus_width=log_bus)
        layers = list(convolutions(config, options.network or list(NETWORKS)))
        depthwise = [layer for layer in layers if uses_dwc(layer[1])]
        errors.append(comparison.add(
            config, [layer for layer in layers if not uses_dwc(layer[1])]))
        if depthwise:
            of_extensions.append(comparison.add(config, depthwise))
    of_extensions.append(comparison.add(
        default, [(layer.name, layer.stream, MEMORY) for layer in extension_layers(default)]))
    comparison.show()
    figures = [dict(zip(_TITLES, row, strict=True)) for row in comparison.rows]
    return marks.conclude(
        [marks.Mark("maximum error of a convolution", max(errors), WORST, "%", at_least=False),
         marks.Mark("maximum error of a layer with an extension", max(of_extensions),
                    WORST_EXTENSION, "%", at_least=False)],
        {"layers": figures}, versions={n: version(n) for n in ("myhdl", "verilator")},
        file=options.json,
    )


if __name__ == "__main__":
    marks.execute(main)
