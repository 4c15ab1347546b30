"""Attribute the cycles of a launch to causes: isa.register_map.PERFORMANCE.

Contract
    All are cleared by the clock edge that sees ``launch.start``, count an event one edge after the
    one that sees it, hold between launches and wrap at 2^32.  Each edge that CYCLES counts
    (``busy`` and not ``halt``) is counted once for fetch and once for each engine, by
    :func:`count_states`.  Bursts are counted when the memory accepts their address.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ..lib.bundles import Axi4, Stream, bit
from .counters import count_pulses
from .register_values import Results
from .status import FetchStatus, LaunchControl, ModuleStatus

__all__ = ["performance"]


@block
def count_states(
    clock: Any, reset: Any, launch: Any, running: Any, empty: Any, held: Any, starved: Any,
    busy_cycles: Any, held_cycles: Any, starved_cycles: Any, empty_cycles: Any,
) -> Any:
    """Count each running cycle under the first of empty, held and starved that holds, or busy."""
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
    clock: Any, reset: Any, launch: LaunchControl, halt: Any, to_load: Stream,
    to_compute: Stream, to_store: Stream, fetch: FetchStatus, load: ModuleStatus,
    compute: ModuleStatus, store: ModuleStatus, m_axi: Axi4, results: Results,
) -> Any:
    """Watch the engines' status."""
    running, fetch_starved, read_burst, write_burst = (bit() for _ in range(4))

    @always_comb
    def watch() -> None:
        running.next = launch.busy and not halt
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
            clock, reset, launch.start, running, empty=fetch.done, held=fetch.blocked,
            starved=fetch_starved, busy_cycles=results.fetch_busy, held_cycles=results.fetch_queue,
            starved_cycles=results.fetch_read, empty_cycles=results.fetch_done,
        ),
        count_states(
            clock, reset, launch.start, running, empty=load.idle, held=load.waiting,
            starved=load.starved, busy_cycles=results.load_busy, held_cycles=results.load_token,
            starved_cycles=results.load_read, empty_cycles=results.load_empty,
        ),
        count_states(
            clock, reset, launch.start, running, empty=compute.idle, held=compute.waiting,
            starved=compute.starved, busy_cycles=results.compute_busy,
            held_cycles=results.compute_token, starved_cycles=results.compute_read,
            empty_cycles=results.compute_empty,
        ),
        count_states(
            clock, reset, launch.start, running, empty=store.idle, held=store.waiting,
            starved=store.starved, busy_cycles=results.store_busy, held_cycles=results.store_token,
            starved_cycles=results.store_write, empty_cycles=results.store_empty,
        ),
        count_pulses(clock, reset, launch.start, read_burst, results.read_bursts),
        count_pulses(clock, reset, launch.start, write_burst, results.write_bursts),
    )
