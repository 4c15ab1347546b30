"""step: the table of lifetimes names every field, and each stage registers those it holds."""

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step, lifetimes, stage

CONFIG = NAMED["1x4x4"]
AT = Stages.of(CONFIG)
LIFETIMES = lifetimes(CONFIG)


@pytest.mark.parametrize("depthwise", [False, True])
def test_table_names_every_field_of_a_step(depthwise):
    config = CONFIG.replace(depthwise=depthwise)
    assert set(lifetimes(config)) == set(vars(Step(config)))


def test_no_field_lives_outside_the_pipeline():
    for name, lifetime in LIFETIMES.items():
        assert 0 <= lifetime.first <= lifetime.last <= AT.write, name


@pytest.mark.parametrize("number", range(AT.arrive + 1, AT.write + 1))
def test_stage_passes_on_its_own_fields_only(number):
    clock, reset = clock_and_reset()
    sink, source = Step(CONFIG), Step(CONFIG)
    block = stage(clock, reset, sink, source, number=number, config=CONFIG)
    held = {n for n, lifetime in LIFETIMES.items() if lifetime.first < number <= lifetime.last}

    shown = []

    def on_edge(cycle):
        for name in LIFETIMES:
            getattr(sink, name).next = 1
        shown.append({name for name in LIFETIMES if getattr(source, name)})
        return cycle == 2

    simulate([block], clock, reset, on_edge, limit=4)
    assert shown == [set(), set(), held]


def test_reset_clears_fields_read_in_empty_slots():
    clock, reset = clock_and_reset()
    sink, source = Step(CONFIG), Step(CONFIG)
    block = stage(clock, reset, sink, source, number=AT.arrive + 1, config=CONFIG)
    shown = []

    def on_edge(cycle):
        for name in LIFETIMES:
            getattr(sink, name).next = 1
        reset.next = cycle == 2
        shown.append({name for name in LIFETIMES if getattr(source, name)})
        return cycle == 4

    simulate([block], clock, reset, on_edge, limit=6)
    assert shown[2] - shown[4] == {
        n for n, lifetime in LIFETIMES.items() if n in shown[2] and lifetime.reset
    }
    assert shown[2] > shown[4] > set()
