"""Bundles of signals between blocks; every width comes from the configuration.

A bundle only groups signals.  Directions are named from the side of the block that has the port: a
*sink* receives ``data``/``valid`` and drives ``ready``, a *source* does the opposite.
"""

from __future__ import annotations

from myhdl import Signal, intbv, modbv

from ...isa.config import Config
from ...isa.geometry import Geometry
from ...isa.opcodes import ADDRESS_BITS, INSTRUCTION_BYTES, MemoryType

__all__ = [
    "ENTRY_BITS", "ERROR_BITS", "INDEX_BITS", "MAX_BEATS", "Axi4", "AxiLite", "Completion", "Fault",
    "ForwardWrite", "LoadCommand", "OperandRead", "PadWrite", "PortError", "PortStatus",
    "ReadClient", "RowCount", "Stream", "TileWrite", "WriteClient", "bit", "signed_word", "word",
]

INDEX_BITS = 32  # position of an instruction in its stream
ERROR_BITS = 5  # isa.opcodes.ErrorCode
ENTRY_BITS = 8 * INSTRUCTION_BYTES + INDEX_BITS  # queue entry: {index, instruction}
MAX_BEATS = 16  # longest burst (AXI3's limit); inside a block of its size, so within 4 KiB


class PortError:
    """Values of ``data_error`` and ``done_error``."""

    NONE = 0
    WINDOW = 1  # refused: outside the memory window, nothing was issued
    BUS = 2  # SLVERR or DECERR


def bit() -> Signal:
    """Return a one-bit signal, reset to False."""
    return Signal(False)


def word(width: int) -> Signal:
    """Return an unsigned hardware word of ``width`` bits, reset to 0; it wraps like hardware."""
    return Signal(modbv(0)[width:])


class AxiLite:
    """AXI4-Lite with 16-bit byte addresses and 32-bit data."""

    def __init__(self) -> None:
        self.awaddr, self.awvalid, self.awready = word(16), bit(), bit()
        self.wdata, self.wstrb, self.wvalid, self.wready = word(32), word(4), bit(), bit()
        self.bresp, self.bvalid, self.bready = word(2), bit(), bit()
        self.araddr, self.arvalid, self.arready = word(16), bit(), bit()
        self.rdata, self.rresp, self.rvalid, self.rready = word(32), word(2), bit(), bit()


