"""The pipeline: the passes from a model file to a program, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..driver.program.program import Program
from ..isa.config import Config, load_config
from .ir.quantized_graph import QuantizedGraph
from .ir.target_description import MEMORY_BYTES, MEMORY_LATENCY, TargetDescription
from .pipeline import (
    dump_network,
    model_passes as model,
    network_passes as network,
    verify_network,
)
from .pipeline.model_passes import CompileRequest, QuantizedModel
from .pipeline.network_stages import AssembledNetwork, FusedNetwork
from .pipeline.passes import Pass, PassObserver, PassRunner
from .quantize.output_comparison import OutputComparison
from .quantize.quantization_search import AUTO, QuantizationOptions
from .quantize.weight_scales import SCALES
from .report import CompileReport, make_report, network_remarks
from .schedule.select_tiling import ScheduleOptions

__all__ = ["PASSES", "Compiled", "compile_model", "compile_request", "runner"]

PASSES: tuple[Pass, ...] = (
    Pass("import", "read the model and its calibration data; every shape becomes static",
         "CompileRequest", "ImportedModel",
         model.import_file, model.verify_imported, model.dump_model),
    Pass("canonicalize", "fold constants, normalizations and activations into few operators",
         "ImportedModel", "CanonicalModel",
         model.canonicalize, model.verify_canonical_model, model.dump_model),
    Pass("partition", "place each node on the accelerator or on the host, with the reason",
         "CanonicalModel", "PartitionedModel",
         model.partition, model.verify_partitioned, model.dump_partitioned),
    Pass("quantize", "choose the integers with the smallest error on the calibration data",
         "PartitionedModel", "QuantizedModel",
         model.quantize, model.verify_quantized_model, model.dump_quantized),
    Pass("pack", "look tables up in the operators ahead; pack first and last tensors into lanes",
         "QuantizedModel", "PackedModel",
         network.pack, verify_network.verify_packed, dump_network.dump_packed),
    Pass("allocate", "place every activation in device memory",
         "PackedModel", "AllocatedNetwork",
         network.allocate, verify_network.verify_allocated, dump_network.dump_allocated),
    Pass("fuse", "split the network into launches; fuse layers with the preceding convolution",
         "AllocatedNetwork", "FusedNetwork",
         network.fuse, verify_network.verify_fused, dump_network.dump_fused),
    Pass("schedule", "choose the tiling of each layer, and the dataflow of each convolution",
         "FusedNetwork", "ScheduledNetwork",
         network.schedule, verify_network.verify_scheduled, dump_network.dump_scheduled),
    Pass("lower", "turn operations into instructions and micro-ops; place constants in memory",
         "ScheduledNetwork", "LoweredNetwork",
         network.lower, verify_network.verify_lowered, dump_network.dump_streams),
    Pass("synchronize", "insert the fewest tokens that order the engines",
         "LoweredNetwork", "SynchronizedNetwork",
         network.synchronize_launches, verify_network.verify_synchronized,
         dump_network.dump_streams),
    Pass("assemble", "assemble launches, host steps and memory",
         "SynchronizedNetwork", "AssembledNetwork",
         network.assemble, verify_network.verify_assembled, dump_network.dump_program),
)
"""All passes, in order."""


@dataclass(frozen=True)
class Compiled:
    """A compiled network: the program for a target, the integers it computes, and the report.

    ``compared`` has its outputs against the float network's, on some calibration images.
    """

    program: Program
    quantized: QuantizedGraph
    report: CompileReport
    compared: tuple[OutputComparison, ...] = ()


def runner(request: CompileRequest, observer: PassObserver | None = None) -> PassRunner:
    """Return the runner of all passes over a request."""
    return PassRunner(PASSES, request, observer)


def compile_model(
    path: str | Path, calibration: str | Path | Mapping[str, np.ndarray],
    config: Config | str | Path | None = None, *,
    shapes: dict[str, tuple[int, ...]] | None = None, method: str = AUTO,
    scales: str = SCALES[0], equalize: str = AUTO, memory: int = MEMORY_BYTES,
    latency: int = MEMORY_LATENCY, per_layer: bool = False,
    schedule: ScheduleOptions | None = None,
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
        Forced choices of the quantization (:class:`~.quantization_search.QuantizationOptions`).
    memory
        Bytes of device memory the program may take.
    latency
        Cycles of memory latency that schedules are chosen for.
    per_layer
        One launch for each layer: layers do not overlap and have their own cycles and counters.
    schedule
        How schedules are chosen; default: by predicted cycles and bytes.

    Raises
    ------
    CompileError
        Lists every problem of the model, the calibration data or the fit.
    ValueError
        An option is unknown or out of range.
    ConfigError
        The configuration is not a legal one.
    InvariantError
        A bug of the compiler: a pass broke an invariant.
    """
    return compile_request(CompileRequest(
        Path(path), calibration, TargetDescription(load_config(config), latency, memory), shapes,
        QuantizationOptions(scales, method, equalize), schedule or ScheduleOptions(), per_layer,
    ))


def compile_request(request: CompileRequest, observer: PassObserver | None = None) -> Compiled:
    """Compile as :func:`compile_model`; ``observer`` is called for every pass."""
    work = runner(request, observer)
    assembled: AssembledNetwork = work.run()
    quantized: QuantizedModel = work.results["quantize"]
    fused: FusedNetwork = work.results["fuse"]
    choice, program = quantized.choice, assembled.program
    costs = assembled.synchronized.costs
    remarks = network_remarks(fused.allocated.packed.network, fused.fused_into, costs)
    placements = {
        name: replace(placement, reason="; ".join((placement.reason, *remarks.get(name, ()))))
        for name, placement in quantized.placements.items()
    }
    report = make_report(
        choice.quantized, request.target.config, placements, quantized.operators,
        costs, images=fused.allocated.memory.images,
        evaluator=work.results["import"].model.evaluator_name,
        snr_db=choice.snr_db, saturation_shares=choice.saturation_shares, tried=choice.tried,
        same_argmax={output.name: output.same_argmax for output in choice.compared},
        deviations=choice.deviations, deviation_note=choice.deviation_note,
        measured_images=choice.measured, **quantized.provenance,
        stream_bytes=sum(len(program.code(step)) for step in program.launches),
        uop_bytes=sum(
            len(segment.data) for segment in program.segments if segment.name.endswith(".uops")
        ),
        memory_bytes=program.size,
    )
    program = replace(program, info={**program.info, "report": report.to_json()})
    return Compiled(program, choice.quantized, report, choice.compared)
