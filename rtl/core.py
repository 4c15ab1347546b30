"""The accelerator: fetch, three engines with their queues and tokens, memory port, registers.

Wiring only.  Ports: ``s_axi`` (AXI4-Lite slave, the register map of :mod:`myvta.isa.register_map`),
``m_axi`` (AXI4 master), ``interrupt`` (level, high while enabled and pending).  ``reset`` is
synchronous and active high.  Everything but the memory port, the registers and the control block
is reset by ``control`` whenever no launch is running, so every launch starts from reset state.
"""

from __future__ import annotations

from typing import Any

from myhdl import ResetSignal, Signal, always_seq, block

from ..isa.config import Config
from ..isa.legality import forwards_to_weights
from ..isa.opcodes import QUEUE_DEPTH, TOKEN_CAPACITY, MemoryType
from .compute.compute import compute
from .fetch.fetch import fetch
from .host.control import control
from .host.counters import counters
from .host.performance import performance
from .host.register_values import Results, Settings
from .host.registers import registers
from .host.status import FetchStatus, LaunchControl, ModuleStatus, StepEvents, mark_uncounted
from .lib.bundles import (
    ENTRY_BITS,
    Axi4,
    AxiLite,
    ForwardWrite,
    OperandRead,
    PadWrite,
    PortStatus,
    ReadClient,
    Stream,
    TileWrite,
    WriteClient,
    bit,
)
from .lib.elements import MAX_LANES
from .lib.in_flight_tracker import in_flight_tracker
from .lib.queue import queue
from .lib.token_queue import DependencyTokens, token_queue
from .load.forward_switch import forward_switch
from .load.load import load
from .load.scratchpad import scratchpad
from .load.scratchpad_window import WindowRead, scratchpad_window
from .load.tile_switch import tile_switch
from .load.weights4_unpack import weights4_unpack
from .memory.memory_port import memory_port
from .store.store import store

__all__ = ["core"]


@block
def operand_buffers(
    clock: Any, write: TileWrite, pad: PadWrite, forward: ForwardWrite | None,
    inp: OperandRead | WindowRead, wgt: OperandRead, *, config: Config,
) -> Any:
    """The input and weight scratchpads, which the load engine fills, and with forward the store
    engine.
    """
    inp_write, inp_pad = TileWrite(config, MAX_LANES), PadWrite()
    wgt_write, wgt_pad = TileWrite(config, MAX_LANES), PadWrite()
    wgt_beats, inp_forward, wgt_forward = wgt_write, None, None
    parts: list[Any] = []
    if config.weights4:
        wgt_beats = TileWrite(config, MAX_LANES, beats=2)
        parts.append(weights4_unpack(wgt_write, wgt_beats, config=config))
    if config.forward:
        inp_forward = ForwardWrite(config)
        wgt_forward = ForwardWrite(config) if forwards_to_weights(config) else None
        parts.append(forward_switch(forward, inp_forward, wgt_forward))
    if isinstance(inp, WindowRead):
        parts.append(scratchpad_window(
            clock, inp_write, inp_pad, inp, config=config, forward=inp_forward,
        ))
    else:
        parts.append(scratchpad(
            clock, inp_write, inp_pad, inp.enable, inp.address, inp.data,
            config=config, memory_type=MemoryType.INP, forward=inp_forward,
        ))
    return (
        parts,
        tile_switch(
            write, pad, first_write=inp_write, first_pad=inp_pad, second_write=wgt_write,
            second_pad=wgt_pad, first_type=MemoryType.INP,
        ),
        scratchpad(
            clock, wgt_beats, wgt_pad, wgt.enable, wgt.address, wgt.data,
            config=config, memory_type=MemoryType.WGT, forward=wgt_forward,
        ),
    )


