"""The pipeline: model file to program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..driver.program.program import Program
from ..isa.config import Config, load_config
from .assemble import Assembler
from .frontend.front_ends import import_model
from .ir.arrays import load_arrays
from .ir.quantized_graph import QuantizedGraph
from .partition.front_end import prepare
from .quantize.calibrate import check_samples
from .quantize.import_qdq import take_over
from .quantize.output_comparison import OutputComparison
from .quantize.quantization_search import AUTO, Options, choose
from .quantize.weight_scales import SCALES
from .report import CompileReport, make_report
from .schedule.select_tiling import ScheduleOptions

__all__ = ["Compiled", "compile_model"]


@dataclass(frozen=True)
class Compiled:
    """A compiled network: the program for a target, what it computes, and what was done.

    ``compared`` has its outputs against the float network's, on some calibration images.
    """

    program: Program
    quantized: QuantizedGraph
    report: CompileReport
    compared: tuple[OutputComparison, ...] = ()


def compile_model(
    path: str | Path, calibration: str | Path | Mapping[str, np.ndarray],
    config: Config | str | Path | None = None, *,
    shapes: dict[str, tuple[int, ...]] | None = None, method: str = AUTO,
    scales: str = SCALES[0], equalize: str = AUTO, memory: int = 64 << 20,
    per_layer: bool = False, schedule: ScheduleOptions | None = None,
) -> Compiled:
    """Compile a model file of any front end.

    Parameters
    ----------
    path
        The model, in one file.
    calibration
        Representative inputs: an ``.npz`` or arrays by input name, ``[images, ...]``.
    config
        A configuration, its name or its file (default: ``default``).
    shapes
        Sizes of inputs whose shape is dynamic.
    method, scales, equalize
        What of the quantization is forced (:class:`~.choose.Options`).
    memory
        Bytes of device memory the program may take.
    per_layer
        One launch for each layer: every layer's cycles and counters are its own, and none overlap.
    schedule
        How schedules are chosen; default: by predicted cycles and bytes.

    Raises
    ------
    CompileError
        Lists every problem of the model, the calibration data or the fit.
    ValueError
        An option that there is not.
    ConfigError
        The configuration is not a legal one.
    """
    config, options = load_config(config), Options(scales, method, equalize)
    graph, model = import_model(path, shapes)
    if isinstance(calibration, Mapping):
        samples = check_samples(calibration, graph)
    else:
        samples = check_samples(load_arrays(calibration), graph, str(calibration))
    placements, given = prepare(graph, config)
    if given is None:
        choice = choose(graph, model, placements, samples, config, options)
    else:
        choice = take_over(graph, model, placements, samples, options, given)
    quantized = choice.quantized
    reasons = {name: placement.reason for name, placement in placements.items()}
    assembler = Assembler(
        quantized, config, reasons, memory, per_layer=per_layer, schedule=schedule)
    how = {
        "method": choice.method, "scales": scales if given is None else "given",
        "equalized": choice.equalized, "calibration_images": choice.images,
    }
    program = assembler.build({"source": Path(path).name, **how})
    for name, remark in assembler.remarks.items():
        placements[name] = replace(
            placements[name], reason=f"{placements[name].reason}; {remark}"
        )
    report = make_report(
        quantized, config, placements, {node.name: node.op for node in graph.nodes},
        assembler.costs, images=assembler.images, evaluator=model.evaluator_name,
        ratios=choice.ratios, clipped=choice.clipped, tried=choice.tried,
        same_argmax={output.name: output.same_argmax for output in choice.compared},
        deviations=choice.deviations, deviation_note=choice.deviation_note,
        measured_images=choice.measured, **how,
        stream_bytes=sum(len(program.code(step)) for step in program.launches),
        uop_bytes=sum(
            len(segment.data) for segment in program.segments if segment.name.endswith(".uops")
        ),
        memory_bytes=program.size,
    )
    program = replace(program, info={**program.info, "report": report.to_json()})
    return Compiled(program, quantized, report, choice.compared)
