"""The compile report: no name wraps, numbers stay whole."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from myvta.cli.compile_report import print_report
from myvta.compiler.codegen.stream_costs import StreamCosts
from myvta.compiler.report import CompileReport, EntryReport, NodeReport

PATH = "backbone/layer3/block11/residual"


def node(name: str, op: str, where: str = "accelerator", steps: int = 0) -> NodeReport:
    """Return a node's row, large figures in it."""
    if where == "host":
        return NodeReport(name, op, where, f"no lowering for {op}")
    costs = StreamCosts(gemm_steps=steps, alu_steps=steps, instructions=steps) if steps \
        else StreamCosts()
    return NodeReport(name, op, where, "GEMM", (2.0**-4, 2.0**-5), 2.0**-4, saturation_share=0.0123,
                      snr_db=35.5, ideal_steps=steps, costs=costs)


REPORT = CompileReport(
    name="net", config="default", images=1, evaluator="onnxruntime 1.0", calibration_images=8,
    method="error", scales="per-channel", equalized=True, measured_images=8, tried={},
    same_argmax={}, deviation_note="", entries=(EntryReport("image", "", 2.0**-6, 0, 0.0, 40.0),),
    nodes=(
        node(f"{PATH}/conv/Conv", "Conv", steps=543740), node(f"{PATH}/Add", "Add"),
        node(f"{PATH}/GlobalAveragePool", "GlobalAveragePool", steps=49),
        node("first", "Softmax", "host"), node("second", "Softmax", "host"),
    ),
    stream_bytes=1, uop_bytes=2, memory_bytes=3,
)


def printed(width: int) -> list[str]:
    """Return the report's lines on a console of so many columns."""
    out = io.StringIO()
    print_report(REPORT, Console(file=out, width=width))
    return out.getvalue().splitlines()


def test_wide_terminal_gets_one_table() -> None:
    heading, image, conv, add, *_ = printed(200)
    assert heading.split() == [
        "node", "operator", "on", "scales", "saturated", "SNR", "GEMM", "ideal", "ALU",
        "instructions", "bytes",
    ]
    assert image.split() == ["image", "(input)", "host", ">", "2^-6", "0.00", "%", "40.0", "dB"]
    assert conv.split()[:3] == [f"{PATH}/conv/Conv", "Conv", "device"]
    assert conv.split()[-5:] == ["543740", "543740", "543740", "543740", "0"]
    assert add.split()[-2:] == ["35.5", "dB"], "a fused node has no figures of its own"


@pytest.mark.parametrize("width", [80, 100])
def test_narrow_terminal_gets_two_tables(width: int) -> None:
    lines = printed(width)
    first = lines[: lines.index("")]
    second = lines[len(first) + 1 : -2]
    assert max(map(len, [*first, *second])) <= width
    assert len(first) == 1 + 1 + 5, "one line per row"
    assert len(second) == 1 + 2, "rows without figures are left out"
    conv = second[1].split()
    assert conv[0].startswith("backbone/") and conv[0].endswith("/Conv")
    assert conv[1] == "543740"


def test_host_nodes_of_one_reason_share_a_line() -> None:
    assert "on the host: first, second (Softmax): no lowering for Softmax" in printed(80)
