"""Devices without some counters: these read 0, and everything else is as with them."""

import numpy as np
import pytest
from assembly_texts import PRODUCT, product_arrays

from myvta.driver import LoadedProgram, check_identity, open_target, read_performance
from myvta.driver.program.assembly_program import assembly_program
from myvta.isa.asm.assembler import assemble
from myvta.isa.config import NAMED
from myvta.isa.register_map import COUNTERS, PERFORMANCE, Reg


def run(url, counters):
    """Return outputs, the report, and every counter as its register reads."""
    assembly = assembly_program(assemble(PRODUCT), "a.s", product_arrays())
    config = NAMED["1x4x4"].replace(counters=counters)
    with open_target(f"{url}?mem=0:64K", config) as target:
        check_identity(target)
        loaded = LoadedProgram(assembly.program, target)
        result = loaded.run(assembly.inputs)
        ((_, report),) = result.reports
        registers = [*COUNTERS, *(one for group in PERFORMANCE.values() for one in group)]
        values = {one: target.read_register(one) for one in registers}
        assert bool(read_performance(target)) == (counters == "all")
    return result.outputs, report, values


@pytest.mark.icarus
@pytest.mark.parametrize("counters", ["basic", "none"])
def test_absent_counters_read_0_and_the_rest_is_unchanged(counters):
    outputs, report, values = run("icarus://", counters)
    expected, reference, _ = run("model://", "all")
    for name, array in expected.items():
        np.testing.assert_array_equal(outputs[name], array)
    assert report.cycles > 0
    assert report.counters == (reference.counters if counters == "basic" else {})
    present = {one for one, value in values.items() if value}
    assert present <= (set(COUNTERS) if counters == "basic" else set())
    assert (Reg.INSTRUCTIONS in present) == (counters == "basic")
