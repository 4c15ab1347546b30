"""Faults of the model as text."""

from myvta.isa.instructions import Finish
from myvta.isa.opcodes import ErrorCode
from myvta.model.model_errors import DeviceFault


def test_text_names_position_and_instruction_once_located():
    fault = DeviceFault(ErrorCode.BUS, "row 0 failed", address=0x40)
    assert str(fault) == "BUS: row 0 failed"
    assert fault.locate(7, Finish(), "finish") is fault
    assert str(fault) == "BUS at instruction 7: row 0 failed\n  finish"
    assert (fault.index, fault.instruction, fault.address) == (7, Finish(), 0x40)