class Axi4:
    """AXI4 without IDs (one ID, responses in order); data as wide as the memory port."""

    def __init__(self, config: Config) -> None:
        data = config.bus_width
        self.awaddr, self.awlen, self.awsize = word(ADDRESS_BITS), word(8), word(3)
        self.awburst, self.awvalid, self.awready = word(2), bit(), bit()
        self.wdata, self.wstrb, self.wlast = word(data), word(data // 8), bit()
        self.wvalid, self.wready = bit(), bit()
        self.bresp, self.bvalid, self.bready = word(2), bit(), bit()
        self.araddr, self.arlen, self.arsize = word(ADDRESS_BITS), word(8), word(3)
        self.arburst, self.arvalid, self.arready = word(2), bit(), bit()
        self.rdata, self.rresp, self.rlast = word(data), word(2), bit()
        self.rvalid, self.rready = bit(), bit()


class Stream:
    """A word with handshake: it moves when ``valid and ready`` at a rising clock edge."""

    def __init__(self, width: int) -> None:
        self.data, self.valid, self.ready = word(width), bit(), bit()


class ReadClient:
    """A client's read side of the memory port.

    One request is one burst of 1..16 beats inside one aligned block of 16 beats.  Bit 32 of the
    address marks an address past the address space: the port refuses it like any other outside
    the window.  Data of one client arrives in request order; a refused burst is answered by one
    beat with ``data_last`` and ``data_error = WINDOW``.
    """

    def __init__(self, config: Config) -> None:
        self.request_valid, self.request_ready = bit(), bit()
        self.request_address = word(ADDRESS_BITS + 1)  # bytes, a multiple of the beat
        self.request_beats = word(5)
        self.data_valid, self.data_ready = bit(), bit()
        self.data = word(config.bus_width)
        self.data_last = bit()  # last beat of the burst
        self.data_error = word(2)  # PortError
        self.error_address = word(ADDRESS_BITS)


class WriteClient:
    """A client's write side of the memory port; requests as :class:`ReadClient`.

    ``data`` beats follow in request order.  ``done`` pulses once per burst, in order, when its
    response has arrived (or the burst was refused and its beats were discarded).
    """

    def __init__(self, config: Config) -> None:
        self.request_valid, self.request_ready = bit(), bit()
        self.request_address = word(ADDRESS_BITS + 1)
        self.request_beats = word(5)
        self.data_valid, self.data_ready = bit(), bit()
        self.data, self.data_strobe = word(config.bus_width), word(config.bus_bytes)
        self.done, self.done_error = bit(), word(2)
        self.error_address = word(ADDRESS_BITS)


class PortStatus:
    """State of the memory port, for control: see :mod:`.memory_port`."""

    def __init__(self) -> None:
        self.idle, self.draining, self.moved = bit(), bit(), bit()


class Fault:
    """A module's report: ``raised`` stays high until reset, with code and instruction index."""

    def __init__(self) -> None:
        self.raised, self.code, self.index = bit(), word(ERROR_BITS), word(INDEX_BITS)


class Completion:
    """An instruction that ends in this cycle, when ``valid``, and the tokens it then pushes."""

    def __init__(self) -> None:
        self.valid, self.push_prev, self.push_next = bit(), bit(), bit()


class OperandRead:
    """Read port of a scratchpad: data one cycle after ``enable``, held without it."""

    def __init__(self, address_bits: int, data_bits: int) -> None:
        self.enable, self.address, self.data = bit(), word(address_bits), word(data_bits)


class LoadCommand:
    """A LOAD whose static checks have passed and whose tokens have been taken."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.memory_type = word(3)
        self.sram_base, self.dram_base = word(16), word(32)
        self.y_size, self.x_size, self.x_stride = word(16), word(16), word(16)
        self.y_pad_0, self.y_pad_1 = word(4), word(4)
        self.x_pad_0, self.x_pad_1 = word(4), word(4)
        self.push_prev, self.push_next = bit(), bit()
        self.index = word(INDEX_BITS)


class TileWrite:
    """One beat of loaded data on its way into a scratchpad.

    For elements of at least a beat, ``index`` is the element and ``column`` the beat within it.
    For smaller ones a beat holds several elements (lanes, element 0 in the low bits): ``lanes``
    marks the valid ones and ``index`` is the element of lane 0, modulo the index width (it may
    belong to an invalid lane and precede the first element written).  ``data`` has ``beats`` times
    the width of the memory port: 2 after :mod:`.weights4_unpack`, else 1.
    """

    def __init__(self, config: Geometry, lanes: int, *, beats: int = 1) -> None:
        self.valid, self.ready = bit(), bit()
        self.memory_type = word(3)
        self.data = word(beats * config.bus_width)
        self.index = word(17)
        self.column = word(8)
        self.lanes = word(lanes)


class PadWrite:
    """Request to zero one element of a scratchpad; accepted when ``valid and ready``."""

    def __init__(self) -> None:
        self.valid, self.ready = bit(), bit()
        self.memory_type = word(3)
        self.index = word(17)


class ForwardWrite:
    """A result copied into an operand scratchpad: one OUT tile, written when ``valid and ready``.

    For INP, ``index`` is the tile; for WGT it is the row: row r of tile t is ``t * block_out + r``.
    ``memory_type`` is for :mod:`.forward_switch` and not driven behind it.
    """

    def __init__(self, config: Config) -> None:
        self.valid, self.ready = bit(), bit()
        self.memory_type = word(3)
        self.index = word(max(config.log_inp_depth, config.log_wgt_depth + config.log_block))
        self.data = word(8 * config.tile_bytes(MemoryType.OUT))


class RowCount:
    """Counter event: ``tiles`` elements of ``memory_type`` moved, when ``valid``."""

    def __init__(self) -> None:
        self.valid, self.memory_type, self.tiles = bit(), word(3), word(16)


def signed_word(width: int) -> Signal:
    """Return a two's complement signal of ``width`` bits; overflow raises in simulation."""
    return Signal(intbv(0, min=-(1 << (width - 1)), max=1 << (width - 1)))
