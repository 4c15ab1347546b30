"""stages: order of the stages, and the timing model's constants that follow from it."""

import pytest

from myvta.isa.config import NAMED
from myvta.model.timing.timing_constants import cycles
from myvta.rtl.compute.mac_array import mac_latency
from myvta.rtl.compute.multiply_lane import MULTIPLIER_LATENCY
from myvta.rtl.compute.stages import Stages


@pytest.mark.parametrize("name", NAMED)
def test_stages_of_an_alu_operation_follow_one_another(name):
    at = Stages.of(NAMED[name])
    ahead = [at.uop, at.index, at.check, at.schedule, at.arrive, at.capture, at.align, at.operand,
             at.select]
    assert ahead == list(range(9))
    behind = [at.product, at.round, at.merge, at.add, at.write]
    assert behind == [at.select + MULTIPLIER_LATENCY + n for n in range(5)]


@pytest.mark.parametrize("name", NAMED)
def test_a_gemm_reads_its_tiles_after_schedule_and_just_in_time(name):
    config = NAMED[name]
    at = Stages.of(config)
    assert at.schedule <= at.read == at.tiles - 1
    assert at.dot - at.tiles == mac_latency(config)
    assert at.schedule < at.accumulate == at.write - 4


@pytest.mark.parametrize("name", NAMED)
def test_timing_model_has_the_same_depth(name):
    at = Stages.of(NAMED[name])
    assert cycles("DRAIN") == cycles("WRITTEN") == at.write + 2
    assert cycles("HAZARD") == at.write - at.schedule + 1
    assert cycles("LATE_READ") == at.accumulate - at.schedule
