"""The accelerator: fetch, three engines with their queues and tokens, memory port, registers.

Wiring only.  Ports: ``s_axi`` (AXI4-Lite slave, the register map of :mod:`myvta.isa.register_map`),
``m_axi`` (AXI4 master), ``interrupt`` (level, high while enabled and pending).  ``reset`` is
synchronous and active high.  Everything but the memory port, the registers and the control block
is reset by ``control`` whenever no launch is running, so a launch always starts clean.
"""

from __future__ import annotations

from typing import Any

from myhdl import ResetSignal, Signal, always_seq, block

from ..isa.config import Config
from ..isa.opcodes import QUEUE_DEPTH, TOKEN_CAPACITY, MemoryType
from .compute.compute import ComputeTokens, compute
from .compute.step_pipeline import OperandRead
from .fetch.fetch import fetch
from .host.control import control
from .host.counters import counters
from .host.performance import performance
from .host.registers import RegisterFile, registers
from .host.status import FetchStatus, ModuleStatus
from .lib.bundles import (
    ENTRY_BITS,
    Axi4,
    AxiLite,
    PadWrite,
    ReadClient,
    RowCount,
    Stream,
    TileWrite,
    WriteClient,
    bit,
)
from .lib.elements import MAX_LANES
from .lib.in_flight_tracker import in_flight_tracker
from .lib.queue import queue
from .lib.token_queue import token_queue
from .load.load import load
from .load.scratchpad import scratchpad
from .load.tile_switch import tile_switch
from .memory.memory_port import memory_port
from .store.store import store

__all__ = ["core"]


@block
def operand_buffers(
    clock: Any, write: TileWrite, pad: PadWrite, inp: OperandRead, wgt: OperandRead,
    *, config: Config,
) -> Any:
    """The input and weight buffers behind the load engine."""
    inp_write, inp_pad = TileWrite(config, MAX_LANES), PadWrite()
    wgt_write, wgt_pad = TileWrite(config, MAX_LANES), PadWrite()
    return (
        tile_switch(
            write, pad, inp_write, inp_pad, wgt_write, wgt_pad, first_type=MemoryType.INP,
        ),
        scratchpad(
            clock, inp_write, inp_pad, inp.enable, inp.address, inp.data,
            config=config, memory_type=MemoryType.INP,
        ),
        scratchpad(
            clock, wgt_write, wgt_pad, wgt.enable, wgt.address, wgt.data,
            config=config, memory_type=MemoryType.WGT,
        ),
    )


