"""Random networks on every configuration, each layer bit for bit the reference's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from zlib import crc32

import pytest
from compiler_cases import GENERATORS as OPERATORS
from compiler_conv_cases import ConvCase
from compiler_follow_cases import FollowedCase, followed
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from compiler_steps import Case
from hypothesis import HealthCheck, given, seed, settings, strategies as st

from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.isa.config import NAMED

GENERATORS = {**OPERATORS, "followed": followed()}
EACH = 40
"""Cases of the long tier for each of 6 generators and 11 configurations: 2,640 in all."""


def check(case: Case, config: str) -> bool:
    """Compile a case; compare in stream order, where unwritten tiles are errors, and permuted.

    Layers that can be computed in another are; returns whether there are any.
    """
    network = NetworkBuilder()
    output = case.build(network)
    with tempfile.TemporaryDirectory() as folder:
        schedule = ScheduleOptions(fuse="on" if isinstance(case, FollowedCase) else "auto")
        made = compiled(network, Path(folder), config, output, schedule=schedule)
    if isinstance(case, ConvCase):
        assert {node.where for node in made.report.nodes} == {"accelerator"}
    inputs = network.samples(2 * network.shapes["input"][0])
    check_every_layer(made, inputs, strict="1")
    check_every_layer(made, inputs, order="1")
    return any("computed in" in node.reason for node in made.report.nodes)


def run(generator: str, configs: list[str], count: int) -> None:
    """Check ``count`` cases; hypothesis shrinks the first that fails and prints it."""
    done = together = 0

    @seed(crc32(" ".join((generator, *configs)).encode()))
    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck))
    @given(case=GENERATORS[generator], config=st.sampled_from(configs))
    def every_layer_is_the_reference(case: Case, config: str) -> None:
        nonlocal done, together
        together += check(case, config)
        done += 1

    every_layer_is_the_reference()
    assert done >= count, "the generator has run dry"
    assert generator != "followed" or 4 * together >= done, "hardly anything is computed together"


@pytest.mark.slow
@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_sampled_random_networks_equal_the_reference(generator: str) -> None:
    run(generator, sorted(NAMED), 80 if generator == "operators" else 20)


@pytest.mark.networks
@pytest.mark.timeout(900)
@pytest.mark.parametrize("config", sorted(NAMED))
@pytest.mark.parametrize("generator", sorted(GENERATORS))
def test_random_networks_on_every_configuration_equal_the_reference(
    generator: str, config: str
) -> None:
    run(generator, [config], EACH)
