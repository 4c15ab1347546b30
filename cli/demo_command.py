"""`myvta demo`: handwritten digits, from an ONNX file to the accelerator's own RTL and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..compiler.compile import Compiled, compile_model
from ..compiler.frontend.front_ends import import_model
from ..compiler.layout.memory_plan import integer_name
from ..compiler.reference.reference_evaluator import evaluate
from ..driver.target.open_target import open_target
from ..isa.config import Config, load_config
from .demo_report import REPORT_FILE, Report, check_writable
from .demo_run import (
    BACKENDS,
    Backend,
    Digits,
    TargetRun,
    count_macs,
    load_digits,
    open_backend,
    run_images,
)
from .demo_sheet import Card, draw_sheet, print_sheet
from .files import write_files
from .input_errors import InputError

__all__ = ["SHEET_FILE", "command", "demo"]

SHEET_FILE = "contact_sheet.png"

Stage = Callable[[str, int | None], Callable[[], None]]
"""Begin a stage of a number of steps (None: unknown); return the function to call after each."""


def demo(
    config: Config, *, images: int | None = None, target: str | None = None,
    stage: Stage = lambda name, steps: lambda: None, note: Callable[[str], None] = print,
) -> tuple[Report, list[Card]]:
    """Compile the digits network, classify on model and RTL, compare every layer.

    Parameters
    ----------
    config : Config
    images : int, optional
        Images to run on the RTL; default: those of :data:`~.demo_run.BACKENDS`.
    target : str, optional
        URL of the RTL, or ``model://``; default: the best simulator that is installed.
    stage, note
        Called with progress, and with notes on anything left out.

    Returns
    -------
    report : Report
    cards : list of Card
        Every image with its prediction: the RTL's if it ran there, else the model's.
    """
    started = time.monotonic()
    digits = load_digits()
    if images is not None and not 1 <= images <= len(digits.images):
        raise InputError(f"there are {len(digits.images)} held-out images, not {images}")
    stage("compile the network", None)
    compiled = compile_model(digits.model, digits.calibration, config)
    stage("open the RTL (the first time, its simulator is built)", None)
    backend = open_backend(target, config)
    if backend.note:
        note(backend.note)
    total = len(digits.images)
    count = 0 if backend.target is None else (
        min(total, BACKENDS.get(backend.name, total)) if images is None else images
    )
    on_rtl = None
    try:
        on_float = _classify_in_float(digits, stage("run the float network", total))
        reference = _evaluate(digits, compiled, stage("evaluate the reference", total))
        model_url = target if target is not None and backend.target is None else "model://"
        with open_target(model_url, config) as model:
            on_model = run_images(model, compiled.program, digits.inputs,
                                  [[tensors] for tensors in reference],
                                  stage("run the model", total))
        if backend.target is not None:
            oracles = list(zip(reference, on_model.tensors, strict=True))
            on_rtl = run_images(backend.target, compiled.program, digits.inputs[:count], oracles,
                                stage(f"run the RTL ({backend.name})", count))
    finally:
        if backend.target is not None:
            backend.target.close()
    report = _report(digits, config, backend, on_float, on_model, on_rtl, started)
    predictions = [*(on_rtl.predictions if on_rtl else []), *on_model.predictions[count:]]
    cards = [
        Card(image, int(label), prediction, index < count)
        for index, (image, label, prediction) in enumerate(
            zip(digits.images, digits.labels, predictions, strict=True))
    ]
    return report, cards


def _report(
    digits: Digits, config: Config, backend: Backend, on_float: float, on_model: TargetRun,
    on_rtl: TargetRun | None, started: float,
) -> Report:
    timed = on_rtl if on_rtl is not None and on_rtl.cycles else None
    cycles = None if timed is None else timed.cycles / len(timed.predictions)
    return Report(
        float_accuracy=on_float,
        int8_accuracy=on_model.accuracy(digits.labels),
        rtl_accuracy=None if on_rtl is None else on_rtl.accuracy(digits.labels),
        rtl_images=0 if on_rtl is None else len(on_rtl.predictions),
        rtl_mismatches=None if on_rtl is None else len(on_rtl.different),
        model_images=len(on_model.predictions),
        model_mismatches=len(on_model.different),
        tensors=len(on_model.tensors[0]),
        cycles_per_image=cycles,
        mac_utilization=None if cycles is None else (
            count_macs(import_model(digits.model)[0]) / (cycles * config.macs_per_step)
        ),
        simulated_cycles_per_second=None if timed is None else timed.cycles / timed.seconds,
        wall_seconds=time.monotonic() - started,
        backend=backend.name,
        config=config.name,
    )


def _classify_in_float(digits: Digits, advance: Callable[[], None]) -> float:
    """Return the accuracy of the float network, in onnxruntime if that is installed."""
    run = import_model(digits.model)[1].evaluator(["logits"])
    right = 0
    for image, label in zip(digits.inputs, digits.labels, strict=True):
        right += int(np.argmax(run({"image": image[None]})["logits"])) == label
        advance()
    return float(right / len(digits.labels))


def _evaluate(
    digits: Digits, compiled: Compiled, advance: Callable[[], None],
) -> list[dict[str, np.ndarray]]:
    """Return the reference's integers of each image, under the program's names."""
    results = []
    for image in digits.inputs:
        tensors = evaluate(compiled.quantized, {"image": image[None]})
        results.append({integer_name(name): value for name, value in tensors.items()})
        advance()
    return results


# -- the command -----------------------------------------------------------------------------------
@click.command()
@click.option("--config", "config_name", default="default", show_default=True, metavar="NAME",
              help="Configuration: a name or a vta_config.json.")
@click.option("--images", type=click.IntRange(min=1), metavar="N",
              help="Images to run on the RTL.  [default: all; a few in Icarus]")
@click.option("--target", metavar="URL",
              help="Where the RTL runs.  [default: verilator://, else icarus://, else model://]")
@click.option("--output", type=click.Path(path_type=Path), default=Path("build/demo"),
              show_default=True, metavar="FOLDER", help="Folder of the picture and the report.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, nothing else.")
def command(
    config_name: str, images: int | None, target: str | None, output: Path, as_json: bool,
) -> None:
    """Classify handwritten digits on the accelerator's own RTL.

    Compiles the network in examples/digits, runs the held-out images on the model and on the
    simulated RTL, compares every layer's output bit for bit, and prints the results.  Exits with 1
    if a single bit differs.
    """
    config = load_config(config_name)
    check_writable(output)
    aside = Console(stderr=True)
    with _progress(aside) as stage:
        report, cards = demo(config, images=images, target=target, stage=stage,
                             note=lambda text: _say(aside, f"note: {text}"))
    files: dict[Path, bytes | str] = {output / REPORT_FILE: report.to_json()}
    try:
        files[output / SHEET_FILE] = draw_sheet(cards, *_headline(report, config))
    except ImportError:
        _say(aside, f"note: no {SHEET_FILE}, because matplotlib is not installed "
                    "(pip install matplotlib)")
    write_files(files)
    if as_json:
        click.echo(report.to_json(), nl=False)
    else:
        _show(Console(), report, cards, list(files))
    if report.mismatches:
        raise SystemExit(1)


def _say(console: Console, text: str) -> None:
    """Print text on one line, without markup or wrapping."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _progress(console: Console) -> Iterator[Stage]:
    """Show stages as bars on a terminal, as one line each elsewhere."""
    bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                    TimeElapsedColumn(), console=console, transient=True,
                    disable=not console.is_terminal)

    def stage(name: str, steps: int | None) -> Callable[[], None]:
        if not console.is_terminal:
            _say(console, f"{name} ...")
        for task in bars.task_ids:
            bars.update(task, visible=False)
        task = bars.add_task(name, total=steps)
        return lambda: bars.advance(task)

    with bars:
        yield stage


def _headline(report: Report, config: Config) -> tuple[str, list[tuple[str, str]]]:
    """Return title and large figures of the picture."""
    total, on_rtl = report.model_images, report.rtl_images
    classifier = "myvta's RTL" if on_rtl == total else "myvta's model"
    if 0 < on_rtl < total:
        classifier += f", {on_rtl} of them by its RTL"
    figures = [
        (f"{report.int8_accuracy:.1%}", f"right in int8; {report.float_accuracy:.1%} in float"),
        (f"{report.mismatches} of {total}", f"differ in any bit of {report.tensors} tensors"),
    ]
    if report.cycles_per_image is not None and report.mac_utilization is not None:
        figures += [
            (f"{report.cycles_per_image:,.0f}", f"cycles per image, RTL under {report.backend}"),
            (f"{report.mac_utilization:.1%}", f"of {config.macs_per_step} MACs busy"),
        ]
    return f"{total} handwritten digits, classified by {classifier}", figures


def _show(console: Console, report: Report, cards: list[Card], files: list[Path]) -> None:
    console.print()
    print_sheet(console, cards)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, value in report.rows():
        table.add_row(label, Text(value))
    table.add_row("written", Text("\n".join(map(str, files))))
    console.print(table)
