"""bundles: widths that suffice in every configuration, and attributes that are plain signals.

MyHDL silently omits ports in lists or slots, so a bundle has neither.
"""

from itertools import product

import pytest
from myhdl import SignalType

from myvta.isa.config import NAMED
from myvta.isa.fields import layout
from myvta.isa.opcodes import ErrorCode, MemoryType, Opcode
from myvta.rtl.lib import bundles
from myvta.rtl.lib.bundles import (
    ENTRY_BITS,
    INDEX_BITS,
    MAX_BEATS,
    Axi4,
    AxiLite,
    Completion,
    Fault,
    ForwardWrite,
    LoadCommand,
    OperandRead,
    PadWrite,
    PortError,
    PortStatus,
    ReadClient,
    RowCount,
    Stream,
    TileWrite,
    WriteClient,
    bit,
    signed_word,
    word,
)
from myvta.rtl.lib.elements import MAX_LANES, last_columns

CONFIGURATIONS = [
    config.replace(log_bus_width=log_bus) for config in NAMED.values() for log_bus in (6, 7, 8)
]
WIDEST = NAMED["default"].replace(log_bus_width=8)
ALL = [
    AxiLite(), Axi4(WIDEST), Stream(9), ReadClient(WIDEST), WriteClient(WIDEST), PortStatus(),
    Fault(), Completion(), OperandRead(5, 32), LoadCommand(), TileWrite(WIDEST, MAX_LANES),
    PadWrite(), RowCount(), ForwardWrite(WIDEST),
]


@pytest.mark.parametrize("bundle", ALL, ids=lambda bundle: type(bundle).__name__)
def test_a_bundle_is_signals_that_reset_to_zero(bundle):
    assert not hasattr(type(bundle), "__slots__")
    for name, signal in vars(bundle).items():
        assert isinstance(signal, SignalType), name
        assert signal == 0, name


def test_every_bundle_is_checked():
    classes = {name for name in bundles.__all__ if isinstance(getattr(bundles, name), type)}
    assert {type(bundle).__name__ for bundle in ALL} == classes - {PortError.__name__}


def test_a_result_reaches_every_tile_and_row():
    for config in CONFIGURATIONS:
        forward = ForwardWrite(config)
        assert config.depth(MemoryType.INP) <= 1 << len(forward.index)
        assert config.depth(MemoryType.WGT) * config.block_out <= 1 << len(forward.index)
        assert len(forward.data) == 8 * config.tile_bytes(MemoryType.OUT)


@pytest.mark.parametrize("log_bus", [6, 7, 8])
def test_data_is_as_wide_as_the_memory_port(log_bus):
    config = NAMED["default"].replace(log_bus_width=log_bus)
    axi, read, write = Axi4(config), ReadClient(config), WriteClient(config)
    for data in (axi.rdata, axi.wdata, read.data, write.data, TileWrite(config, 1).data):
        assert len(data) == 1 << log_bus
    for strobe in (axi.wstrb, write.data_strobe):
        assert 8 * len(strobe) == 1 << log_bus


def test_a_tile_write_reaches_every_element_and_beat():
    for config, kind in product(CONFIGURATIONS, MemoryType):
        write, pad = TileWrite(config, MAX_LANES), PadWrite()
        # one bit more than an element needs: lane 0 may be before the first one
        assert config.depth(kind) <= write.index.max // 2 == pad.index.max // 2
        assert last_columns(config)[kind] < write.column.max
        assert kind < write.memory_type.max


@pytest.mark.parametrize("name", NAMED)
def test_a_load_command_has_the_widths_of_the_instruction(name):
    fields = layout(Opcode.LOAD, NAMED[name])
    widths = {name: len(signal) for name, signal in vars(LoadCommand()).items()}
    for field in ("memory_type", "sram_base", "dram_base", "y_size", "x_size", "x_stride",
                  "y_pad_0", "y_pad_1", "x_pad_0", "x_pad_1", "push_prev", "push_next"):
        assert widths[field] == fields[field].width, field
    assert widths["index"] == INDEX_BITS


def test_a_request_tells_an_address_past_the_address_space():
    for client in (ReadClient(WIDEST), WriteClient(WIDEST)):
        assert client.request_address.max == 2 << 32
        assert client.error_address.max == 1 << 32
        assert MAX_BEATS < client.request_beats.max


@pytest.mark.parametrize("log_bus", [6, 7, 8])
def test_an_aligned_burst_never_crosses_4_kib(log_bus):
    assert 4096 % (MAX_BEATS << log_bus - 3) == 0
    assert MAX_BEATS <= 16, "the limit of AXI3"


def test_codes_and_entries_fit():
    assert max(ErrorCode) < Fault().code.max
    assert max(PortError.NONE, PortError.WINDOW, PortError.BUS) < ReadClient(WIDEST).data_error.max
    assert ENTRY_BITS == 128 + INDEX_BITS


def test_a_word_wraps_and_a_signed_word_raises():
    assert isinstance(bit().val, bool)
    counter, total = word(4), signed_word(4)
    counter.next = 15 + 3
    assert counter.next == 2
    total.next = -8
    for value in (8, -9):
        with pytest.raises(ValueError, match="intbv"):
            total.next = value
