"""mismatch: the element of a wrong byte, one in a padding lane, one in no tensor."""

import numpy as np
import pytest

from myvta.driver import LoadedProgram, ProgramBuilder, open_target
from myvta.driver.validate.mismatch import locate
from myvta.driver.validate.validate_report import Mismatch
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")


@pytest.fixture
def pair():
    """Two targets with one program: y (2 x 6, two tiles a row) and wide (int32)."""
    builder = ProgramBuilder("p", CONFIG)
    builder.tensor("y", (2, 6), MemoryType.INP)
    builder.tensor("wide", (1, 4), MemoryType.ACC)
    program = builder.build(["y", "wide"], [])
    url = f"model://?config=1x4x4&mem=0x10000:{program.size}"
    with open_target(url) as one, open_target(url) as other:
        both = LoadedProgram(program, one), LoadedProgram(program, other)
        for loaded in both:
            loaded.write("y", np.arange(12).reshape(2, 6))
            loaded.write("wide", np.array([[1, 2, 3, 4]]))
        yield both


def located(pair, address, byte):
    """Return where a byte is that differs in the second target."""
    reference, dut = pair
    dut.target.write_memory(dut.base + address, bytes([byte]))
    tensors = [reference.program.tensor(name) for name in ("y", "wide")]
    return locate(reference, dut, address, 5, tensors)


def test_byte_in_tiles_gives_its_element(pair):
    """Row 1 begins at tile 2; its second tile has channels 4 and 5."""
    assert located(pair, 3 * 4 + 1, 0x80) == Mismatch("y", (1, 5), 11, -128, 13, 5)


def test_byte_of_a_wide_element_gives_the_element(pair):
    address = pair[0].program.tensor("wide").offset + 4 * 2 + 1
    assert located(pair, address, 2) == Mismatch("wide", (0, 2), 3, 3 + 512, address, 5)


def test_a_padding_lane_has_no_element(pair):
    assert located(pair, 4 + 2, 7) == Mismatch("y (a padding lane)", None, 0, 7, 6, 5)


def test_byte_outside_the_tensors_has_no_element(pair):
    assert located(pair, 100, 9) == Mismatch("", None, 0, 9, 100, 5)
