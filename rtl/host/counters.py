"""Count the work of a launch: the architectural counters of isa.register_map.

Contract
    All are cleared by the clock edge that sees ``launch``, and count an event at the edge that sees
    it; they hold between launches and wrap at 2^32.  Events: completed instructions of the three
    modules, GEMM and DWC steps that multiply, ALU steps, accumulator tiles written by steps, and
    rows moved (``RowCount``: tiles of one memory type), reported as bytes.  Those of an extension
    are built where it is configured.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from ..lib.bundles import RowCount, word
from .register_values import Results
from .status import ModuleStatus, StepEvents

__all__ = ["count_pulses", "counters"]


@block
def count_pulses(clock: Any, reset: Any, launch: Any, pulse: Any, value: Any) -> Any:
    """Count the cycles in which ``pulse`` is high."""

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if launch:
            value.next = 0
        elif pulse:
            value.next = value + 1

    return count


@block
def count_completed(
    clock: Any, reset: Any, launch: Any, load: Any, compute: Any, store: Any, value: Any
) -> Any:
    """Count the instructions of three modules."""
    together = word(2)

    @always_comb
    def add() -> None:
        together.next = 0
        if load and compute and store:
            together.next = 3
        elif (load and compute) or (load and store) or (compute and store):
            together.next = 2
        elif load or compute or store:
            together.next = 1

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if launch:
            value.next = 0
        else:
            value.next = value + together

    return add, count


@block
def count_bytes(
    clock: Any, reset: Any, launch: Any, rows: RowCount, value: Any, *, memory_type: int,
    log_tile_bytes: int,
) -> Any:
    """Count the bytes of one memory type."""
    tiles = word(32)

    @always_seq(clock.posedge, reset)
    def count() -> None:
        if launch:
            tiles.next = 0
        elif rows.valid and rows.memory_type == memory_type:
            tiles.next = tiles + rows.tiles

    @always_comb
    def scale() -> None:
        value.next = tiles << log_tile_bytes

    return count, scale


@block
def counters(
    clock: Any, reset: Any, launch: Any, load: ModuleStatus, compute: ModuleStatus,
    store: ModuleStatus, events: StepEvents, results: Results, *, config: Config,
) -> Any:
    """One small block per counter."""
    steps = [
        (events.gemm_step, results.gemm_steps), (events.alu_step, results.alu_steps),
        (events.acc_write, results.acc_writes),
    ]
    if config.depthwise:
        steps.append((events.dwc_step, results.dwc_steps))
    pulses = [count_pulses(clock, reset, launch, pulse, value) for pulse, value in steps]
    instructions = count_completed(
        clock, reset, launch, load=load.completed, compute=compute.completed,
        store=store.completed, value=results.instructions,
    )
    transfers = [
        (MemoryType.UOP, compute.rows, results.uop_bytes),
        (MemoryType.WGT, load.rows, results.wgt_bytes),
        (MemoryType.INP, load.rows, results.inp_bytes),
        (MemoryType.ACC, compute.rows, results.acc_bytes),
        (MemoryType.ACC_8BIT, compute.rows, results.acc_8bit_bytes),
        (MemoryType.OUT, store.rows, results.out_bytes),
    ]
    if config.lookup:
        transfers.append((MemoryType.LUT, compute.rows, results.lut_bytes))
    if config.weights4:
        transfers.append((MemoryType.WGT_4BIT, load.rows, results.wgt_4bit_bytes))
    moved = [
        count_bytes(
            clock, reset, launch, rows, value, memory_type=int(memory_type),
            log_tile_bytes=config.log_tile_bits(memory_type) - 3,
        )
        for memory_type, rows, value in transfers
    ]
    return pulses, instructions, moved
