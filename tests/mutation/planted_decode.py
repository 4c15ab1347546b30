"""Bugs in the refusal of extensions: encodings, options and registers."""

from planted import Planted

__all__ = ["TABLE"]

TABLE = (
    Planted(
        "STORE to INP accepted without forward", "decode", "store/store.py",
        "            if type_fault != ErrorCode.NONE:\n",
        "            if type_fault == ErrorCode.MEMORY_TYPE:\n",
        "rtl/store/store",
    ),
    Planted(
        "4-bit weights accepted without weights4", "decode", "load/load.py",
        "bad_flags or type_fault != ErrorCode.NONE or out_of_range", "bad_flags or out_of_range",
        "rtl/load/load",
    ),
    Planted(
        "4-bit weights executed by compute", "decode", "fetch/dispatch.py",
        "int(route(Load(memory_type=kind)) == Module.LOAD)",
        "int(route(Load(memory_type=kind)) == Module.LOAD and kind != 7)",
        "rtl/fetch/dispatch",
    ),
    Planted(
        "ALU_OPCODE before the missing extension", "decode", "compute/steps_decode.py",
        "plain_fault.next = operation_fault", "plain_fault.next = ErrorCode.ALU_OPCODE",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "micro-ops of DWC not checked", "decode", "compute/steps_decode.py",
        "is_steps.next = is_array == 1 or opcode == Opcode.ALU",
        "is_steps.next = opcode == Opcode.GEMM or opcode == Opcode.ALU",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "top bit of RQT's immediate ignored", "decode", "compute/option_faults.py",
        "index.next = concat(immediate, arriving[f_imm.hi:low])",
        "index.next = concat(immediate, False, arriving[f_imm.hi - 1:low])",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "upper bits of RED's immediate ignored", "decode", "compute/option_faults.py",
        "stray.next = arriving[f_imm.hi:middle] != 0", "stray.next = arriving[middle] != 0",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "window larger than the block accepted", "decode", "compute/option_faults.py",
        "and arriving[f_window.hi:low] != 0", "and arriving[f_window.hi:low] == 1",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "ACC_BASE off its tables accepted", "decode", "host/control.py",
        "config.alignment(POINTER_TYPES[register]) - 1",
        "config.tile_bytes(POINTER_TYPES[register][0]) - 1",
        "rtl/host/control",
    ),
    Planted(
        "options of RQT checked in other instructions", "decode", "compute/option_faults.py",
        "before == ErrorCode.NONE and arriving[f_opcode.hi:f_opcode.lo] == Opcode.ALU",
        "before == ErrorCode.NONE and arriving[f_opcode.hi:f_opcode.lo] != Opcode.LOAD",
        "rtl/compute/steps_decode",
    ),
    Planted(
        "window checked in GEMM", "decode", "compute/option_faults.py",
        "arriving[f_opcode.hi:f_opcode.lo] == Opcode.DWC",
        "arriving[f_opcode.hi:f_opcode.lo] != Opcode.ALU", "rtl/compute/steps_decode",
    ),
    Planted(
        "RED with an immediate accepted", "decode", "compute/option_faults.py",
        "concat(arriving[f_use_imm.lo], stray, arriving[middle:low])",
        "concat(False, stray, arriving[middle:low])", "rtl/compute/steps_decode",
    ),
    Planted(
        "undefined reduction accepted", "decode", "compute/option_faults.py",
        "arriving[middle:low])", "arriving[low], arriving[low])", "rtl/compute/steps_decode",
    ),
)
