"""Schedules of ResNet-18 C2..C11 on the RTL: cycles and DRAM bytes against the marks.

Each convolution runs alone, as the compiler schedules it, on the RTL under Verilator with a 64-bit
memory port at latency 1 and 64; sums count a layer as often as the network has it.  The default
configuration has both extensions, ``base`` has none.  Each layer also runs without latency hiding
(one engine at a time), which must be slower.  ``--dataflows`` compares forced dataflows by the
timing model.
"""

from __future__ import annotations

from importlib.metadata import version

import conv_layers
import marks

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.schedule.conv_problem import DATAFLOWS
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.tune.single_layer import Isolated, isolate
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store
from myvta.isa.opcodes import MemoryType
from myvta.model.timing.predict import predict

MARKS = {("default", 1): 6.97e6, ("default", 64): 7.13e6, ("base", 1): 7.35e6, ("base", 64): 7.5e6}
BYTES = 18e6
_TITLES = ("layer", "count", "ideal", "latency 1", "latency 64", "base 1", "base 64",
           "no hiding 1", "no hiding 64", "MB", "compulsory")
_SPLIT = _TITLES.index("no hiding 1")


def moved(isolated: Isolated) -> int:
    """Return the bytes that LOADs and STOREs move."""
    config = isolated.stream.config
    return sum(
        item.x_size * item.y_size * config.tile_bytes(MemoryType(item.memory_type))
        for item in isolated.stream.instructions if isinstance(item, (Load, Store))
    )


def lowered(
    layer: conv_layers.ConvLayer, config_name: str, options: ScheduleOptions | None = None
) -> Isolated:
    """Return a layer's stream."""
    return isolate(
        layer.group, layer.layouts, TargetDescription(named(config_name)), options=options)


def dataflows(layers: list[conv_layers.ConvLayer]) -> None:
    """Print the cost of each dataflow."""
    rows = []
    for layer in layers:
        cells = []
        for dataflow in (*DATAFLOWS, None):
            isolated = lowered(layer, "default", ScheduleOptions(dataflow))
            cycles = predict(
                isolated.stream.instructions, isolated.stream.uops, isolated.stream.config,
                latency=64).cycles
            cells.append(f"{cycles} {moved(isolated) / 1e6:.2f}")
        rows.append((layer.name, *cells))
    marks.show_table(
        "predicted cycles at latency 64, and MB, by dataflow", ("layer", *DATAFLOWS, "chosen"),
        rows)


def table(
    layers: list[conv_layers.ConvLayer], streams: dict[str, list[Isolated]],
    cycles: dict[tuple[str, int], list[int]],
) -> None:
    """Print measured cycles by configuration and latency, and bytes, a row for each layer."""
    rows = []
    for number, layer in enumerate(layers):
        columns = [cycles[name, latency][number] for name in streams for latency in (1, 64)]
        output = layer.layouts["y"]
        steps = layer.node.attrs.weight.size * output.rows * output.columns // 256
        rows.append((
            layer.name, str(layer.count), str(steps), *map(str, columns),
            f"{moved(streams['default'][number]) / 1e6:.3f}",
            f"{layer.compulsory_bytes / 1e6:.3f}"))
    marks.show_table("cycles, 64-bit memory port", _TITLES, rows, split=_SPLIT)


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("schedules of ResNet-18 C2..C11 on the RTL")
    parser.add_argument("--dataflows", action="store_true", help="compare forced dataflows too")
    options = parser.parse_args()
    layers = conv_layers.conv_layers("resnet18")[1:]
    serial = ScheduleOptions(overlap=False)
    streams = {
        "default": [lowered(layer, "default") for layer in layers],
        "base": [lowered(layer, "base") for layer in layers],
        "off": [lowered(layer, "default", serial) for layer in layers],
    }
    cycles: dict[tuple[str, int], list[int]] = {}
    for name, latency in [(name, latency) for name in streams for latency in (1, 64)]:
        config = "base" if name == "base" else "default"
        with open_target(f"verilator://?config={config}&latency={latency}") as target:
            cycles[name, latency] = [
                conv_layers.measure(target, isolated.stream, isolated.size)[0]
                for isolated in streams[name]]
    table(layers, streams, cycles)
    if options.dataflows:
        dataflows(layers)
    compared = [
        marks.Mark(
            f"C2..C11, {name}, latency {latency}",
            sum(layer.count * n for layer, n in zip(layers, cycles[name, latency], strict=True)),
            mark, "cycles", at_least=False)
        for (name, latency), mark in MARKS.items()
    ]
    total = sum(
        layer.count * moved(isolated)
        for layer, isolated in zip(layers, streams["default"], strict=True))
    compared.append(marks.Mark("C2..C11, DRAM bytes", total, BYTES, "bytes", at_least=False))
    for latency in (1, 64):
        pairs = zip(cycles["off", latency], cycles["default", latency], strict=True)
        compared.append(marks.Mark(
            f"minimum gain of a layer from latency hiding, latency {latency}",
            min(off / on for off, on in pairs), 1.0, "x"))
    figures = {f"{name} {latency}": values for (name, latency), values in cycles.items()}
    return marks.conclude(
        compared, {"layers": [layer.name for layer in layers], **figures},
        versions={n: version(n) for n in ("myhdl", "verilator")}, file=options.json)


if __name__ == "__main__":
    marks.execute(main)
