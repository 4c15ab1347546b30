"""The compile report and the comparison with the float network, as text."""

from __future__ import annotations

import math

from rich.console import Console

from ..compiler.quantize.output_comparison import OutputComparison
from ..compiler.report import CompileReport, EntryReport, NodeReport
from .text_table import Column, Kind, print_table

__all__ = ["print_comparison", "print_report"]

_COLUMNS = (
    Column("node", Kind.NAME), Column("operator", Kind.NAME), Column("on", Kind.WORD),
    Column("scales", Kind.NAME), Column("saturated"), Column("SNR"),
    Column("GEMM"), Column("ideal"), Column("ALU"), Column("instructions"), Column("bytes"),
)
_SPLIT = 6  # the quantization of a node, then the cost of its instructions
_COMPARISON = (
    Column("image"), Column("float"), Column("at"), Column("integer"), Column("at"),
    Column("maximum difference"), Column("SNR"),
)


def print_report(report: CompileReport, console: Console) -> None:
    """Print a row for each input and node, and the reasons of nodes on the host.

    Tensors that the host quantizes for the device, inputs and results of host nodes, come first.
    GEMM (DWC included), ideal and ALU are steps, at most one per cycle.  Ideal steps keep every
    multiplier busy on the network's own products; bytes are those moved between memory and
    scratchpads.  Saturated is the share of a node's float outputs beyond its scale, SNR the
    signal-to-noise ratio of its integers, which includes errors of preceding nodes.  A node without
    instructions is computed in the fusion group of a convolution before it, or needs none.
    """
    rows = [*map(_entry_row, report.entries), *map(_row, report.nodes)]
    print_table(console, _COLUMNS, rows, split=_SPLIT)
    _print_host_nodes(report, console)
    _print_deviation(report, console)
    method = f"{report.method}, equalized" if report.equalized else report.method
    console.print(
        f"{report.name} for {report.config}: {report.macs} MACs, images a run: {report.images}, "
        f"{report.stream_bytes} bytes of instructions, {report.uop_bytes} of micro-ops, "
        f"{report.memory_bytes} of device memory; calibrated on {report.calibration_images} "
        f"images ({method}), {report.scales} scales; host nodes in {report.evaluator}",
        highlight=False, soft_wrap=True,
    )


def _print_host_nodes(report: CompileReport, console: Console) -> None:
    """Print the nodes on the host and their reasons, one line per operator and reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for node in report.nodes:
        if node.where == "host":
            groups.setdefault((node.op, node.reason), []).append(node.name)
    for (op, reason), names in groups.items():
        console.print(f"on the host: {', '.join(names)} ({op}): {reason}", markup=False,
                      highlight=False, soft_wrap=True)


def _print_deviation(report: CompileReport, console: Console) -> None:
    """Print the deviations of a pre-quantized model from onnxruntime, by layer and overall."""
    deviations = {
        node.name: node.deviation for node in report.nodes if node.deviation is not None
    }
    if not deviations:
        return
    maximum = max(steps for steps, _ in deviations.values())
    differing = [f"{name} ({100 * share:.2g} %)"
                 for name, (_, share) in deviations.items() if share]
    console.print(
        f"pre-quantized model: on its own integers a layer is at most {maximum} of 256 steps from "
        f"{report.evaluator} ({len(deviations)} compared); elements that differ: "
        f"{', '.join(differing) or 'none'}",
        markup=False, highlight=False, soft_wrap=True,
    )
    if report.deviation_note:
        console.print(f"note: {report.deviation_note}", markup=False, highlight=False,
                      soft_wrap=True)
    for name, (same, images) in report.same_argmax.items():
        console.print(
            f"{name}: argmax as the model's in {same} of {images} images",
            markup=False, highlight=False, soft_wrap=True,
        )


def print_comparison(outputs: tuple[OutputComparison, ...], console: Console) -> None:
    """Print a row for each image of each output: maxima, and the errors of the integers."""
    for output in outputs:
        same, images = output.same_argmax
        console.print(
            f"{output.name}: maxima, float against integer; the same argmax in {same} of {images} "
            f"images; {output.snr_db:.1f} dB over all",
            markup=False, highlight=False, soft_wrap=True,
        )
        print_table(console, _COMPARISON, [
            [
                str(row.image), f"{row.float_value:.6g}", str(row.float_argmax),
                f"{row.value:.6g}", str(row.argmax), f"{row.largest_difference:.6g}",
                f"{row.snr_db:.1f} dB",
            ]
            for row in output.images()
        ])


def _scale(scale: float | str | None) -> str:
    if not isinstance(scale, float):
        return str(scale)
    mantissa, exponent = math.frexp(scale)
    return f"2^{exponent - 1}" if mantissa == 0.5 else f"{scale:.3g}"


def _errors(row: EntryReport | NodeReport) -> list[str]:
    return [
        "" if row.saturation_share is None else f"{100 * row.saturation_share:.2f} %",
        "" if row.snr_db is None else f"{row.snr_db:.1f} dB",
    ]


def _entry_row(entry: EntryReport) -> list[str]:
    kind = "(host result)" if entry.maker else "(input)"
    return [entry.name, kind, "host", f"> {_scale(entry.scale)}", *_errors(entry), *[""] * 5]


def _row(node: NodeReport) -> list[str]:
    if node.where == "host":
        return [node.name, node.op, "host", *[""] * 8]
    cost = node.costs
    scales = " ".join(_scale(scale) for scale in (*node.input_scales, ">", node.output_scale))
    counts = (
        cost.gemm_steps + cost.dwc_steps + cost.reset_steps, node.ideal_steps, cost.alu_steps,
        cost.instructions, sum(cost.bytes.values()),
    )
    return [
        node.name, node.op, "device", scales, *_errors(node),
        *(map(str, counts) if any(counts) else [""] * len(counts)),
    ]
