"""Splitting transfers: whatever the sizes, the instructions mean the same."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from myvta.driver import StreamError
from myvta.driver.stream import transfers
from myvta.driver.stream.transfers import load_instructions, store_instructions
from myvta.isa.config import named
from myvta.isa.instructions import encode
from myvta.isa.opcodes import MemoryType

INP = MemoryType.INP


def run_loads(loads, dram, depth):
    """Execute LOADs as vta_isa.md 4.1 writes them, one number an element; -1 is untouched."""
    sram = np.full(depth, -1)
    for load in loads:
        encode(load, named("default"))  # every field fits
        if not load.x_size:
            continue
        width = load.x_pad_0 + load.x_size + load.x_pad_1
        at = load.sram_base
        sram[at : at + width * load.y_pad_0] = 0
        at += width * load.y_pad_0
        for row in range(load.y_size):
            sram[at : at + width] = 0
            start = load.dram_base + row * load.x_stride
            sram[at + load.x_pad_0 : at + load.x_pad_0 + load.x_size] = (
                dram[start : start + load.x_size]
            )
            at += width
        sram[at : at + width * load.y_pad_1] = 0
    return sram


def padded(dram, base, sizes, stride, x_pad, y_pad):
    rows = [dram[base + y * stride : base + y * stride + sizes[0]] for y in range(sizes[1])]
    return np.pad(np.array(rows).reshape(sizes[1], sizes[0]), (y_pad, x_pad)).reshape(-1)


pads = st.tuples(st.integers(0, 20), st.integers(0, 20))


@pytest.mark.slow
@settings(max_examples=150)
@given(
    x_size=st.integers(1, 9), y_size=st.integers(0, 6), extra=st.integers(0, 5), x_pad=pads,
    y_pad=pads, sram=st.integers(0, 7), base=st.integers(0, 9), limit=st.integers(2, 12),
)
def test_loads_equal_a_padded_copy(x_size, y_size, extra, x_pad, y_pad, sram, base, limit):
    stride = x_size + extra
    dram = np.arange(1, 200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "_SIZE_LIMIT", limit)  # a field as narrow as a test can reach
        loads = list(load_instructions(INP, sram, base, x_size, y_size, stride, x_pad, y_pad))
    want = padded(dram, base, (x_size, y_size), stride, x_pad, y_pad)
    got = run_loads(loads, dram, 3000)
    assert np.array_equal(got[sram : sram + len(want)], want)
    assert (got[:sram] == -1).all()
    assert (got[sram + len(want) :] == -1).all()


@settings(max_examples=100)
@given(
    x_size=st.integers(1, 9), y_size=st.integers(0, 6), extra=st.integers(0, 5),
    limit=st.integers(2, 12),
)
def test_stores_equal_strided_rows(x_size, y_size, extra, limit):
    stride = x_size + extra
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "_SIZE_LIMIT", limit)
        stores = list(store_instructions(3, 5, x_size, y_size, stride))
    moved = {}
    for store in stores:
        for row in range(store.y_size):
            for x in range(store.x_size):
                where = store.dram_base + row * store.x_stride + x
                moved[where] = store.sram_base + row * store.x_size + x
    want = {
        5 + y * stride + x: 3 + y * x_size + x for y in range(y_size) for x in range(x_size)
    }
    assert moved == want


def test_fitting_transfer_is_one_instruction():
    (load,) = load_instructions(INP, 1, 2, 3, 4, 5, (15, 14), (13, 12))
    assert (load.sram_base, load.dram_base, load.x_size, load.y_size, load.x_stride) == (
        1, 2, 3, 4, 5
    )
    assert (load.x_pad_0, load.x_pad_1, load.y_pad_0, load.y_pad_1) == (15, 14, 13, 12)


def test_contiguous_rows_are_merged():
    (load,) = load_instructions(INP, 0, 0, 3, 4, None, (0, 0), (0, 0))
    assert (load.x_size, load.y_size) == (12, 1)
    (store,) = store_instructions(0, 0, 3, 4, 3)
    assert (store.x_size, store.y_size) == (12, 1)


def test_stride_of_a_single_row_is_ignored():
    (load,) = load_instructions(INP, 0, 0, 3, 1, 1 << 20, (0, 0), (0, 0))
    assert load.x_stride == 3


def test_large_strides_are_transferred_row_by_row():
    loads = list(load_instructions(INP, 0, 0, 2, 3, 70000, (0, 0), (0, 0)))
    assert [load.dram_base for load in loads] == [0, 70000, 140000]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((INP, 0, 0, 0, 1, None, (0, 0), (0, 0)), "x_size must be at least 1, not 0"),
        ((INP, 0, 0, 1, -1, None, (0, 0), (0, 0)), "y_size must be at least 0, not -1"),
        ((INP, 0, 0, 1, 1, -1, (0, 0), (0, 0)), "x_stride must be at least 0, not -1"),
        ((INP, 0, 0, 1, 1, None, (0, -1), (0, 0)), "right x_pad must be at least 0, not -1"),
        ((INP, 0, 0, 1, 1, None, (0, 0), (-2, 0)), "top y_pad must be at least 0, not -2"),
        ((MemoryType.UOP, 0, 0, 1, 1, None, (0, 0), (0, 0)), "loads one of WGT, INP, ACC"),
        ((MemoryType.OUT, 0, 0, 1, 1, None, (0, 0), (0, 0)), "loads one of WGT, INP, ACC"),
    ],
)
def test_impossible_transfers_are_refused(arguments, message):
    with pytest.raises(StreamError, match=message):
        list(load_instructions(*arguments))
