"""window_operands: taps of random windows between GEMMs, with and without pauses."""

from random import Random

import pytest
from dma_bench import shallow
from window_bench import CONFIGS, Bench, expected_cycles, random_steps


@pytest.mark.parametrize("pause", [0.0, 0.3])
@pytest.mark.parametrize("name", [
    pytest.param(name, marks=[pytest.mark.slow] * (config.lanes >= 16))
    for name, config in CONFIGS.items()
])
def test_operands_of_random_steps_equal_their_windows(name, pause):
    config = CONFIGS[name]
    count = 400 if config.block_in < 16 else 100
    steps = random_steps(config, Random(f"{name}{pause}"), count)
    cycles = shallow(Bench, config, 1).run(steps, pause)
    assert len(cycles) == len(steps)
    if not pause:
        assert cycles == expected_cycles(steps)
