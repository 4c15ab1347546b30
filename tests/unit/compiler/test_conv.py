"""Convolutions of every kind, bit for bit the reference's; random ones: test_fuzz."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from onnx import numpy_helper
from tiers import slow

from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver import open_target
from myvta.isa.config import NAMED


@pytest.mark.parametrize("config", ["1x4x4", "default"])
def test_padding_beyond_the_load_fields_equals_the_reference(tmp_path: Path, config: str) -> None:
    build = NetworkBuilder(1)
    x = build.relu(build.input((1, 3, 5, 7)))
    build.conv(x, 6, (3, 2), (2, 2), (16, 18, 20, 17))
    made = compiled(build, tmp_path, config)
    assert made.report.nodes[-1].where == "accelerator"
    check_every_layer(made, build.samples(2), strict="1")


def family() -> NetworkBuilder:
    """Return one network of a packed, a depthwise, a grouped and two transposed layers."""
    build = NetworkBuilder(5)
    x = build.relu(build.conv(build.input((1, 3, 14, 13)), 10, (5, 3), (2, 2), (2, 1, 2, 0)))
    x = build.conv(x, 20, group=10)
    x = build.relu(build.conv(x, 15, (3, 1), pads=(2, 0, 0, 0), dilations=(2, 1), group=5))
    x = build.relu(build.conv_transpose(x, 6, bias=False))
    build.conv_transpose(x, 9, (3, 2), (3, 1), (1, 0, 0, 0), group=3, added=(2, 0))
    return build


@pytest.mark.parametrize("config", ["2x8x8", *slow(*sorted(set(NAMED) - {"2x8x8"}))])
def test_random_convolutions_equal_the_reference(tmp_path: Path, config: str) -> None:
    build = family()
    made = compiled(build, tmp_path, config)
    assert [node.where for node in made.report.nodes] == ["accelerator"] * 5
    check_every_layer(made, build.samples(2), strict="1")


@pytest.mark.verilator
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_random_convolutions_on_the_rtl_equal_the_reference(tmp_path: Path, config: str) -> None:
    build = family()
    made, inputs = compiled(build, tmp_path, config), build.samples(1)
    expected = evaluate(made.quantized, inputs)
    with open_target("verilator://?mem=0:1M&latency=9", made.program.config) as target:
        session = Session(made.program, target)
        found = session.run(inputs, capture=True)
    layers = [name for name in found if name.endswith(".q")]
    assert len(layers) == 5
    for name in layers:
        np.testing.assert_array_equal(found[name], expected[name[:-2]], err_msg=name)


def reshaped(build: NetworkBuilder) -> str:
    """Add a dense layer whose features become a map."""
    x = build.gemm(build.input((1, 20)), 12)
    shape = np.array([1, 3, 2, 2])
    build.constants.append(numpy_helper.from_array(shape, "shape"))
    return build.node("Reshape", [x, "shape"], (1, 3, 2, 2))


@pytest.mark.parametrize(("make", "macs"), [
    (lambda b: b.conv(b.input((1, 6, 5, 4)), 4, (3, 3), (2, 1), group=2), 4 * 3 * 4 * 3 * 9),
    (lambda b: b.conv_transpose(b.input((1, 6, 5, 4)), 3), 6 * 5 * 4 * 3 * 16),
    (lambda b: b.gemm(b.flatten(b.input((1, 6, 5, 4))), 7), 120 * 7),
    (reshaped, 20 * 12),
])
def test_report_counts_the_products(
    tmp_path: Path, make: Callable[[NetworkBuilder], str], macs: int
) -> None:
    """Of every output with its inputs, padding counted, inserted zeros not."""
    build = NetworkBuilder(1)
    make(build)
    assert compiled(build, tmp_path, "1x8x8").report.macs == macs
