"""Status signals of the parts of the device, for control and the counters, and launch control."""

from __future__ import annotations

from collections.abc import Iterable

from ...isa.config import Config
from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import INDEX_BITS, Fault, RowCount, bit, word

__all__ = ["FetchStatus", "LaunchControl", "ModuleStatus", "StepEvents", "mark_uncounted"]


class ModuleStatus:
    """Status of a module.

    ``idle``: nothing held or in progress and no instruction at its queue.  ``waiting``: the
    instruction with ``index`` cannot start and nothing else moves.  ``starved``: it waits for
    memory.  ``completed``: pulse per instruction.  ``rows``: each row it has moved.  ``present``:
    the module has instructions and ``oldest`` is the first of them (:mod:`.in_flight_tracker`).
    ``error_address``: of its first burst that failed.
    """

    def __init__(self) -> None:
        self.idle, self.waiting, self.starved, self.completed = bit(), bit(), bit(), bit()
        self.index = word(INDEX_BITS)
        self.rows = RowCount()
        self.present, self.oldest = bit(), word(INDEX_BITS)
        self.fault, self.error_address = Fault(), word(ADDRESS_BITS)


class FetchStatus:
    """Status of fetch: see :mod:`.dispatch`; ``error_address`` as in ModuleStatus."""

    def __init__(self) -> None:
        self.done, self.blocked, self.index = bit(), bit(), word(INDEX_BITS)
        self.fault, self.error_address = Fault(), word(ADDRESS_BITS)


class StepEvents:
    """Pulses of the compute engine for the counters: one per step, and one per tile written.

    Only configurations with the extension ``depthwise`` have ``dwc_step``.
    """

    def __init__(self, config: Config) -> None:
        self.gemm_step, self.alu_step, self.acc_write = bit(), bit(), bit()
        if config.depthwise:
            self.dwc_step = bit()


class LaunchControl:
    """Signals between registers and control: the host's pulses and the state of the launch.

    ``start`` begins a launch, ``clear`` clears the status bits, ``cancel`` ends a launch.  ``busy``
    is high while one runs; ``ended`` pulses at its end.
    """

    def __init__(self) -> None:
        self.start, self.clear, self.cancel = bit(), bit(), bit()
        self.busy, self.ended = bit(), bit()


def mark_uncounted(modules: Iterable[ModuleStatus], events: StepEvents, config: Config) -> None:
    """Mark as read, for MyHDL, the signals of counters that the configuration does not have."""
    for module in modules:
        if not config.has_performance:
            module.starved.read = True
        if not config.has_counters:
            for signal in vars(module.rows).values():
                signal.read = True
    if not config.has_counters:
        for signal in vars(events).values():
            signal.read = True
