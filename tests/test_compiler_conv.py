"""Random convolutions of every kind on the model, bit for bit the reference's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_conv_cases import (
    ConvCase,
    convolutions,
    depthwise_convolutions,
    grouped_convolutions,
    transposed_convolutions,
)
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from hypothesis import given, settings, strategies as st

from myvta.compiler.compile import Compiled
from myvta.compiler.reference import evaluate
from myvta.compiler.session import Session
from myvta.driver import open_target
from myvta.isa.config import NAMED

CONFIGS = [
    "1x4x4", "1x4x4_base", "1x4x4_int4", "1x8x8", "2x8x8", "default", "base", "1x16x16_int4",
]


def check(case: ConvCase, config: str, seed: int) -> Compiled:
    """Compile a case, make sure all of it is on the device, compare two images."""
    build = NetworkBuilder(seed)
    case.build(build)
    with tempfile.TemporaryDirectory() as folder:
        made = compiled(build, Path(folder), config)
    assert {node.where for node in made.report.nodes} == {"accelerator"}
    inputs = build.samples(2)
    check_every_layer(made, inputs, strict="1")
    check_every_layer(made, inputs, order=str(seed))
    return made


def fuzz(cases: st.SearchStrategy[ConvCase], examples: int) -> Callable[[], None]:
    """Return a test of random cases of a strategy."""
    @settings(max_examples=examples, deadline=None)
    @given(cases, st.sampled_from(CONFIGS), st.integers(0, 99))
    def run(case: ConvCase, config: str, seed: int) -> None:
        check(case, config, seed)

    return run


FAMILIES = {
    "plain": convolutions(), "grouped": grouped_convolutions(),
    "depthwise": depthwise_convolutions(), "transposed": transposed_convolutions(),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_random_cases(family: str) -> None:
    fuzz(FAMILIES[family], 8)()


@pytest.mark.networks
@pytest.mark.parametrize("family", FAMILIES)
def test_many_random_cases(family: str) -> None:
    fuzz(FAMILIES[family], 400)()


@pytest.mark.parametrize("config", ["1x4x4", "default"])
def test_padding_wider_than_a_load_has_bits_for(config: str) -> None:
    case = ConvCase(3, (5, 7), 6, (20, 19), pads=(16, 18, 20, 17), strides=(2, 1))
    check(case, config, 1)


def family() -> NetworkBuilder:
    """Return one network of a packed, a depthwise, a grouped and two transposed layers."""
    build = NetworkBuilder(5)
    x = build.relu(build.conv(build.input((1, 3, 14, 13)), 10, (5, 3), (2, 2), (2, 1, 2, 0)))
    x = build.conv(x, 20, group=10)
    x = build.relu(build.conv(x, 15, (3, 1), pads=(2, 0, 0, 0), dilations=(2, 1), group=5))
    x = build.relu(build.conv_transpose(x, 6, bias=False))
    build.conv_transpose(x, 9, (3, 2), (3, 1), (1, 0, 0, 0), group=3, added=(2, 0))
    return build


@pytest.mark.parametrize("config", sorted(NAMED))
def test_family(tmp_path: Path, config: str) -> None:
    build = family()
    made = compiled(build, tmp_path, config)
    assert [node.where for node in made.report.nodes] == ["accelerator"] * 5
    check_every_layer(made, build.samples(2), strict="1")


@pytest.mark.verilator
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_family_on_the_rtl(tmp_path: Path, config: str) -> None:
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
