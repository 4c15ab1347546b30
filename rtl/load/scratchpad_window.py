"""On-chip buffer of INP in four banks, so that the rows of a window are read in one cycle.

Contract
    Element e is word e div 4 of bank e mod 4.  Each bank is a :mod:`.scratchpad` of a quarter of
    the depth with a read port of its own; ``write``, ``pad`` and ``forward`` are answered as there,
    by the bank or banks whose elements they hold.
    Elements of at least a beat: every beat belongs to one bank.  Smaller ones: the elements of a
    beat are dealt out to the banks in turn, wherever the first one is, and a bank takes a quarter
    of the beat (at least one element) at once.
    Beats pass a register on their way into a bank that takes one element at a time.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from myhdl import always, always_comb, block

from ...isa.config import Config
from ...isa.geometry import Geometry
from ...isa.opcodes import MemoryType
from ..lib.bundles import ForwardWrite, OperandRead, PadWrite, TileWrite, bit, word
from ..lib.pack import join, take
from .scratchpad import scratchpad

__all__ = ["BANKS", "BANK_BITS", "WindowRead", "bank_geometry", "scratchpad_window"]

BANKS = 4
BANK_BITS = BANKS.bit_length() - 1
_INP = MemoryType.INP


class WindowRead:
    """Read ports of the banks of INP."""

    def __init__(self, config: Config) -> None:
        bits = 8 * config.tile_bytes(_INP)
        self.banks = [OperandRead(config.log_inp_depth - BANK_BITS, bits) for _ in range(BANKS)]


def bank_geometry(config: Config) -> Geometry:
    """Return the geometry of one bank: a quarter of the depth, and of a beat of small elements."""
    values = {field.name: getattr(config, field.name) for field in fields(Geometry)}
    values["log_inp_buff_size"] -= BANK_BITS
    if config.tile_bytes(_INP) < config.bus_bytes:
        values["log_bus_width"] = max(
            config.log_bus_width - BANK_BITS, config.log_tile_bits(_INP))
    return Geometry(**values)


@block
def scratchpad_window(
    clock: Any, write: TileWrite, pad: PadWrite, read: WindowRead, *, config: Config,
    forward: ForwardWrite | None = None,
) -> Any:
    """Hold the INP tiles that ``config`` specifies."""
    geometry = bank_geometry(config)
    parts, ready, pads_taken, moves, offers = [], [], [], [], []
    all_ready, any_taken, any_move = word(BANKS), word(BANKS), word(BANKS)
    # banks that take several elements take turns with results one by one: results to one after
    # the other would keep a beat from all of them
    takes_turns = int(config.bus_bytes > BANKS * config.tile_bytes(_INP))
    beat_waited, every_bank = bit(), (1 << BANKS) - 1
    for number, port in enumerate(read.banks):
        bank_pad = PadWrite()
        bank_pad.memory_type = pad.memory_type
        if config.tile_bytes(_INP) < config.bus_bytes:
            lanes = max(geometry.bus_bytes // config.tile_bytes(_INP), 1)
            bank_write = TileWrite(geometry, lanes)
            valid = bank_write.valid if forward is None else bit()
            route = deal_lanes(
                write, bank_write, valid, number=number, lanes=lanes, config=config)
        else:
            bank_write = TileWrite(geometry, 1)
            bank_write.column, bank_write.lanes = write.column, write.lanes
            bank_write.data = write.data
            valid = bank_write.valid if forward is None else bit()
            route = select_beat(write, bank_write, valid, number=number)
        bank_write.memory_type = write.memory_type
        bank_forward = None
        if forward is not None:
            bank_forward, move = ForwardWrite(config), bit()
            bank_forward.memory_type, bank_forward.data = forward.memory_type, forward.data
            parts += [
                select_result(forward, beat_waited, bank_forward, move, number=number),
            ]
            moves.append(move)
            offers.append((valid, bank_write.valid))
        parts += [
            route, select_pad(pad, bank_pad, number=number),
            scratchpad(
                clock, bank_write, bank_pad, port.enable, port.address, port.data,
                config=geometry, memory_type=_INP, forward=bank_forward,
            ),
        ]
        ready.append(bank_write.ready)
        pads_taken.append(bank_pad.ready)

    @always_comb
    def accept():
        write.ready.next = all_ready == every_bank
        pad.ready.next = any_taken != 0

    parts += [
        take_part(offered, [*ready[:number], *ready[number + 1:]], valid)
        for number, (offered, valid) in enumerate(offers)
    ]
    nodes = parts, join(ready, all_ready), join(pads_taken, any_taken), accept
    if forward is None:
        return nodes

    @always_comb
    def accept_result():
        forward.ready.next = any_move != 0

    @always(clock.posedge)
    def give_way():
        beat_waited.next = takes_turns == 1 and write.valid and all_ready != every_bank

    return nodes, join(moves, any_move), accept_result, give_way


@block
def take_part(offered: Any, others_ready: Any, valid: Any) -> Any:
    """``valid``: a bank takes its part of a beat, as soon as all other banks can take theirs."""
    ready, every_other = word(BANKS - 1), (1 << (BANKS - 1)) - 1

    @always_comb
    def take_together():
        valid.next = offered and ready == every_other

    return join(others_ready, ready), take_together


@block
def select_result(
    forward: ForwardWrite, beat_waited: Any, bank_forward: ForwardWrite, move: Any, *,
    number: int,
) -> Any:
    """Pass on a result whose tile is in bank ``number``; ``move``: the bank takes it."""

    @always_comb
    def select():
        bank_forward.valid.next = (
            forward.valid and not beat_waited and forward.index[BANK_BITS:] == number
        )
        bank_forward.index.next = forward.index[:BANK_BITS]

    @always_comb
    def watch():
        move.next = bank_forward.valid and bank_forward.ready

    return select, watch


@block
def select_pad(pad: PadWrite, bank_pad: PadWrite, *, number: int) -> Any:
    """Pass on a pad whose element is in bank ``number``."""

    @always_comb
    def select():
        bank_pad.valid.next = pad.valid and pad.index[BANK_BITS:] == number
        bank_pad.index.next = pad.index[:BANK_BITS]

    return select


@block
def select_beat(write: TileWrite, bank_write: TileWrite, valid: Any, *, number: int) -> Any:
    """Pass on a beat whose element is in bank ``number``, which is then ``valid``."""

    @always_comb
    def select():
        valid.next = write.valid and write.index[BANK_BITS:] == number
        bank_write.index.next = write.index[:BANK_BITS]

    return select


@block
def deal_lanes(
    write: TileWrite, bank_write: TileWrite, valid: Any, *, number: int, lanes: int,
    config: Config,
) -> Any:
    """Pass on every fourth element of a beat, from the first that is in bank ``number``.

    ``valid``: at least one of them is.
    """
    width = config.log_tile_bits(_INP)
    count = config.bus_bytes // config.tile_bytes(_INP)
    element = 1 << width
    first, shift = word(BANK_BITS), word(BANK_BITS + width)
    shifted, lanes_here, shifted_lanes = word(config.bus_width), word(count), word(count)
    data = [word(element) for _ in range(lanes)]
    marks = [bit() for _ in range(lanes)]
    parts = [
        [
            take(shifted, data[lane], lo=lane * BANKS * element),
            take(shifted_lanes, marks[lane], lo=lane * BANKS),
        ]
        for lane in range(lanes)
    ]

    @always_comb
    def find_first():
        first.next = number - write.index[BANK_BITS:]

    @always_comb
    def measure():
        lanes_here.next = write.lanes[count:]
        shift.next = 0
        shift.next[BANK_BITS + width:width] = first

    @always_comb
    def align():
        shifted.next = write.data >> shift
        shifted_lanes.next = lanes_here >> first

    @always_comb
    def pass_on():
        valid.next = write.valid and bank_write.lanes != 0
        bank_write.column.next = write.column
        bank_write.index.next = write.index[:BANK_BITS]
        if write.index[BANK_BITS:] > number:
            bank_write.index.next = write.index[:BANK_BITS] + 1

    return (
        parts, find_first, measure, align, pass_on, join(data, bank_write.data),
        join(marks, bank_write.lanes),
    )
