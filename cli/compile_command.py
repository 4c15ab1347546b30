"""`myvta compile`: an ONNX network to a bundle that any target of its configuration runs."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from ..compiler.compile import compile_model
from ..compiler.quantize.activation_scales import METHODS
from ..compiler.quantize.output_comparison import OutputComparison
from ..compiler.quantize.quantization_search import AUTO, EQUALIZE
from ..compiler.quantize.weight_scales import SCALES
from ..compiler.report import CompileReport, EntryReport, NodeReport
from ..compiler.schedule.conv_problem import ORDERS
from ..compiler.schedule.select_tiling import FUSE, ScheduleOptions
from ..compiler.schedule.tuned_schedules import read_tuned
from ..driver.program.bundle import write_bundle
from ..isa.config import load_config
from .input_errors import InputError

__all__ = ["command"]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def parse_shapes(texts: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Return sizes by input name from ``NAME=1,1,8,8`` texts; InputError for anything else."""
    shapes = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        if not name or not re.fullmatch(r"\d+(,\d+)*", sizes):
            raise InputError(f"--shape {text}: give it as NAME=1,1,8,8")
        shapes[name] = tuple(int(size) for size in sizes.split(","))
    return shapes


def parse_bytes(text: str) -> int:
    """Return a number of bytes from digits and an optional K, M or G; InputError else."""
    found = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if not found:
        raise InputError(f"--memory {text}: give it as a number of bytes, 64M or 1G")
    return int(found[1]) * _UNITS[found[2]]


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--calib", type=click.Path(path_type=Path), required=True, metavar="DATA.npz",
              help="Representative inputs: one array per input, [images, ...].")
@click.option("--config", "config_name", metavar="NAME", default="default", show_default=True,
              help="A named configuration or a vta_config.json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="NET.vta",
              help="The bundle; default: the model's name, in this folder.")
@click.option("--shape", "shapes", multiple=True, metavar="NAME=1,1,8,8",
              help="Sizes of an input whose shape is dynamic; may be given several times.")
@click.option("--calibration", type=click.Choice((AUTO, *METHODS)), default=AUTO,
              show_default=True, help="How scales of activations are chosen; auto: all are tried, "
              "the one that errs least on the calibration data stays.")
@click.option("--scales", type=click.Choice(SCALES), default=SCALES[0], show_default=True,
              help="Scales of weights: one for each output channel, or a power of two a tensor.")
@click.option("--equalize", type=click.Choice(EQUALIZE), default=AUTO, show_default=True,
              help="Equalize channels across layers; auto: where that errs less.")
@click.option("--memory", default="64M", show_default=True, metavar="BYTES",
              help="Device memory the network may take.")
@click.option("--compare", is_flag=True,
              help="Print float outputs against the integer network's, on calibration images.")
@click.option("--per-layer", is_flag=True,
              help="A launch for each layer, to run and count each alone; they do not overlap.")
@click.option("--order", type=click.Choice(ORDERS),
              help="What stays on chip in convolutions, where they have such a schedule; default: "
              "whatever is best for each.")
@click.option("--no-latency-hiding", "serial", is_flag=True,
              help="One engine at a time, to compare: loads, steps and stores do not overlap.")
@click.option("--fuse", type=click.Choice(FUSE), default=FUSE[0], show_default=True,
              help="Compute an Add, a pooling, a LeakyRelu in the convolution ahead of it: where "
              "that is no slower, wherever it fits, or never.")
@click.option("--tuned", type=click.Path(path_type=Path), metavar="TUNED.json",
              help="Schedules that `myvta tune` found for this configuration.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    model: Path, calib: Path, config_name: str, output: Path | None, shapes: tuple[str, ...],
    calibration: str, scales: str, equalize: str, memory: str,
    compare: bool, per_layer: bool, order: str | None, serial: bool,
    fuse: str, tuned: Path | None, as_json: bool,
) -> None:
    """Compile an ONNX MODEL: quantize it, place every node, write the bundle."""
    config = load_config(config_name)
    found = read_tuned(tuned, config) if tuned else {}
    schedule = ScheduleOptions(order, not serial, found, fuse)
    compiled = compile_model(
        model, calib, config, shapes=parse_shapes(shapes), method=calibration,
        scales=scales, equalize=equalize, memory=parse_bytes(memory),
        per_layer=per_layer, schedule=schedule,
    )
    path = write_bundle(compiled.program, output or Path(f"{model.stem}.vta"))
    if as_json:
        data = {"output": str(path), **compiled.report.to_json()}
        if compare:
            data["compared"] = [output.to_json() for output in compiled.compared]
        click.echo(json.dumps(data, indent=2))
    else:
        show(compiled.report, Console())
        if compare:
            show_comparison(compiled.compared, Console())
        click.echo(f"wrote {path}: {path.stat().st_size} bytes")


