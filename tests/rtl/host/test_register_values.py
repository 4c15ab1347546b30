"""register_values: every register that has a value is a setting or a result, with its reset."""

from myvta.isa.config import NAMED
from myvta.isa.register_map import REGISTERS, Reg, reset_values
from myvta.rtl.host.register_values import CONSTANTS, RESULTS, SETTINGS, Results, Settings

CONFIG = NAMED["1x4x4"]


def test_each_register_belongs_to_one_group():
    assert not RESULTS & SETTINGS
    assert {*RESULTS, *SETTINGS, *CONSTANTS, Reg.RESET} == set(REGISTERS)
    assert {Reg.CONTROL, Reg.CYCLES, Reg.READ_BURSTS} < RESULTS
    assert {Reg.INSN_BASE, Reg.INTERRUPT_STATUS, Reg.WINDOW_LOCK} < SETTINGS


def test_signals_hold_the_values_of_reset():
    resets = reset_values(CONFIG)
    for values, offsets in ((Settings(CONFIG), SETTINGS), (Results(CONFIG), RESULTS)):
        shown = {name: int(signal) for name, signal in vars(values).items()}
        assert shown == {offset.name.lower(): resets[offset] for offset in offsets}
