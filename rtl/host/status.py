"""What the engines and fetch tell control about themselves."""

from __future__ import annotations

from ...isa.opcodes import ADDRESS_BITS
from ..lib.bundles import INDEX_BITS, Fault, bit, word

__all__ = ["FetchStatus", "ModuleStatus"]


class ModuleStatus:
    """What a module tells control.

    ``idle``: nothing held or in progress and no instruction at its queue.  ``waiting``: the
    instruction with ``index`` cannot start and nothing else moves.  ``completed``: pulse per
    instruction.  ``present``: the module has instructions and ``oldest`` is the first of them
    (:mod:`.in_flight_tracker`).  ``error_address``: of its first burst that failed.
    """

    def __init__(self) -> None:
        self.idle, self.waiting, self.completed = bit(), bit(), bit()
        self.index = word(INDEX_BITS)
        self.present, self.oldest = bit(), word(INDEX_BITS)
        self.fault, self.error_address = Fault(), word(ADDRESS_BITS)


class FetchStatus:
    """What fetch tells control: see :mod:`.dispatch`; ``error_address`` as in ModuleStatus."""

    def __init__(self) -> None:
        self.done, self.blocked, self.index = bit(), bit(), word(INDEX_BITS)
        self.fault, self.error_address = Fault(), word(ADDRESS_BITS)
