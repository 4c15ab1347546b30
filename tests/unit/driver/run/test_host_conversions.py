"""host_conversions: between real numbers and integers, in every layout a host step knows."""

import re

import numpy as np
import pytest

from myvta.driver import HostStep, HostStepError, Program, ProgramTensor
from myvta.driver.run.host_conversions import HOST_CONVERSIONS, dequantize, quantize
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

CONFIG, INP = named("1x4x4"), MemoryType.INP


def test_quantize_rounds_half_up_and_saturates():
    tensor = ProgramTensor(name="t", shape=(1, 8), offset=0, memory_type=INP, scale=(0.5,))
    values = np.array([[-0.75, -0.25, 0.25, 0.75, 1e9, -1e9, 63.5, 63.4]])
    assert quantize(values, tensor, CONFIG).tolist() == [[-1, 0, 1, 2, 127, -128, 127, 127]]
    narrow = named("1x4x4_int4")
    assert quantize(values, tensor, narrow).tolist() == [[-1, 0, 1, 2, 7, -8, 7, 7]]


def test_scale_per_index_and_zero_point():
    tensor = ProgramTensor(name="t", shape=(1, 2, 2), dtype="int8", scale=(0.5, 2.0), axis=1,
                    zero_point=3)
    real = np.array([[[1.0, -1.0], [4.0, 10.0]]])
    whole = quantize(real, tensor, CONFIG)
    assert whole.tolist() == [[[5, 1], [5, 8]]]
    assert np.array_equal(dequantize(whole, tensor), real)
    with pytest.raises(HostStepError, match="tensor 'u' has no scale"):
        dequantize(whole, ProgramTensor(name="u", shape=(1, 2, 2)))


def test_non_numeric_values_are_refused():
    tensor = ProgramTensor(name="t", shape=(1, 1), offset=0, memory_type=INP, scale=(0.5,))
    with pytest.raises(HostStepError, match=re.escape("tensor 't' cannot hold NaN")):
        quantize(np.array([[np.nan]]), tensor, CONFIG)


def converted(op, value, source, result, **attributes):
    """Do one host step on tensors with these shapes, scale 0.5 on the integer side."""
    program = Program(
        name="p", config=CONFIG, size=4096, segments=(), steps=(),
        tensors=(ProgramTensor(name="x", shape=source, dtype=value.dtype.name, scale=(0.5,)),
                 ProgramTensor(name="y", shape=result, dtype="int8" if value.dtype.kind == "f" else
                        "float32", scale=(0.5,))),
    )
    step = HostStep(layer="l", op=op, inputs=("x",), outputs=("y",), attributes=attributes)
    (found,) = HOST_CONVERSIONS[op](step, [value], program)
    return np.asarray(found)


def test_quantize_narrow_saturates_to_its_width_and_transposes_rows():
    real = np.array([[[1.0, -1.0], [100.0, -100.0]]], np.float32)
    assert converted("quantize_narrow", real, (1, 2, 2), (1, 2, 2), width=4).tolist() == [
        [[2, -2], [7, -8]]
    ]
    assert converted(
        "quantize_narrow", real, (1, 2, 2), (1, 2, 2), width=4, transposed=1
    ).tolist() == [[[2, 7], [-2, -8]]]


def test_dequantize_flat_transposes_rows_back_and_takes_the_output_s_shape():
    whole = np.array([[[2, 7], [-2, -8]]], np.int8)
    assert converted("dequantize_flat", whole, (1, 2, 2), (1, 4), transposed=1).tolist() == [
        [1.0, -1.0, 3.5, -4.0]
    ]
    assert converted("dequantize_flat", whole, (1, 2, 2), (1, 4)).tolist() == [
        [1.0, 3.5, -1.0, -4.0]
    ]


def test_unpack_gives_every_lane_its_pixel():
    packed = np.arange(8, dtype=np.int8).reshape(1, 4, 1, 2)
    found = converted("unpack", packed, (1, 4, 1, 2), (1, 1, 2, 3),
                      filters=1, size=[2, 3], block=[2, 2])
    assert found.tolist() == [[[[0, 2, 1], [4, 6, 5]]]]


def test_quantize_packed_puts_taps_into_lanes():
    real = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4) / 2
    found = converted(
        "quantize_packed", real, (1, 1, 1, 4), (1, 2, 1, 3), width=8, channels=1, size=[1, 4],
        out=[1, 3], kernel=[1, 2], strides=[1, 1], dilations=[1, 1], before=[0, 0], taps=[1, 2],
    )
    assert found.tolist() == [[[[0, 1, 2]], [[1, 2, 3]]]]
