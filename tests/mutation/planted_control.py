"""Planted bugs of tokens, registers, and the start and end of launches."""

from __future__ import annotations

from planted import Planted

__all__ = ["TABLE"]

_CONTROL, _REGISTERS = "rtl/host/control rtl/host/launch_end", "rtl/host/registers"

TABLE = (
    # -- tokens ----------------------------------------------------------------------------------
    Planted(
        "a token queue is never full", "tokens", "lib/token_queue.py",
        "room.next = not full", "room.next = True", "rtl/lib/token_queue",
    ),
    Planted(
        "a token popped as one is pushed comes back", "tokens", "lib/token_queue.py",
        "if tokens.push and not tokens.pop:", "if tokens.push:", "rtl/lib/token_queue",
    ),
    Planted(
        "every LOAD pushes", "tokens", "load/load.py",
        "l2g.push.next = done.valid and done.push_next", "l2g.push.next = done.valid",
        "rtl/load/load",
    ),
    Planted(
        "LOAD pops while it waits for the loader", "tokens", "load/engine_head.py",
        "pops.pop.next = head.starts and sink.data[pop_bit]",
        "pops.pop.next = head.gathered and sink.data[pop_bit]", "rtl/load/load",
    ),
    Planted(
        "STORE does not wait for its token", "tokens", "load/engine_head.py",
        "(pops.available or not sink.data[pop_bit])", "True", "rtl/load/engine_head",
    ),
    Planted(
        "a STORE of nothing keeps its token", "tokens", "store/store.py",
        "or (head.starts and empty and push_flag)", "", "rtl/store/store",
    ),
    Planted(
        "FINISH gives store its token only with one for load", "tokens", "compute/compute.py",
        "(finished.valid and finished.push_next)",
        "(finished.valid and finished.push_next and finished.push_prev)",
        "device/tokens::test_tokens_left_over_are_a_warning",
    ),
    Planted(
        "a step gives load its token only with one for store", "tokens", "compute/compute.py",
        "(step_done.valid and step_done.push_prev)",
        "(step_done.valid and step_done.push_prev and step_done.push_next)",
        "device/tokens::test_flags_of_empty_instructions_move_tokens",
    ),
    Planted(
        "compute reserves room before it has its tokens", "tokens", "compute/compute_issue.py",
        "sound and popped and not reserved", "sound and not reserved",
        "rtl/compute/compute_issue",
    ),
    Planted(
        "a LOAD starts after a fault of another part", "tokens", "compute/compute_issue.py",
        "if leaves or activity.stopped:", "if leaves:", "rtl/compute/compute_issue",
    ),
    Planted(
        "pop flags of compute exchanged", "tokens", "compute/steps_decode.py",
        "decoded.pop_prev.next = entry[f_pop_prev]", "decoded.pop_prev.next = entry[f_pop_next]",
        "device/tokens::test_flags_of_empty_instructions_move_tokens",
    ),
    Planted(
        "weights are loaded by compute", "tokens", "fetch/dispatch.py",
        "int(route(Load(memory_type=kind)) == Module.LOAD)",
        "int(route(Load(memory_type=kind)) == Module.LOAD and kind != 1)",
        "rtl/fetch/dispatch",
    ),
    # -- control ---------------------------------------------------------------------------------
    Planted(
        "third byte written without its strobe", "control", "host/registers.py",
        "if here and write.strobe[c]:", "if here and (write.strobe[c] or write.strobe[b]):",
        _REGISTERS,
    ),
    Planted(
        "a word past the map reads as the one of its low bits", "control", "host/register_reads.py",
        "low, high = 2 * _LEVELS, len(index)", "low, high = 2 * _LEVELS, len(index) - 1",
        "rtl/host/register_reads",
    ),
    Planted(
        "a missing word reads as its neighbour", "control", "host/register_reads.py",
        "there.next = known[index[top:]]", "there.next = True", "rtl/host/register_reads",
    ),
    Planted(
        "window lock without effect", "control", "host/registers.py",
        "window_closed.next = launch.busy or settings.window_lock[0]",
        "window_closed.next = launch.busy", _REGISTERS,
    ),
    Planted(
        "registers can be written while busy", "control", "host/registers.py",
        "(always_open or not closed)", "(always_open or not closed or offset == Reg.INSN_BASE)",
        _REGISTERS,
    ),
    Planted(
        "interrupt without its enable bit", "control", "host/registers.py",
        "interrupt.next = settings.interrupt_status[0] and settings.interrupt_enable[0]",
        "interrupt.next = settings.interrupt_status[0]", _REGISTERS,
    ),
    Planted(
        "window limit to the byte", "control", "host/registers.py",
        "Reg.WINDOW_LIMIT: (32, _PAGE)", "Reg.WINDOW_LIMIT: (32, 0)", _REGISTERS,
    ),
    Planted(
        "RESET without its strobe", "control", "host/registers.py",
        "write.index == Reg.RESET // 4 and write.data[0] and write.strobe[0]",
        "write.index == Reg.RESET // 4 and write.data[0]", _REGISTERS,
    ),
    Planted(
        "watchdog one cycle late", "control", "host/launch_end.py",
        "cycles == last", "cycles == settings.watchdog", _CONTROL,
    ),
    Planted(
        "a watchdog of one cycle is none", "control", "host/launch_end.py",
        "armed.next = settings.watchdog != 0", "armed.next = settings.watchdog > 1", _CONTROL,
    ),
    Planted(
        "deadlock names the highest of two", "control", "host/launch_end.py",
        "compute.index < store.index", "compute.index > store.index", _CONTROL,
    ),
    Planted(
        "a store that waits is never a deadlock", "control", "host/launch_end.py",
        "(store.idle or store.waiting)", "store.idle", _CONTROL,
    ),
    Planted(
        "a bus that moves is given up", "control", "host/launch_end.py",
        "if not running and not moved:", "if not running:", _CONTROL,
    ),
    Planted(
        "address of a LOAD's fault is fetch's", "control", "host/launch_end.py",
        "end.address.next = load.error_address", "end.address.next = fetch.error_address", _CONTROL,
    ),
    Planted(
        "tokens from store to compute are not left over", "control", "host/control.py",
        "                or tokens.s2g.available\n", "", _CONTROL,
    ),
    Planted(
        "output pointer may lie anywhere", "control", "host/control.py",
        "settings.acc_base & acc != 0 or settings.out_base & out != 0",
        "settings.acc_base & acc != 0", _CONTROL,
    ),
    Planted(
        "soft reset names the instruction to be dispatched next", "control",
        "lib/in_flight_tracker.py",
        "becomes_first.next = not non_empty or (in_flight == 1 and completed)",
        "becomes_first.next = not non_empty", "rtl/lib/in_flight_tracker",
    ),
    Planted(
        "instructions that complete together count once", "control", "host/counters.py",
        "together.next = 3", "together.next = 2", "rtl/host/counters",
    ),
    Planted(
        "GEMM steps counted are those that reset", "control", "compute/step_events.py",
        "gemm_step.next = step.valid and not stopped and step.gemm and not step.clear",
        "gemm_step.next = step.valid and not stopped and step.gemm and step.clear",
        "device/gemm::test_reset_clears_the_accumulators",
    ),
    Planted(
        "stream goes on after FINISH", "control", "fetch/dispatch.py",
        "following == insn_count or routed.data[_FINISH]", "following == insn_count",
        "rtl/fetch/dispatch",
    ),
)
