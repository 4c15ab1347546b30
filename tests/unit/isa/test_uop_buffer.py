"""LOAD UOP without a device: strides and padding by hand (rules D9 to D11 of device.md)."""

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Gemm, Load, Uop, encode_uop
from myvta.isa.opcodes import MemoryType
from myvta.isa.uop_buffer import UopBuffer, UopImage, uop_indices

CONFIG = named("1x4x4")  # 256 micro-ops
IMAGE = UopImage(np.arange(1, 21, dtype="<u4").tobytes())  # words 1 .. 20


def load_uop(**fields):
    return Load(memory_type=MemoryType.UOP, **fields)


def contents(load, count, image=IMAGE):
    buffer = UopBuffer(CONFIG, np.full(256, 99, np.uint32))
    buffer.load(load, image.rows(load))
    return buffer.words(Gemm(uop_end=count)).tolist()


def test_rows_are_read_a_stride_apart_and_written_one_after_another():
    load = load_uop(sram_base=1, dram_base=2, y_size=2, x_size=3, x_stride=5)
    assert contents(load, 8) == [99, 3, 4, 5, 8, 9, 10, 99]


def test_padding_on_every_side_is_zero():
    load = load_uop(dram_base=4, y_size=2, x_size=2, x_stride=10, y_pad_0=1, y_pad_1=2, x_pad_0=1,
                    x_pad_1=1)
    assert contents(load, 21) == [0] * 4 + [0, 5, 6, 0] + [0, 15, 16, 0] + [0] * 8 + [99]


def test_no_rows_write_the_y_padding_alone():
    assert contents(load_uop(y_size=0, x_size=3, y_pad_0=1, y_pad_1=1), 7) == [0] * 6 + [99]


def test_no_columns_write_nothing():
    assert contents(load_uop(y_size=2, x_size=0, y_pad_0=3, x_pad_0=3), 2) == [99, 99]


def test_words_past_the_image_are_zero():
    assert contents(load_uop(dram_base=18, x_size=4), 5) == [19, 20, 0, 0, 99]


def test_loaded_indices_are_known_until_unknown_words_are_loaded():
    buffer = UopBuffer(CONFIG)
    assert buffer.known == 0
    load = load_uop(sram_base=2, y_size=2, x_size=2, x_stride=2, x_pad_0=1)
    buffer.load(load, IMAGE.rows(load))
    assert buffer.known == 0b1111_1100
    assert buffer.known_words().tolist() == [0, 0, 0, 1, 2, 0, 3, 4]
    buffer.load(load_uop(sram_base=5, x_size=2), None)
    assert buffer.known == 0b1001_1100


@pytest.mark.parametrize(("name", "index"), [("dst", 5), ("src", 6), ("wgt", 7)])
def test_indices_of_encoded_micro_ops(name, index):
    words = np.array([0, encode_uop(Uop(5, 6, 7), CONFIG)], np.uint32)
    assert uop_indices(words, name, CONFIG).tolist() == [0, index]
