"""array_fields: the fields of random words are those of isa.instructions."""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, record

from myvta.isa.instructions import Dwc, Gemm, decode
from myvta.isa.opcodes import Opcode
from myvta.rtl.compute.array_fields import array_fields
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.lib.bundles import ENTRY_BITS, word


@pytest.mark.parametrize("name", ["1x4x4", "1x4x4+depthwise", "default"])
def test_fields_equal_those_of_the_decoded_instruction(name):
    config, random = extended(name), Random(4)
    clock, reset = clock_and_reset()
    entry, command = word(ENTRY_BITS), StepCommand(config)
    names = ["gemm", "wgt_factor_out", "wgt_factor_in"]
    names += ["depthwise", "row_pitch", "window"] * config.depthwise

    def drive(cycle):
        opcode = random.choice([Opcode.GEMM, Opcode.DWC, Opcode.ALU])
        entry.next = random.getrandbits(128) & ~7 | opcode

    watched = {"entry": entry} | {name: getattr(command, name) for name in names}
    kinds = set()
    for row in record([array_fields(entry, command, config=config)], clock, reset, watched, drive,
                      cycles=200)[1:]:
        item = decode(row["entry"] & (1 << 128) - 1, config)
        kinds.add(type(item))
        multiplies = (Gemm, Dwc) if config.depthwise else Gemm
        assert row["gemm"] == isinstance(item, multiplies)
        if isinstance(item, Gemm):
            factors = item.wgt_factor_out, item.wgt_factor_in
            assert (row["wgt_factor_out"], row["wgt_factor_in"]) == factors
        if isinstance(item, Dwc) and config.depthwise:
            assert row["depthwise"] and row["row_pitch"] == item.row_pitch
            assert row["window"] == item.window % config.taps
            assert row["wgt_factor_out"] == row["wgt_factor_in"] == 0
    assert len(kinds) == 3
