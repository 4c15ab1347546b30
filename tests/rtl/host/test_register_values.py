"""register_values: every register that has a value is a setting or a result, with its reset."""

from myvta.isa.config import NAMED
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.register_map import REGISTERS, Reg, reset_values
from myvta.rtl.host.register_values import CONSTANTS, RESULTS, SETTINGS, Results, Settings

CONFIG = NAMED["1x4x4"]
ALL = CONFIG.replace(**dict.fromkeys(EXTENSION_NAMES, True))


def test_each_register_belongs_to_one_group():
    assert not RESULTS & SETTINGS
    assert {*RESULTS, *SETTINGS, *CONSTANTS, Reg.RESET} == set(REGISTERS)
    assert {Reg.CONTROL, Reg.CYCLES, Reg.READ_BURSTS} < RESULTS
    assert {Reg.INSN_BASE, Reg.INTERRUPT_STATUS, Reg.WINDOW_LOCK} < SETTINGS


def test_signals_hold_the_values_of_reset():
    resets = reset_values(ALL)
    for values, offsets in ((Settings(ALL), SETTINGS), (Results(ALL), RESULTS)):
        shown = {name: int(signal) for name, signal in vars(values).items()}
        assert shown == {offset.name.lower(): resets[offset] for offset in offsets}


def test_results_of_missing_counters_have_no_signal():
    shown = {name: set(vars(Results(CONFIG.replace(counters=name))))
             for name in ("all", "basic", "none")}
    assert len(shown["all"] - shown["basic"]) == 18
    assert shown["basic"] - shown["none"] == {
        "acc_writes", "instructions", "gemm_steps", "alu_steps", "uop_bytes", "wgt_bytes",
        "inp_bytes", "acc_bytes", "acc_8bit_bytes", "out_bytes",
    }
    assert shown["none"] == {"control", "cycles", "error_code", "error_index", "error_address"}


def test_results_of_missing_extensions_have_no_signal():
    missing = set(vars(Results(ALL))) - set(vars(Results(CONFIG)))
    assert missing == {"lut_bytes", "wgt_4bit_bytes", "dwc_steps"}
    assert vars(Settings(ALL)).keys() == vars(Settings(CONFIG)).keys()
