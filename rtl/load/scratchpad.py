"""On-chip buffer of one memory type: filled by a loader, read one element per cycle.

Contract
    A beat of this buffer's memory type is written to the memory when ``write.valid`` and
    ``write.ready``: one column of an element at the second clock edge, or the ``lanes`` of several
    elements at the first.  A read requested at a later edge sees it.  ``write.ready`` is always
    high without ``forward``.
    With ``weights4``, WGT takes beats of :mod:`.weights4_unpack`, of WGT and of WGT_4BIT: one of
    the latter writes two columns, or twice as many lanes.
    ``forward``: a result is written when it is ``valid`` and ``ready``, at that edge.  Where beats
    and results want to be written in the same cycle they take turns, and a pad that could be
    zeroed lets no two results pass in a row: each of them moves at least every second cycle.
    ``pad`` zeroes one element.  Parts of it that are not written by data at the same edge are
    zeroed at once, the others in a later cycle; ``pad.ready`` is high in the cycle that zeroes the
    last of them.  Without data and results that is the first cycle; in the worst case every part
    waits for its beat, since data always has priority.  A pad of WGT in columns waits for a cycle
    without data and results, in which it is zeroed whole.  ``pad`` must hold until it is ready.
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
from .weight_columns import weight_columns

__all__ = ["scratchpad"]


@block
def scratchpad(
    clock, write, pad, read_enable, read_address, read_data,
    *, config: Config, memory_type: MemoryType, forward=None,
):
    """Hold all elements of ``memory_type`` (UOP, INP or WGT) that ``config`` specifies."""
    in_columns = 8 * config.tile_bytes(memory_type) >= len(write.data)
    if in_columns and memory_type == MemoryType.WGT:
        memory = weight_columns(
            clock, write, pad, read_enable, read_address, read_data, config=config, forward=forward,
        )
    elif in_columns:
        memory = scratchpad_columns(
            clock, write, pad, read_enable, read_address, read_data,
            config=config, memory_type=memory_type, forward=forward,
        )
    else:
        memory = scratchpad_banks(
            clock, write, pad, read_enable, read_address, read_data,
            config=config, memory_type=memory_type, forward=forward,
        )
    return memory
