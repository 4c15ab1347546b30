"""Random convolutions of every kind on the model, bit for bit the reference's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

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
    fuzz(FAMILIES[family], 12)()


@pytest.mark.networks
@pytest.mark.parametrize("family", FAMILIES)
def test_many_random_cases(family: str) -> None:
    fuzz(FAMILIES[family], 400)()


@pytest.mark.parametrize("config", ["1x4x4", "default"])
def test_padding_wider_than_a_load_has_bits_for(config: str) -> None:
    case = ConvCase(3, (5, 7), 6, (20, 19), pads=(16, 18, 20, 17), strides=(2, 1))
    check(case, config, 1)
