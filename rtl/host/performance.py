"""Count where the cycles of a launch go: isa.registers.PERFORMANCE.

Contract
    All are cleared by the clock edge that sees ``launch``, show an event one edge after the one
    that sees it, hold between launches and wrap at 2^32.  Each edge that CYCLES counts
    (``busy`` and not ``halt``) is counted once for fetch and once for each engine, by
    :func:`count_states`.  Bursts are counted when the memory accepts their address.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import Axi4, Stream, bit
from .counters import count_pulses
from .registers import RegisterFile
from .status import ModuleStatus

__all__ = ["performance"]


@block
def count_states(
    clock: Any, reset: Any, launch: Any, running: Any, empty: Any, held: Any, starved: Any,
    busy_cycles: Any, held_cycles: Any, starved_cycles: Any, empty_cycles: Any,
) -> Any:
    """Count each running cycle as the first that is true of empty, held, starved, else busy."""
    is_busy, is_held, is_starved, is_empty = bit(), bit(), bit(), bit()  # of the last cycle

    @always_seq(clock.posedge, reset)
    def classify() -> None:
        is_empty.next = running and empty
        is_held.next = running and not empty and held
        is_starved.next = running and not empty and not held and starved
        is_busy.next = running and not empty and not held and not starved

    return (
        classify,
        count_pulses(clock, reset, launch, is_busy, busy_cycles),
        count_pulses(clock, reset, launch, is_held, held_cycles),
        count_pulses(clock, reset, launch, is_starved, starved_cycles),
        count_pulses(clock, reset, launch, is_empty, empty_cycles),
    )


@block
def performance(
    clock: Any, reset: Any, launch: Any, busy: Any, halt: Any, to_load: Stream,
    to_compute: Stream, to_store: Stream, fetch_done: Any, fetch_blocked: Any, load: ModuleStatus,
    load_starved: Any, compute: ModuleStatus, compute_starved: Any, store: ModuleStatus,
    store_starved: Any, m_axi: Axi4, values: RegisterFile,
) -> Any:
    """Watch the engines' status; ``*_starved`` say that memory keeps an engine waiting."""
    running, fetch_starved, read_burst, write_burst = (bit() for _ in range(4))

    @always_comb
    def watch() -> None:
        running.next = busy and not halt
        fetch_starved.next = not (
            (to_load.valid and to_load.ready) or (to_compute.valid and to_compute.ready)
            or (to_store.valid and to_store.ready)
        )

    @always_seq(clock.posedge, reset)
    def register_bursts() -> None:
        read_burst.next = m_axi.arvalid and m_axi.arready
        write_burst.next = m_axi.awvalid and m_axi.awready

    return (
        watch, register_bursts,
        count_states(
            clock, reset, launch, running, fetch_done, fetch_blocked, fetch_starved,
            values.fetch_busy, values.fetch_queue, values.fetch_read, values.fetch_done,
        ),
        count_states(
            clock, reset, launch, running, load.idle, load.waiting, load_starved,
            values.load_busy, values.load_token, values.load_read, values.load_empty,
        ),
        count_states(
            clock, reset, launch, running, compute.idle, compute.waiting, compute_starved,
            values.compute_busy, values.compute_token, values.compute_read, values.compute_empty,
        ),
        count_states(
            clock, reset, launch, running, store.idle, store.waiting, store_starved,
            values.store_busy, values.store_token, values.store_write, values.store_empty,
        ),
        count_pulses(clock, reset, launch, read_burst, values.read_bursts),
        count_pulses(clock, reset, launch, write_burst, values.write_bursts),
    )
