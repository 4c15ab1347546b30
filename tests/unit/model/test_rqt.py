"""RQT: values by hand, parameters of each lane, and the big-integer oracle."""

import numpy as np
import pytest
import scalar_reference as reference
from alu_device import HIGH, LOW, alu_device
from hypothesis import given, settings, strategies as st

from myvta.isa.instructions import Alu, Finish, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode
from myvta.model.model_errors import DeviceFault
from myvta.model.rqt import RqtOptions, requantize

RQT = AluOpcode.RQT
HALF = 1 << 30  # multiplier one half in Q31


@pytest.mark.parametrize(
    ("imm", "acc", "bias", "multiplier", "shift", "expected"),
    [
        (0x400, [5, -5, 6, -6], 0, 0, 1, [3, -2, 3, -3]),  # bypass, half up
        (0x600, [5, -5, 6, -6], 0, 0, 1, [3, -3, 3, -3]),  # bypass, half away from zero
        (0x000, [4, -4, 5, -5], 0, HALF, 0, [2, -2, 3, -2]),  # multiplier rounds half up
        (0x200, [10, -10, 6, -6], 0, HALF, 1, [3, -3, 2, -2]),  # TensorFlow Lite's two roundings
        (0x000, [10, -10, 6, -6], 0, HALF, 1, [3, -2, 2, -1]),
        (0x400, [1000, -1000, 127, -128], 0, 0, 0, [127, -128, 127, -128]),  # clamp
        (0x500, [1000, -1000, 5, -1], 0, 0, 0, [127, 0, 5, 0]),  # relu at zero point 0
        (0x5FD, [1000, -1000, 5, -1], 0, 0, 0, [127, -3, 2, -3]),  # relu at zero point -3
        (0x407, [1000, -1000, 5, -1], 0, 0, 0, [127, -128, 12, 6]),  # zero point 7
        (0x400, [HIGH, LOW, HIGH, 0], 1, 0, 31, [-1, -1, -1, 0]),  # p wraps before it shifts
        (0x400, [HIGH, LOW, -1, 1], 0, 0, 31, [1, -1, 0, 0]),
        (0x600, [HIGH, LOW, 1 << 30, -(1 << 30)], 0, 0, 31, [1, -1, 1, -1]),
        (0x000, [LOW, HIGH, 0, 1], 0, HIGH, 24, [-128, 127, 0, 0]),  # the largest products
    ],
)
def test_rqt_equals_hand_computed_values(imm, acc, bias, multiplier, shift, expected):
    it = alu_device([acc, [0] * 4, [bias] * 4, [multiplier] * 4, [shift] * 4], [Uop(dst=0, src=2)])
    it.run_stream([Alu(alu_opcode=RQT, use_imm=1, imm=imm), Finish()])
    assert it.pads.acc[0, 0].tolist() == expected


def test_rqt_parameters_are_per_lane():
    it = alu_device(
        [[64, 64, 64, 64], [0, 1, 2, 3], [0, HALF, HALF, HIGH], [0, 0, 3, 1]], [Uop(dst=0, src=1)]
    )
    it.run_stream([Alu(alu_opcode=RQT, use_imm=1), Finish()])
    assert it.pads.acc[0, 0].tolist() == [0, 33, 4, 34]


def test_rqt_sees_parameters_written_by_an_earlier_step():
    """Step 0 requantizes tile 3, the shift of step 1, from 40 (out of range) to 5."""
    tiles = [[320] * 4, [0] * 4, [0] * 4, [40] * 4, [0] * 4, [0] * 4, [3] * 4]
    it = alu_device(tiles, [Uop(dst=3, src=4), Uop(dst=0, src=1)])
    it.run_stream([Alu(alu_opcode=RQT, use_imm=1, imm=0x400, uop_end=2), Finish()])
    assert it.pads.acc[3, 0].tolist() == [5] * 4
    assert it.pads.acc[0, 0].tolist() == [10] * 4


lane = st.one_of(st.integers(LOW, HIGH), st.integers(-300, 300), st.sampled_from((LOW, HIGH)))


@pytest.mark.slow
@settings(max_examples=400, derandomize=True)
@given(
    st.lists(
        st.tuples(
            lane, lane, st.one_of(st.integers(0, HIGH), st.sampled_from((0, 1, HALF, HIGH))),
            st.integers(0, 31),
        ),
        min_size=1, max_size=16,
    ),
    st.integers(0, 0x7FF), st.sampled_from((4, 8)),
)
def test_rqt_equals_the_big_integer_oracle(lanes, imm, out_width):
    columns = [np.array(column, np.int32)[None] for column in zip(*lanes, strict=True)]
    got = requantize(*columns, RqtOptions.of(imm), out_width)[0].tolist()
    assert got == [reference.requantize(*values, imm, out_width) for values in lanes]


@pytest.mark.parametrize(
    ("imm", "multiplier", "shift", "bad"),
    [
        (0, -1, 0, True), (0, 0, -1, True), (0, 0, 32, True), (0x400, -1, 31, False),
        (0x400, 0, 32, True), (0, HIGH, 31, False),
    ],
)
def test_rqt_refuses_parameters_out_of_range(imm, multiplier, shift, bad):
    it = alu_device([[9] * 4, [0] * 4, [0, 0, 0, multiplier], [0, 0, 0, shift]])
    stream = [Alu(alu_opcode=RQT, use_imm=1, imm=imm), Finish()]
    if not bad:
        it.run_stream(stream)
        return
    with pytest.raises(DeviceFault) as error:
        it.run_stream(stream)
    assert (error.value.code, error.value.index) == (ErrorCode.RQT_PARAMETER, 0)
    assert error.value.detail == (
        f"lane 3: multiplier {multiplier} must be 0..2^31-1 and shift {shift} must be 0..31"
    )
    assert it.pads.acc[0, 0].tolist() == [9] * 4
