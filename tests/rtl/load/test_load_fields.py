"""load_fields: every field of random LOADs, against the instruction that was encoded."""

from dataclasses import fields
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Load, encode
from myvta.isa.opcodes import Opcode
from myvta.rtl.lib.bundles import ENTRY_BITS, LoadCommand, word
from myvta.rtl.load.load_fields import load_fields

BITS = {
    "memory_type": 3, "sram_base": 16, "dram_base": 32, "y_size": 16, "x_size": 16, "x_stride": 16,
    "y_pad_0": 4, "y_pad_1": 4, "x_pad_0": 4, "x_pad_1": 4,
    "pop_prev": 1, "pop_next": 1, "push_prev": 1, "push_next": 1,
}


@pytest.mark.parametrize("name", ["default", "1x4x4"])
def test_fields_equal_the_encoded_load(name):
    assert set(BITS) == {field.name for field in fields(Load)}
    config, random = NAMED[name], Random(11)
    clock, reset = clock_and_reset()
    entry, command = word(ENTRY_BITS), LoadCommand()
    block = load_fields(entry, command, config=config)
    driven = {name: signal for name, signal in vars(command).items()
              if name not in ("valid", "ready")}
    expected = {}

    def on_edge(cycle):
        nonlocal expected
        assert not expected or {field: int(driven[field]) for field in driven} == expected
        assert not command.valid and not command.ready
        load = Load(**{field: random.getrandbits(width) for field, width in BITS.items()})
        index = random.getrandbits(32)
        instruction = encode(load, config)
        assert instruction & 7 == Opcode.LOAD
        entry.next = index << 128 | instruction
        expected = {"index": index} | {
            field: value for field, value in vars(load).items() if not field.startswith("pop")
        }
        assert expected.keys() == driven.keys()
        return cycle == 200

    simulate([block], clock, reset, on_edge, limit=201)
