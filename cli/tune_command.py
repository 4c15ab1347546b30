"""`myvta tune`: search the schedules of a network's layers, for `myvta compile --tuned`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..compiler.compile import runner
from ..compiler.ir.target_description import MEMORY_LATENCY, TargetDescription
from ..compiler.pipeline.model_passes import CompileRequest
from ..compiler.pipeline.network_stages import FusedNetwork
from ..compiler.schedule.plain_data import plain_tiling
from ..compiler.schedule.tuned_schedules import TunedLayer, tuned_json, write_tuned
from ..compiler.schedule.tuning_log import Trial, TrialLog
from ..compiler.tune.tuner import SEARCHES, TunableLayer, Tuner, distinct_layers, on_target
from ..driver.target.open_target import open_target
from ..isa.config import load_config
from .parsing import parse_bytes, parse_shapes
from .text_table import Column, Kind, open_console, print_table

__all__ = ["command"]

_MODEL_ONLY = "none"
_COLUMNS = (
    Column("layer", Kind.NAME), Column("operator", Kind.WORD), Column("schedules"),
    Column("best", Kind.WORD), *map(Column, ("predicted", "measured", "bytes")),
)


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--calib", type=click.Path(path_type=Path), required=True, metavar="DATA.npz",
              help="Representative inputs: one array per input, [images, ...].")
@click.option("--config", "config_name", metavar="NAME", default="default", show_default=True,
              help="A named configuration or a vta_config.json.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="TUNED.json",
              help="The best schedules; default: the model's name, in this folder.")
@click.option("--log", type=click.Path(path_type=Path), metavar="TRIALS.jsonl",
              help="Log of all trials, one per line; logged trials are not repeated. Default: next "
              "to the output.")
@click.option("--search", type=click.Choice(SEARCHES), default=SEARCHES[0], show_default=True,
              help="Every schedule, most promising first, or samples of all (needs optuna).")
@click.option("--trials", type=click.IntRange(min=1), default=64, show_default=True,
              help="Schedules per layer, including those in the log.")
@click.option("--latency", type=click.IntRange(min=1), default=MEMORY_LATENCY, show_default=True,
              metavar="CYCLES", help="Memory latency that schedules are predicted for.")
@click.option("--target", "url", metavar="URL", default="verilator://?latency=64",
              show_default=True, help="Target that measures the best schedules, or `none`.")
@click.option("--verify", "verified", type=click.IntRange(min=1), default=3, show_default=True,
              help="Number of a layer's best schedules that are measured.")
@click.option("--shape", "shapes", multiple=True, metavar="NAME=1,1,8,8",
              help="Sizes of an input whose shape is dynamic; may be given several times.")
@click.option("--memory", default="64M", show_default=True, metavar="BYTES",
              help="Device memory that the network may use.")
@click.option("--json", "as_json", is_flag=True, help="Print the schedules as JSON.")
def command(
    model: Path, calib: Path, config_name: str, output: Path | None, log: Path | None,
    search: str, trials: int, latency: int, url: str, verified: int, shapes: tuple[str, ...],
    memory: str, as_json: bool,
) -> None:
    """Find good schedules for the layers of an ONNX MODEL that the accelerator runs.

    Schedules are compared by the timing model; the best of each layer run on the target.
    """
    config = load_config(config_name)
    target = TargetDescription(config, latency, parse_bytes(memory))
    fused: FusedNetwork = runner(
        CompileRequest(model, calib, target, parse_shapes(shapes))).run("fuse")
    layers = distinct_layers(fused.operations, fused.allocated.memory.layouts, target,
                             fused.allocated.memory.images)
    output = output or Path(f"{model.stem}.tuned.json")
    log = log or output.with_suffix(".trials.jsonl")
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    with TrialLog(log, target) as trial_log, Progress(*columns, console=console) as bar:
        everything = bar.add_task("layers", total=len(layers))

        def show(layer: TunableLayer, done: int, total: int, best: Trial) -> None:
            bar.update(task, completed=done, total=total,
                       description=f"{layer.name}: {best.cost.cycles} cycles")

        tuner = Tuner(trial_log, search, trials, verified=verified, progress=show)
        found: list[TunedLayer] = []
        with ExitStack() as stack:
            if url != _MODEL_ONLY:
                tuner.measure = on_target(stack.enter_context(open_target(url, config)))
            for layer in layers:
                task = bar.add_task(layer.name, total=trials)
                found.append(tuner.tune(layer))
                bar.advance(everything)
    write_tuned(output, config, found)
    if as_json:
        click.echo(json.dumps(tuned_json(config, found), indent=2))
        return
    print_table(open_console(), _COLUMNS, list(map(_row, layers, found)))
    click.echo(f"wrote {output}; trials in {log}")


def _row(layer: TunableLayer, best: TunedLayer) -> list[str]:
    plain = plain_tiling(best.tiling)
    chosen = [plain[name] for name in layer.choices]
    words = [item for item in chosen if isinstance(item, str)]
    sizes = "x".join(str(item) for item in chosen if not isinstance(item, str))
    return [
        layer.name, layer.operator, str(len(layer.space)), " ".join((*words, sizes)),
        str(best.cycles),
        "" if best.measured is None else str(best.measured), str(best.moved),
    ]
