"""The tables of the text form cover every field once (docs/assembly.md)."""

import pytest

from myvta.isa.asm.operand_text import (
    ALU_OPCODES,
    FORMATS,
    MEMORY_TYPES,
    REDUCTIONS,
    RQT_FLAGS,
    OperandSyntax,
)
from myvta.isa.config import named
from myvta.isa.fields import layout
from myvta.isa.token_queues import TOKEN_FLAGS

ALTERNATIVES = {"to": "dram", "zero_point": "imm", "lut": "imm"}  # second ways to write a field
WINDOW = ["window_rows", "window_columns"]


@pytest.mark.parametrize("mnemonic", FORMATS)
def test_every_field_of_an_instruction_is_written_once(mnemonic):
    form = FORMATS[mnemonic]
    names = [operand.name for operand in form.operands]
    assert all(ALTERNATIVES.get(name, name) in names for name in names)
    written = [
        field for operand in form.operands if operand.name not in ALTERNATIVES
        for field in (["window"] if list(operand.fields) == WINDOW else operand.fields)
    ]
    written += [*form.flags, *TOKEN_FLAGS, *([form.subject] if form.subject else [])]
    written = [field for field in written if field not in RQT_FLAGS]
    fields = set(layout(form.cls.opcode, named("default"))) - {"opcode", "use_imm"}
    assert sorted(written) == sorted(fields)


def test_shape_names_the_fields_between_their_separator():
    operand = OperandSyntax("loop", ("iter_out", "iter_in"), "x")
    assert operand.shape == "<iter_out>x<iter_in>"
    assert FORMATS["load"].operand("pad").shape == "<y_pad_0>,<y_pad_1>,<x_pad_0>,<x_pad_1>"
    assert FORMATS["finish"].operand("pad") is None


def test_names_are_lower_case_and_mean_their_encoding():
    assert MEMORY_TYPES == {
        "uop": 0, "wgt": 1, "inp": 2, "acc": 3, "out": 4, "acc_8bit": 5, "lut": 6, "wgt4": 7,
    }
    assert ALU_OPCODES == {
        "min": 0, "max": 1, "add": 2, "shr": 3, "mul": 4, "rqt": 7, "red.sum": 6, "red.max": 6,
        "red.min": 6,
    }
    assert REDUCTIONS == {"red.sum": 0, "red.max": 1, "red.min": 2}
    assert RQT_FLAGS == {"relu": 0x100, "away": 0x200, "bypass": 0x400}
