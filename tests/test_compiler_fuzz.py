"""Random networks on every configuration, each layer bit for bit the reference's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from zlib import crc32

import pytest
from compiler_cases import GENERATORS, Case
from compiler_conv_cases import ConvCase
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from hypothesis import HealthCheck, given, seed, settings, strategies as st

from myvta.isa.config import NAMED

EACH = 40
"""Cases of the long tier for each of 5 generators and 11 configurations: 2,200 in all."""


def check(case: Case, config: str) -> None:
    """Compile a case; compare in stream order, where unwritten tiles are errors, and permuted."""
    network = NetworkBuilder()
    output = case.build(network)
    with tempfile.TemporaryDirectory() as folder:
        made = compiled(network, Path(folder), config, output)
    if isinstance(case, ConvCase):
        assert {node.where for node in made.report.nodes} == {"accelerator"}
    inputs = network.samples(2 * network.shapes["input"][0])
    check_every_layer(made, inputs, strict="1")
    check_every_layer(made, inputs, order="1")


def run(generator: str, configs: list[str], count: int) -> None:
    """Check ``count`` cases; hypothesis shrinks the first that fails and prints it."""
    done = 0

    @seed(crc32(" ".join((generator, *configs)).encode()))
    @settings(
        max_examples=count, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=GENERATORS[generator], config=st.sampled_from(configs))
    def every_layer_is_the_reference(case: Case, config: str) -> None:
        nonlocal done
        check(case, config)
        done += 1

    every_layer_is_the_reference()
    assert done >= count, "the generator has run dry"


@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_a_sample(generator: str) -> None:
    run(generator, sorted(NAMED), 80 if generator == "operators" else 20)


@pytest.mark.networks
@pytest.mark.timeout(900)
@pytest.mark.parametrize("config", sorted(NAMED))
@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_every_configuration(generator: str, config: str) -> None:
    run(generator, [config], EACH)