def show(report: CompileReport, console: Console) -> None:
    """Print a row for each input and node, and why nodes run on the host.

    What the host quantizes for the device, inputs and results of host nodes, comes first.
    GEMM, ideal and ALU are steps: cycles at best.  Ideal is what the network's own products need
    with every multiplier busy; bytes are those moved between memory and scratchpads.  Clipped is
    the share of a node's float outputs beyond its scale, SNR how near the integers are to them,
    errors of the nodes before included.
    """
    table = Table(box=None, pad_edge=False)
    for title in ("node", "operator", "on", "scales"):
        table.add_column(title, overflow="fold")
    for title in ("clipped", "SNR", "GEMM", "ideal", "ALU", "insns", "bytes"):
        table.add_column(title, justify="right", no_wrap=True)
    for entry in report.entries:
        table.add_row(*_entry_row(entry))
    for node in report.nodes:
        table.add_row(*_row(node))
    console.print(table)
    for node in report.nodes:
        if node.where == "host":
            console.print(f"on the host: {node.name} ({node.op}): {node.reason}", highlight=False)
    _show_deviation(report, console)
    method = f"{report.method}, equalized" if report.equalized else report.method
    console.print(
        f"{report.name} for {report.config}: {report.macs} MACs, images a run: {report.images}, "
        f"{report.stream_bytes} bytes of instructions, {report.uop_bytes} of micro-ops, "
        f"{report.memory_bytes} of device memory; calibrated on {report.calibration_images} "
        f"images ({method}), {report.scales} scales; host nodes in {report.evaluator}",
        highlight=False, soft_wrap=True,
    )


def _show_deviation(report: CompileReport, console: Console) -> None:
    """Say how far a model that came quantized is from onnxruntime's, layer by layer and in all."""
    apart = {node.name: node.deviation for node in report.nodes if node.deviation is not None}
    if not apart:
        return
    most = max(steps for steps, _ in apart.values())
    where = [f"{name} ({100 * share:.2g} %)" for name, (_, share) in apart.items() if share]
    console.print(
        f"the model came quantized: on its own integers a layer is at most {most} of 256 steps "
        f"from {report.evaluator} ({len(apart)} compared); elements that differ: "
        f"{', '.join(where) or 'none'}",
        highlight=False, soft_wrap=True,
    )
    if report.deviation_note:
        console.print(f"note: {report.deviation_note}", highlight=False, soft_wrap=True)
    for name, (same, images) in report.same_argmax.items():
        console.print(
            f"{name}: greatest element where the model has it in {same} of {images} images",
            highlight=False, soft_wrap=True,
        )


def show_comparison(outputs: tuple[OutputComparison, ...], console: Console) -> None:
    """Print a row for each image of each output."""
    for output in outputs:
        rows = output.images()
        table = Table(box=None, pad_edge=False)
        for title in ("image", "float", "at", "integer", "at", "largest difference", "SNR"):
            table.add_column(title, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(
                str(row.image), f"{row.float_value:.6g}", str(row.float_argmax),
                f"{row.value:.6g}", str(row.argmax), f"{row.largest_difference:.6g}",
                f"{row.snr:.1f} dB",
            )
        same, images = output.same_argmax
        console.print(
            f"{output.name}: greatest elements, float against integer; at the same place in {same} "
            f"of {images} images; {output.snr:.1f} dB over all", highlight=False, soft_wrap=True,
        )
        console.print(table)


def _scale(scale: float | str | None) -> str:
    if not isinstance(scale, float):
        return str(scale)
    mantissa, exponent = math.frexp(scale)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{scale:.3g}"


def _errors(row: EntryReport | NodeReport) -> list[str]:
    return [
        "" if row.clipped is None else f"{100 * row.clipped:.2f} %",
        "" if row.snr is None else f"{row.snr:.1f} dB",
    ]


def _entry_row(entry: EntryReport) -> list[str]:
    kind = "(host result)" if entry.maker else "(input)"
    return [entry.name, kind, "host", f"> {_scale(entry.scale)}", *_errors(entry), *[""] * 5]


def _row(node: NodeReport) -> list[str]:
    if node.where == "host":
        return [node.name, node.op, "host", *[""] * 8]
    cost = node.costs
    scales = " ".join(_scale(scale) for scale in (*node.input_scales, ">", node.output_scale))
    return [
        node.name, node.op, "device", scales, *_errors(node),
        str(cost.gemm_steps + cost.reset_steps), str(node.ideal_steps), str(cost.alu_steps),
        str(cost.instructions), str(sum(cost.bytes.values())),
    ]