@block
def core(
    clock: Any, reset: Any, s_axi: AxiLite, m_axi: Axi4, interrupt: Any, *, config: Config
) -> Any:
    """The top level, converted as ``myvta_core``."""
    values = RegisterFile(config)
    module_reset = ResetSignal(1, active=1, isasync=False)
    launch, clear, cancel, busy, ended = (bit() for _ in range(5))
    halt = Signal(True)  # while no launch runs
    port_idle, draining, moved = bit(), bit(), bit()
    fetch_status = FetchStatus()
    load_status, compute_status, store_status = ModuleStatus(), ModuleStatus(), ModuleStatus()
    finish, others_idle, gemm_step, alu_step, acc_write = (bit() for _ in range(5))
    load_starved, compute_starved, store_starved = bit(), bit(), bit()

    # streams to the engines: dispatched, queued
    to_load, to_compute, to_store = (Stream(ENTRY_BITS) for _ in range(3))
    for_load, for_compute, for_store = (Stream(ENTRY_BITS) for _ in range(3))

    # memory port clients and scratchpads
    fetch_read, compute_read, load_read = (ReadClient(config) for _ in range(3))
    store_write = WriteClient(config)
    load_rows, compute_rows, store_rows = RowCount(), RowCount(), RowCount()
    fetch_read.error_address = fetch_status.error_address
    compute_read.error_address = compute_status.error_address
    load_read.error_address = load_status.error_address
    store_write.error_address = store_status.error_address
    tile_write, pad = TileWrite(config, MAX_LANES), PadWrite()
    inp = OperandRead(config.log_inp_depth, 8 * config.tile_bytes(MemoryType.INP))
    wgt = OperandRead(config.log_wgt_depth, 8 * config.tile_bytes(MemoryType.WGT))
    out = OperandRead(config.log_acc_depth, 8 * config.tile_bytes(MemoryType.OUT))

    # token queues: wires at both ends
    tokens = ComputeTokens()
    l2g_room, l2g_reserve, l2g_push = bit(), bit(), bit()
    g2l_available, g2l_pop = bit(), bit()
    s2g_room, s2g_reserve, s2g_push = bit(), bit(), bit()
    g2s_available, g2s_pop = bit(), bit()

    @always_seq(clock.posedge, module_reset)
    def join_idle():
        # a cycle late: whatever came before a FINISH shows before FINISH does
        others_idle.next = load_status.idle and store_status.idle

    return (
        join_idle,
        registers(
            clock, reset, s_axi, values, busy, ended, launch, clear, cancel, interrupt,
            config=config,
        ),
        control(
            clock, reset, launch, clear, cancel, values, fetch_status, load_status,
            compute_status, store_status, finish, tokens.l2g_available, g2l_available,
            g2s_available, tokens.s2g_available, port_idle, draining, moved, busy, module_reset,
            halt, ended, config=config,
        ),
        counters(
            clock, reset, launch, load_status.completed, compute_status.completed,
            store_status.completed, gemm_step, alu_step, acc_write, load_rows, compute_rows,
            store_rows, values, config=config,
        ),
        performance(
            clock, reset, launch, busy, halt, to_load, to_compute, to_store, fetch_status.done,
            fetch_status.blocked, load_status, load_starved, compute_status, compute_starved,
            store_status, store_starved, m_axi, values,
        ),
        memory_port(
            clock, reset, halt, values.window_base, values.window_limit, fetch_read, compute_read,
            load_read, store_write, m_axi, port_idle, draining, moved, config=config,
        ),
        fetch(
            clock, module_reset, values.insn_base, values.insn_count, fetch_read, to_load,
            to_compute, to_store, fetch_status.index, fetch_status.done, fetch_status.blocked,
            fetch_status.fault, config=config,
        ),
        queue(clock, module_reset, to_load, for_load, width=ENTRY_BITS, depth=QUEUE_DEPTH),
        queue(clock, module_reset, to_compute, for_compute, width=ENTRY_BITS, depth=QUEUE_DEPTH),
        queue(clock, module_reset, to_store, for_store, width=ENTRY_BITS, depth=QUEUE_DEPTH),
        in_flight_tracker(
            clock, module_reset, for_load, load_status.completed, load_status.present,
            load_status.oldest,
        ),
        in_flight_tracker(
            clock, module_reset, for_compute, compute_status.completed, compute_status.present,
            compute_status.oldest,
        ),
        in_flight_tracker(
            clock, module_reset, for_store, store_status.completed, store_status.present,
            store_status.oldest,
        ),
        token_queue(
            clock, module_reset, l2g_reserve, l2g_push, tokens.l2g_pop, tokens.l2g_available,
            l2g_room, capacity=TOKEN_CAPACITY,
        ),
        token_queue(
            clock, module_reset, tokens.g2l_reserve, tokens.g2l_push, g2l_pop, g2l_available,
            tokens.g2l_room, capacity=TOKEN_CAPACITY,
        ),
        token_queue(
            clock, module_reset, s2g_reserve, s2g_push, tokens.s2g_pop, tokens.s2g_available,
            s2g_room, capacity=TOKEN_CAPACITY,
        ),
        token_queue(
            clock, module_reset, tokens.g2s_reserve, tokens.g2s_push, g2s_pop, g2s_available,
            tokens.g2s_room, capacity=TOKEN_CAPACITY,
        ),
        load(
            clock, module_reset, for_load, g2l_available, g2l_pop, l2g_room, l2g_reserve,
            l2g_push, values.inp_base, values.wgt_base, load_read, tile_write, pad, load_rows,
            load_status.idle, load_status.waiting, load_starved, load_status.index,
            load_status.completed, load_status.fault, config=config,
        ),
        operand_buffers(clock, tile_write, pad, inp, wgt, config=config),
        compute(
            clock, module_reset, for_compute, tokens, values.uop_base, values.acc_base,
            compute_read, inp, wgt, out, compute_rows, others_idle, compute_status.idle,
            compute_status.waiting, compute_starved, compute_status.index,
            compute_status.completed, finish, gemm_step, alu_step, acc_write,
            compute_status.fault, config=config,
        ),
        store(
            clock, module_reset, for_store, g2s_available, g2s_pop, s2g_room, s2g_reserve,
            s2g_push, values.out_base, out.enable, out.address, out.data, store_write, store_rows,
            store_status.idle, store_status.waiting, store_starved, store_status.index,
            store_status.completed, store_status.fault, config=config,
        ),
    )
