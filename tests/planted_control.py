"""Planted bugs of tokens, registers, and the start and end of launches."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

_CONTROL, _REGISTERS = "rtl_control rtl_launch_end", "rtl_registers"

TABLE = (
    # -- tokens ----------------------------------------------------------------------------------
    Planted(
        "a token queue is never full", "tokens", "token_queue.py",
        "room.next = not full", "room.next = True", "rtl_token_queue",
    ),
    Planted(
        "a token popped as one is pushed comes back", "tokens", "token_queue.py",
        "if push and not pop:", "if push:", "rtl_token_queue",
    ),
    Planted(
        "every LOAD pushes", "tokens", "load.py",
        "l2g_push.next = done and done_push_next", "l2g_push.next = done", "rtl_load",
    ),
    Planted(
        "LOAD pops while it waits for the loader", "tokens", "load.py",
        "g2l_pop.next = starts and sink.data[f_pop_next.lo]",
        "g2l_pop.next = gathered and sink.data[f_pop_next.lo]", "rtl_load",
    ),
    Planted(
        "STORE does not wait for its token", "tokens", "store.py",
        "(g2s_available or not sink.data[f_pop_prev.lo])", "True", "rtl_store",
    ),
    Planted(
        "a STORE of nothing keeps its token", "tokens", "store.py",
        "or (starts and empty and sink.data[f_push_prev.lo])", "", "rtl_store",
    ),
    Planted(
        "FINISH gives store its token only with one for load", "tokens", "compute.py",
        "(finishes and finish_push_next)", "(finishes and finish_push_next and finish_push_prev)",
        "device_tokens::test_tokens_left_over_are_a_warning",
    ),
    Planted(
        "a step gives load its token only with one for store", "tokens", "compute.py",
        "(step_done and step_push_prev)", "(step_done and step_push_prev and step_push_next)",
        "device_tokens::test_every_legal_flag_on_instructions_that_move_nothing",
    ),
    Planted(
        "pop flags of compute exchanged", "tokens", "steps_decode.py",
        "decoded.pop_prev.next = entry[f_pop_prev]", "decoded.pop_prev.next = entry[f_pop_next]",
        "device_tokens::test_every_legal_flag_on_instructions_that_move_nothing",
    ),
    Planted(
        "weights are loaded by compute", "tokens", "dispatch.py",
        "            or instructions.data[memory_type.hi:memory_type.lo] == MemoryType.WGT\n", "",
        "rtl_fetch",
    ),
    # -- control ---------------------------------------------------------------------------------
    Planted(
        "third byte written without its strobe", "control", "registers.py",
        "if strobe[2]:", "if strobe[2] or strobe[1]:", _REGISTERS,
    ),
    Planted(
        "window lock without effect", "control", "registers.py",
        "window_closed.next = busy or values.window_lock[0]", "window_closed.next = busy",
        _REGISTERS,
    ),
    Planted(
        "registers can be written while busy", "control", "registers.py",
        "(always_open or not closed)", "(always_open or not closed or offset == Reg.INSN_BASE)",
        _REGISTERS,
    ),
    Planted(
        "interrupt without its enable bit", "control", "registers.py",
        "interrupt.next = values.interrupt_status[0] and values.interrupt_enable[0]",
        "interrupt.next = values.interrupt_status[0]", _REGISTERS,
    ),
    Planted(
        "window limit to the byte", "control", "registers.py",
        "Reg.WINDOW_LIMIT: (32, _PAGE)", "Reg.WINDOW_LIMIT: (32, 0)", _REGISTERS,
    ),
    Planted(
        "RESET without its strobe", "control", "registers.py",
        "write.index == Reg.RESET // 4 and write.data[0] and write.mask[0]",
        "write.index == Reg.RESET // 4 and write.data[0]", _REGISTERS,
    ),
    Planted(
        "watchdog one cycle late", "control", "launch_end.py",
        "values.cycles == last", "values.cycles == values.watchdog", _CONTROL,
    ),
    Planted(
        "a watchdog of one cycle is none", "control", "launch_end.py",
        "armed.next = values.watchdog != 0", "armed.next = values.watchdog > 1", _CONTROL,
    ),
    Planted(
        "deadlock names the highest of two", "control", "launch_end.py",
        "compute_index < store_index", "compute_index > store_index", _CONTROL,
    ),
    Planted(
        "a store that waits is never a deadlock", "control", "launch_end.py",
        "(store.idle or store.waiting)", "store.idle", _CONTROL,
    ),
    Planted(
        "a bus that moves is given up", "control", "launch_end.py",
        "if not running and not moved:", "if not running:", _CONTROL,
    ),
    Planted(
        "address of a LOAD's fault is fetch's", "control", "launch_end.py",
        "at_fault.next = load.error_address", "at_fault.next = fetch.error_address", _CONTROL,
    ),
    Planted(
        "tokens from store to compute are not left over", "control", "control.py",
        "load_to_compute or compute_to_load or compute_to_store or store_to_compute",
        "load_to_compute or compute_to_load or compute_to_store", _CONTROL,
    ),
    Planted(
        "output pointer may lie anywhere", "control", "control.py",
        "values.acc_base & acc != 0 or values.out_base & out != 0", "values.acc_base & acc != 0",
        _CONTROL,
    ),
    Planted(
        "soft reset names the instruction to be dispatched next", "control", "oldest.py",
        "becomes_first.next = not some or (under_way == 1 and completed)",
        "becomes_first.next = not some", "rtl_oldest",
    ),
    Planted(
        "instructions that complete together count once", "control", "counters.py",
        "together.next = 3", "together.next = 2", "rtl_counters",
    ),
    Planted(
        "GEMM steps counted are those that reset", "control", "step_pipeline.py",
        "s9.valid and not fault.raised and s9.gemm and not s9.clear",
        "s9.valid and not fault.raised and s9.gemm and s9.clear",
        "device_gemm::test_reset",
    ),
    Planted(
        "stream goes on after FINISH", "control", "dispatch.py",
        "following == insn_count or routed.data[_FINISH]", "following == insn_count",
        "rtl_fetch",
    ),
)
