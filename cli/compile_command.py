"""`myvta compile`: an ONNX network to a bundle that any target of its configuration runs."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from ..compiler.compile import PASSES, compile_request, runner
from ..compiler.ir.target_description import MEMORY_LATENCY, TargetDescription
from ..compiler.pipeline.model_passes import CompileRequest
from ..compiler.quantize.activation_scales import METHODS
from ..compiler.quantize.quantization_search import AUTO, EQUALIZE, QuantizationOptions
from ..compiler.quantize.weight_scales import SCALES
from ..compiler.schedule.conv_problem import DATAFLOWS
from ..compiler.schedule.select_tiling import FUSE, ScheduleOptions
from ..compiler.schedule.tuned_schedules import read_tuned
from ..driver.program.bundle import write_bundle
from ..isa.config import load_config
from .compile_progress import PassLog
from .compile_report import print_comparison, print_report
from .input_errors import InputError
from .parsing import parse_bytes, parse_shapes
from .text_table import open_console

__all__ = ["command"]

_PASSES = [item.name for item in PASSES]


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
              show_default=True, help="Method that chooses the scales of activations; auto: the "
              "one with the smallest error on the calibration data.")
@click.option("--scales", type=click.Choice(SCALES), default=SCALES[0], show_default=True,
              help="Scales of weights: one per output channel, or a power of two per tensor.")
@click.option("--equalize", type=click.Choice(EQUALIZE), default=AUTO, show_default=True,
              help="Equalize channels across layers; auto: where the error is smaller.")
@click.option("--memory", default="64M", show_default=True, metavar="BYTES",
              help="Device memory that the network may use.")
@click.option("--compare", is_flag=True,
              help="Print float outputs against the integer network's, on calibration images.")
@click.option("--per-layer", is_flag=True,
              help="A launch for each layer, to run and measure each alone; they do not overlap.")
@click.option("--dataflow", type=click.Choice(DATAFLOWS),
              help="The operand of convolutions that is kept on chip, if they have such a "
              "schedule; default: the best for each.")
@click.option("--latency", type=click.IntRange(min=1), default=MEMORY_LATENCY, show_default=True,
              metavar="CYCLES", help="Memory latency that schedules are chosen for.")
@click.option("--no-latency-hiding", "serial", is_flag=True,
              help="One engine at a time, for comparison: loads, steps and stores do not overlap.")
@click.option("--fuse", type=click.Choice(FUSE), default=FUSE[0], show_default=True,
              help="Compute an Add, a pooling or a LeakyRelu in the preceding convolution: where "
              "that is no slower, wherever it fits, or never.")
@click.option("--tuned", type=click.Path(path_type=Path), metavar="TUNED.json",
              help="Schedules that `myvta tune` found for this configuration.")
@click.option("-v", "--verbose", is_flag=True, help="Print the passes and their times on stderr.")
@click.option("--dump-after", multiple=True, type=click.Choice(_PASSES), metavar="PASS",
              help=f"Print the network after a pass ({', '.join(_PASSES)}); may be given several "
              "times.")
@click.option("--stop-after", type=click.Choice(_PASSES), metavar="PASS",
              help="Run no pass after this one, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print report and dumps as JSON.")
def command(
    model: Path, calib: Path, config_name: str, output: Path | None, shapes: tuple[str, ...],
    calibration: str, scales: str, equalize: str, memory: str,
    compare: bool, per_layer: bool, dataflow: str | None, latency: int, serial: bool,
    fuse: str, tuned: Path | None, verbose: bool, dump_after: tuple[str, ...],
    stop_after: str | None, as_json: bool,
) -> None:
    """Compile an ONNX MODEL: quantize it, place every node, write the bundle."""
    config = load_config(config_name)
    schedules = read_tuned(tuned, config) if tuned else {}
    schedule = ScheduleOptions(dataflow, not serial, schedules, fuse)
    request = CompileRequest(
        model, calib, TargetDescription(config, latency, parse_bytes(memory)),
        parse_shapes(shapes), QuantizationOptions(scales, calibration, equalize), schedule,
        per_layer,
    )
    names = _PASSES[:_PASSES.index(stop_after) + 1] if stop_after else _PASSES
    for name in dump_after:
        if name not in names:
            raise InputError(f"--dump-after {name}: --stop-after {stop_after} ends before it")
    console = Console(stderr=True) if verbose else None
    with PassLog(len(names), dump_after, console) as log:
        if stop_after:
            runner(request, log).run(stop_after)
        else:
            compiled = compile_request(request, log)
    if stop_after:
        click.echo(json.dumps({"dumps": log.to_json()}, indent=2) if as_json else log.text(),
                   nl=as_json)
        return
    path = write_bundle(compiled.program, output or Path(f"{model.stem}.vta"))
    if as_json:
        data = {"output": str(path), **compiled.report.to_json()}
        if dump_after:
            data["dumps"] = log.to_json()
        if compare:
            data["compared"] = [output.to_json() for output in compiled.compared]
        click.echo(json.dumps(data, indent=2))
    else:
        click.echo(log.text(), nl=False)
        console = open_console()
        print_report(compiled.report, console)
        if compare:
            print_comparison(compiled.compared, console)
        click.echo(f"wrote {path}: {path.stat().st_size} bytes")