@block
def core(
    clock: Any, reset: Any, s_axi: AxiLite, m_axi: Axi4, interrupt: Any, *, config: Config
) -> Any:
    """The top level, converted as ``myvta_core``."""
    settings, results, launch = Settings(config), Results(config), LaunchControl()
    module_reset = ResetSignal(1, active=1, isasync=False)
    halt = Signal(True)  # while no launch runs
    port, fetch_status = PortStatus(), FetchStatus()
    load_status, compute_status, store_status = ModuleStatus(), ModuleStatus(), ModuleStatus()
    finish, others_idle, events = bit(), bit(), StepEvents(config)
    tokens = DependencyTokens()

    # streams to the engines: dispatched, queued
    to_load, to_compute, to_store = (Stream(ENTRY_BITS) for _ in range(3))
    for_load, for_compute, for_store = (Stream(ENTRY_BITS) for _ in range(3))

    # memory port clients and scratchpads
    fetch_read, compute_read, load_read = (ReadClient(config) for _ in range(3))
    store_write = WriteClient(config)
    fetch_read.error_address = fetch_status.error_address
    compute_read.error_address = compute_status.error_address
    load_read.error_address = load_status.error_address
    store_write.error_address = store_status.error_address
    tile_write, pad = TileWrite(config, MAX_LANES), PadWrite()
    forward = ForwardWrite(config) if config.forward else None
    inp: OperandRead | WindowRead = (
        WindowRead(config) if config.depthwise
        else OperandRead(config.log_inp_depth, 8 * config.tile_bytes(MemoryType.INP))
    )
    wgt = OperandRead(config.log_wgt_depth, 8 * config.tile_bytes(MemoryType.WGT))
    out = OperandRead(config.log_acc_depth, 8 * config.tile_bytes(MemoryType.OUT))

    counting = []
    if config.has_counters:
        counting.append(counters(
            clock, reset, launch.start, load=load_status, compute=compute_status,
            store=store_status, events=events, results=results, config=config,
        ))
    if config.has_performance:
        counting.append(performance(
            clock, reset, launch=launch, halt=halt, to_load=to_load, to_compute=to_compute,
            to_store=to_store, fetch=fetch_status, load=load_status, compute=compute_status,
            store=store_status, m_axi=m_axi, results=results,
        ))
    mark_uncounted((load_status, compute_status, store_status), events, config)

    @always_seq(clock.posedge, module_reset)
    def join_idle():
        # one cycle late, so that events before a FINISH are visible before FINISH is
        others_idle.next = load_status.idle and store_status.idle

    return (
        join_idle,
        registers(
            clock, reset, s_axi=s_axi, settings=settings, results=results, launch=launch,
            interrupt=interrupt, config=config,
        ),
        control(
            clock, reset, launch=launch, settings=settings, results=results, fetch=fetch_status,
            load=load_status, compute=compute_status, store=store_status, finish=finish,
            tokens=tokens, port=port, module_reset=module_reset, halt=halt, config=config,
        ),
        counting,
        memory_port(
            clock, reset, halt=halt, window_base=settings.window_base,
            window_limit=settings.window_limit, fetch=fetch_read, compute=compute_read,
            load=load_read, store=store_write, m_axi=m_axi, status=port, config=config,
        ),
        fetch(
            clock, module_reset, insn_base=settings.insn_base, insn_count=settings.insn_count,
            read=fetch_read, load=to_load, compute=to_compute, store=to_store,
            status=fetch_status, config=config,
        ),
        [
            queue(clock, module_reset, dispatched, queued, width=ENTRY_BITS, depth=QUEUE_DEPTH)
            for dispatched, queued in (
                (to_load, for_load), (to_compute, for_compute), (to_store, for_store),
            )
        ],
        [
            in_flight_tracker(
                clock, module_reset, queued, completed=status.completed, present=status.present,
                index=status.oldest,
            )
            for queued, status in (
                (for_load, load_status), (for_compute, compute_status), (for_store, store_status),
            )
        ],
        [
            token_queue(clock, module_reset, pair, capacity=TOKEN_CAPACITY)
            for pair in (tokens.l2g, tokens.g2l, tokens.s2g, tokens.g2s)
        ],
        load(
            clock, module_reset, for_load, g2l=tokens.g2l, l2g=tokens.l2g,
            inp_base=settings.inp_base, wgt_base=settings.wgt_base, read=load_read,
            write=tile_write, pad=pad, status=load_status, config=config,
        ),
        operand_buffers(clock, tile_write, pad, forward, inp, wgt, config=config),
        compute(
            clock, module_reset, for_compute, tokens=tokens, uop_base=settings.uop_base,
            acc_base=settings.acc_base, read=compute_read, inp=inp, wgt=wgt, out=out,
            others_idle=others_idle, status=compute_status, events=events, finish=finish,
            config=config,
        ),
        store(
            clock, module_reset, for_store, g2s=tokens.g2s, s2g=tokens.s2g,
            out_base=settings.out_base, out=out, write=store_write, forward=forward,
            status=store_status, config=config,
        ),
    )
