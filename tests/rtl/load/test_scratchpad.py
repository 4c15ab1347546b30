"""scratchpad: banks or columns by the size of an element, with the same contract.

Conversion: test_load converts the load engine with its scratchpads.
"""

import pytest
from scratchpad_bench import run_against_array

from myvta.isa.opcodes import MemoryType
from myvta.rtl.load.scratchpad import scratchpad


@pytest.mark.parametrize("name, log_bus, kind", [
    ("1x4x4", 7, MemoryType.UOP),  # a quarter of a beat
    ("1x4x4", 7, MemoryType.INP),  # a quarter of a beat, of another type
    ("1x4x4", 7, MemoryType.WGT),  # a beat
    ("1x4x4", 6, MemoryType.WGT),  # two beats
])
def test_contents_equal_an_array_for_each_element_size(name, log_bus, kind):
    traffic = run_against_array(scratchpad, name, log_bus, kind, cycles=400)
    assert traffic.reads > 300 and traffic.pads > 80
