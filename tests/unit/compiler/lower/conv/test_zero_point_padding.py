"""Padding with a number that is not zero, in every geometry, against numpy's own padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled

from myvta.compiler.compile import runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.model_passes import CompileRequest, QuantizedModel

CASES: dict[str, Callable[[NetworkBuilder], object]] = {
    "3x3": lambda b: b.conv(b.input((1, 9, 6, 7)), 6),
    "asymmetric, strided": lambda b: b.conv(b.input((1, 5, 9, 8)), 6, (4, 3), (2, 3), (3, 0, 1, 2)),
    "wider than the input": lambda b: b.conv(
        b.input((1, 9, 3, 3)), 9, (5, 5), (2, 2), (4, 4, 4, 4)),
    "nothing but padding": lambda b: b.conv(
        b.input((1, 9, 2, 2)), 9, (3, 3), (1, 1), (6, 5, 6, 5)),
    "dilated": lambda b: b.conv(
        b.input((1, 9, 8, 9)), 4, pads=(2, 2, 2, 2), dilations=(2, 2)),
    "window in parts": lambda b: b.conv(b.input((1, 5, 11, 7)), 4, (11, 7), pads=(5, 3, 5, 3)),
    "rows in parts": lambda b: b.conv(b.input((1, 9, 3, 150)), 3),
    "one column": lambda b: b.conv(b.input((1, 9, 20, 1)), 3),
    "pointwise, strided": lambda b: b.conv(b.input((1, 9, 7, 7)), 5, (1, 1), (2, 2), (1, 1, 1, 1)),
    "packed by the host": lambda b: b.conv(b.input((1, 1, 9, 9)), 5, (5, 5), pads=(2, 2, 2, 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "2x8x8"])
@pytest.mark.parametrize("case", CASES)
def test_padding_has_the_zero_point(tmp_path: Path, case: str, config: str) -> None:
    build = NetworkBuilder(1)
    CASES[case](build)
    plain = compiled(build, tmp_path, config)
    nodes = tuple(
        replace(node, attrs=replace(node.attrs, padding=-77)) for node in plain.quantized.nodes)
    tensors = dict(plain.quantized.tensors)
    tensors["input"] = replace(tensors["input"], zero_point=-77)
    quantized = replace(plain.quantized, nodes=nodes, tensors=tensors)
    work = runner(CompileRequest(
        tmp_path / "network.onnx", build.samples(4), TargetDescription(plain.program.config)))
    model: QuantizedModel = work.run("quantize")
    model = replace(model, choice=replace(model.choice, quantized=quantized))
    program = work.resume("quantize", model).program
    made = replace(plain, quantized=quantized, program=program)
    check_every_layer(made, build.samples(2), strict="1")
    check_every_layer(made, build.samples(2), order="3")
