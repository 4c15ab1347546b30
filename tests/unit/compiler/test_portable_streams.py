"""Streams for the base ISA stay inside the subset that every implementation of VTA executes alike.

The rules are those of the static checker (``isa/check/portable.py``), which knows the instructions
alone; here every operator of the registry is compiled for configuration ``base``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled

from myvta.compiler.operators.registry import OPERATORS
from myvta.driver.program.program_check import check_program
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.check.static_checker import MemoryMap, StreamChecker
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

Make = Callable[[NetworkBuilder, str], str]
MAP = (1, 20, 9, 9)


def node(op: str, *constants: float, shape: tuple[int, ...] = MAP, **attrs: object) -> Make:
    """Return a maker of one node whose other inputs are scalars."""
    return lambda build, x: build.node(
        op, [x, *(build.constant(np.array(value)) for value in constants)], shape, **attrs)


def channel(op: str) -> Make:
    return lambda build, x: build.node(
        op, [x, build.constant(build.random.uniform(0.5, 2, (1, 20, 1, 1)))], MAP)


def pool(op: str, out: int, kernel: int, stride: int, pad: int = 0, **attrs: int) -> Make:
    return node(op, shape=(1, 20, out, out), kernel_shape=[kernel] * 2, strides=[stride] * 2,
                pads=[pad] * 4, **attrs)


def sliced(build: NetworkBuilder, x: str) -> str:
    bounds = [build.integers(*values) for values in ((3,), (17,), (1,))]
    return build.node("Slice", [x, *bounds], (1, 14, 9, 9))


def padded(build: NetworkBuilder, x: str) -> str:
    pads = build.integers(0, 0, 1, 2, 0, 0, 3, 1)
    return build.node("Pad", [x, pads, build.constant(np.array(0.5))], (1, 20, 13, 12))


def resized(build: NetworkBuilder, x: str) -> str:
    scales = build.constant(np.array([1, 1, 2, 2]))
    return build.node("Resize", [x, "", scales], (1, 20, 18, 18), mode="nearest",
                      coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def viewed(build: NetworkBuilder, x: str) -> str:
    return build.node("Reshape", [x, build.integers(1, 20, 81)], (1, 20, 81))


CASES: dict[str, tuple[Make, ...]] = {
    "Conv": (
        lambda build, x: build.conv(x, 40),
        lambda build, x: build.conv(x, 3, (1, 1), pads=(0, 0, 0, 0)),
        lambda build, x: build.relu(build.conv(x, 33, (5, 3), (2, 1), (2, 0, 2, 1))),
        lambda build, x: build.conv(x, 20, group=20),
        lambda build, x: build.add(build.conv(x, 20), x),
        lambda build, x: build.max_pool(build.relu(build.conv(x, 20))),
        lambda build, x: build.average(build.relu(build.conv(x, 20))),
        lambda build, x: build.node("AveragePool", [build.relu(build.conv(x, 20))],
                                    (1, 20, 3, 3), kernel_shape=[3, 3], strides=[3, 3]),
    ),
    "ConvTranspose": (lambda build, x: build.conv_transpose(x, 12),),
    "Gemm": (lambda build, x: build.gemm(build.flatten(x), 10),
             lambda build, x: build.relu(build.gemm(build.flatten(build.average(x)), 50))),
    "Add": (lambda build, x: build.add(build.relu(x), x), node("Add", 0.3)),
    "Affine": (channel("Mul"), channel("Add"), lambda build, x: build.batch_norm(x)),
    "Relu": (node("Relu"),),
    "Clip": (node("Clip", -0.7, 0.9), node("Clip", 0.0, 6.0)),
    "LeakyRelu": (node("LeakyRelu", alpha=0.125),),
    "Tanh": (node("Tanh"),),
    "HardSwish": (node("HardSwish"),),
    "HardSigmoid": (node("HardSigmoid"), node("HardSigmoid", alpha=1 / 6, beta=0.5)),
    "MaxPool": (pool("MaxPool", 4, 2, 2), pool("MaxPool", 5, 3, 2, 1),
                node("GlobalMaxPool", shape=(1, 20, 1, 1))),
    "AveragePool": (pool("AveragePool", 4, 2, 2), pool("AveragePool", 3, 3, 3),
                    pool("AveragePool", 5, 3, 2, 1),
                    pool("AveragePool", 5, 3, 2, 1, count_include_pad=1)),
    "GlobalAveragePool": (node("GlobalAveragePool", shape=(1, 20, 1, 1)),),
    "Concat": (lambda build, x: build.node("Concat", [x, build.relu(x)], (1, 40, 9, 9), axis=1),),
    "Slice": (sliced,),
    "Pad": (padded,),
    "Resize": (resized,),
    "Flatten": (lambda build, x: build.flatten(build.relu(x)),),
    "View": (viewed,),
}
EXTENDED_ALONE = {"ScaledAdd", "Table"}  # of pre-quantized models; of the extension lookup


@pytest.mark.parametrize(("operator", "number"), [
    (name, number) for name, cases in CASES.items() for number in range(len(cases))
])
def test_streams_of_an_operator_are_portable(operator: str, number: int, tmp_path: Path) -> None:
    build = NetworkBuilder(number)
    CASES[operator][number](build, build.relu(build.input(MAP)))
    made = compiled(build, tmp_path, named("base"))
    findings = [finding for check in check_program(made.program, portable=True)
                for finding in check.findings]
    assert not findings, "\n".join(map(str, findings[:5]))


def test_every_operator_has_a_case() -> None:
    assert set(CASES) | EXTENDED_ALONE == set(OPERATORS)


def test_serial_stream_is_portable() -> None:
    config = named("base")
    builder = StreamBuilder(config, serial=True)
    builder.load_2d(MemoryType.INP, 0, 0, 4)
    builder.load_2d(MemoryType.WGT, 0, 0, 1)
    builder.gemm([(0, 0, 0)], reset=True)
    builder.gemm([(0, 0, 0)])
    builder.store_2d(0, 9, 1)
    stream = builder.finish()
    result = StreamChecker(config).check(
        stream.code, bases={MemoryType.UOP: 1 << 20}, portable=True,
        memory=MemoryMap(contents=((1 << 20, stream.uops, "micro-ops"),)))
    assert not result.findings
