"""On-chip buffer of one memory type: filled by a loader, read one element per cycle.

Contract
    ``write.ready`` is always high.  A beat of this buffer's memory type that is ``valid`` is
    written to the memory: one column of an element at the second clock edge, or the ``lanes`` of
    several elements at the first.  A read requested at a later edge sees it.
    ``pad`` zeroes one element.  Parts of it that are not written by data at the same edge are
    zeroed at once, the others in a later cycle; ``pad.ready`` is high in the cycle that zeroes the
    last of them.  Without data that is the first cycle; in the worst case every part waits for its
    beat, since data always has priority.  ``pad`` must hold until it is ready.
    ``read_data`` is the element at ``read_address`` one cycle after ``read_enable`` and holds
    while ``read_enable`` is low.  Reading an element while it is written returns old parts.
    Contents are undefined at power-up and survive reset; a reset of the loader between two pads
    requires none here.

An element of at least a beat is stored in *columns*, memories as wide as the beat.  Smaller
elements are in *banks*, as many as a beat has lanes: element e in bank e mod banks, word e div
banks; a beat is rotated so that every lane reaches its bank, wherever its first element is.
"""

from __future__ import annotations

from myhdl import block

from ...isa.config import Config
from ...isa.opcodes import MemoryType
from .scratchpad_banks import scratchpad_banks
from .scratchpad_columns import scratchpad_columns

__all__ = ["scratchpad"]


@block
def scratchpad(
    clock, write, pad, read_enable, read_address, read_data,
    *, config: Config, memory_type: MemoryType,
):
    """Hold all elements of ``memory_type`` (UOP, INP or WGT) that ``config`` specifies."""
    if config.tile_bytes(memory_type) >= config.bus_bytes:
        memory = scratchpad_columns(
            clock, write, pad, read_enable, read_address, read_data,
            config=config, memory_type=memory_type,
        )
    else:
        memory = scratchpad_banks(
            clock, write, pad, read_enable, read_address, read_data,
            config=config, memory_type=memory_type,
        )
    return memory
