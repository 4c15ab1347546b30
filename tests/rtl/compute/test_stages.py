"""stages: order of the stages, and the timing model's constants that follow from it."""

import pytest
from extended import extended

from myvta.isa.config import NAMED
from myvta.model.timing.timing_constants import cycles
from myvta.rtl.compute.mac_array import mac_latency
from myvta.rtl.compute.multiply_lane import MULTIPLIER_LATENCY
from myvta.rtl.compute.stages import Stages

NAMES = (*NAMED, "1x4x4+lookup")


@pytest.mark.parametrize("name", NAMES)
def test_stages_of_an_alu_operation_follow_one_another(name):
    at = Stages.of(extended(name))
    ahead = [at.uop, at.index, at.check, at.schedule, at.arrive, at.capture, at.align, at.operand,
             at.select]
    assert ahead == list(range(9))
    behind = [at.product, at.shift, at.round, at.clamp]
    assert behind == [at.select + MULTIPLIER_LATENCY + n for n in range(4)]
    assert at.merge == at.clamp + extended(name).lookup
    assert (at.add, at.write) == (at.merge + 1, at.merge + 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_gemm_reads_its_tiles_after_schedule_and_just_in_time(name):
    config = extended(name)
    at = Stages.of(config)
    assert at.schedule <= at.read == at.tiles - 1
    assert at.dot - at.tiles == mac_latency(config)
    assert at.schedule < at.accumulate == at.write - 4


@pytest.mark.parametrize("name", NAMES)
def test_timing_model_has_the_same_depth(name):
    at = Stages.of(extended(name))
    table = cycles("TABLE") * extended(name).lookup
    assert cycles("DRAIN") + table == cycles("WRITTEN") + table == at.write + 2
    assert cycles("HAZARD") + table == at.write - at.schedule + 1
    assert cycles("LATE_READ") + table == at.accumulate - at.schedule
