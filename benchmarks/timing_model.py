"""Predicted against measured cycles: every convolution of ResNet-18 and MobileNet-v1.

Each layer alone, as the compiler lowers it for the default configuration, on the RTL under
Verilator, at memory latency 1 and 64 and a memory port of 64 and 128 bits.  The mark is 3 % for
every layer.  ``--network`` chooses others of workloads.csv, ``--quick`` the 64-bit port alone.
"""

from __future__ import annotations

import time
from importlib.metadata import version

import conv_layers
import marks

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.tune.single_layer import isolate
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named
from myvta.model.timing.predict import predict

NETWORKS = ("resnet18", "mobilenet_v1")
WORST = 3.0  # percent
_TITLES = ("layer", "bits", "latency", "instructions", "RTL", "predicted", "error %")


Row = tuple[str, int, int, int, int, int, float]


def table(rows: list[Row]) -> None:
    """Print one row per layer, port width and latency."""
    marks.show_table("cycles of single layers, default configuration", _TITLES, [
        tuple(f"{value:+.2f}" if isinstance(value, float) else str(value) for value in row)
        for row in rows])


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("the timing model against the RTL")
    parser.add_argument("--network", action="append", choices=conv_layers.networks(),
                        help="a network of workloads.csv, may be given several times")
    parser.add_argument("--quick", action="store_true", help="64-bit memory port only")
    options = parser.parse_args()
    rows: list[Row] = []
    seconds, instructions = 0.0, 0
    layers = [
        layer for network in options.network or NETWORKS
        for layer in conv_layers.conv_layers(network)
    ]
    for log_bus in (6,) if options.quick else (6, 7):
        config = named("default").replace(log_bus_width=log_bus)
        target_description = TargetDescription(config)
        streams = [isolate(layer.group, layer.layouts, target_description) for layer in layers]
        for latency in (1, 64):
            url = f"verilator://?config=default&bus={config.bus_width}&latency={latency}"
            with open_target(url) as target:
                for layer, isolated in zip(layers, streams, strict=True):
                    measured, _ = conv_layers.measure(target, isolated.stream, isolated.size)
                    started = time.perf_counter()
                    predicted = predict(
                        isolated.stream.instructions, isolated.stream.uops, config, latency=latency
                    ).cycles
                    seconds += time.perf_counter() - started
                    instructions += len(isolated.stream)
                    error = 100 * (predicted / measured - 1)
                    rows.append((f"{layer.network} {layer.name}", config.bus_width, latency,
                                 len(isolated.stream), measured, predicted, error))
    table(rows)
    print(f"{1e6 * seconds / instructions:.1f} us of prediction per instruction")
    worst = max(abs(row[-1]) for row in rows)
    figures = [dict(zip(_TITLES, row, strict=True)) for row in rows]
    return marks.conclude(
        [marks.Mark("maximum error of a layer", worst, WORST, "%", at_least=False)],
        {"layers": figures}, versions={n: version(n) for n in ("myhdl", "verilator")},
        file=options.json,
    )


if __name__ == "__main__":
    marks.execute(main)
