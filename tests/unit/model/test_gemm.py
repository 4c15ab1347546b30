"""GEMM: values worked out by hand, the plan's shapes, and exactness (vta_isa.md 4.3, 0.1)."""

from dataclasses import replace

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Finish, Gemm, Uop, encode_uop
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Reg
from myvta.model.device import Device
from myvta.model.gemm_plan import plan
from myvta.model.model_errors import DeviceFault
from myvta.model.steps import LoopAxis, Steps


def device(name="1x4x4", uops=()):
    it = Device(named(name), memory_size=4096)
    for n, uop in enumerate(uops):
        it.pads.uop[n] = encode_uop(uop, it.config)
    it.pads.acc[:] = 0
    return it


def put(it, inp=(), wgt=()):
    """Set scratchpad tiles by index: {index: lanes}."""
    for index, lanes in dict(inp).items():
        it.pads.inp_rows.reshape(-1, it.config.batch, it.config.block_in)[index] = lanes
    for index, lanes in dict(wgt).items():
        it.pads.wgt_rows.reshape(-1, it.config.block_out, it.config.block_in)[index] = lanes


def test_one_step_uses_row_o_of_the_weight_tile():
    it = device(uops=[Uop(dst=2, src=3, wgt=4)])
    put(it, {3: [1, 2, 3, 4]}, {4: [[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 1, 1], [-1, -2, -3, -128]]})
    it.pads.acc[2, 0] = [100, 100, 100, 100]
    it.run_stream([Gemm(), Finish()])
    assert it.pads.acc[2, 0].tolist() == [101, 102, 110, 100 - 1 - 4 - 9 - 512]
    assert it.pads.acc[[0, 1, 3], 0].tolist() == [[0] * 4] * 3


def test_batch_rows_are_independent():
    it = device("2x8x8", uops=[Uop()])
    put(it, {0: [[1] * 8, [2] * 8]}, {0: np.arange(64).reshape(8, 8)})
    it.run_stream([Gemm(), Finish()])
    row = [28, 92, 156, 220, 284, 348, 412, 476]
    assert it.pads.acc[0].tolist() == [row, [2 * value for value in row]]


def test_loops_and_factors_address_every_tile():
    it = device(uops=[Uop(dst=1, src=2, wgt=3)])
    for n in range(40):
        put(it, {n: [n, 0, 0, 0]}, {n: [[100 if n == 0 else n, 0, 0, 0]] * 4})
    it.run_stream([
        Gemm(
            iter_out=2, iter_in=3, dst_factor_out=10, dst_factor_in=1, src_factor_out=7,
            src_factor_in=2, wgt_factor_out=5, wgt_factor_in=4,
        ),
        Finish(),
    ])
    got = {n: int(it.pads.acc[n, 0, 0]) for n in range(30) if it.pads.acc[n, 0, 0]}
    assert got == {1: 2 * 3, 2: 4 * 7, 3: 6 * 11, 11: 9 * 8, 12: 11 * 12, 13: 13 * 16}


def test_reset_clears_and_counts_no_macs():
    it = device(uops=[Uop(dst=1, src=255, wgt=127), Uop(dst=3)])
    it.pads.acc[:] = 9
    # src and wgt run past their ends: a reset step does not read them
    it.run_stream([Gemm(reset=1, uop_end=2, iter_in=2, src_factor_in=9, wgt_factor_in=9), Finish()])
    assert [n for n in range(256) if not it.pads.acc[n].any()] == [1, 3]
    assert it.counters[Reg.GEMM_STEPS] == 0
    assert it.counters[Reg.ACC_WRITES] == 4


def test_repeated_destination_accumulates():
    it = device(uops=[Uop(dst=0, src=1, wgt=0)] * 3)
    put(it, {1: [1, 1, 1, 1]}, {0: np.eye(4)})
    it.run_stream([Gemm(uop_end=3, iter_out=5, iter_in=7), Finish()])
    assert it.pads.acc[0, 0].tolist() == [105] * 4


def test_loops_sharing_a_destination_accumulate():
    """dst = j + k: tiles 1 and 2 are reached twice, by different products."""
    it = device(uops=[Uop(dst=0, wgt=0), Uop(dst=1, wgt=1)])
    for n in range(4):
        put(it, {n: [n + 1, 0, 0, 0]})
    put(it, wgt={0: np.eye(4), 1: 10 * np.eye(4)})
    it.run_stream([Gemm(uop_end=2, iter_in=3, dst_factor_in=1, src_factor_in=1), Finish()])
    assert it.pads.acc[:5, 0, 0].tolist() == [1, 12, 23, 30, 0]


def test_the_same_fields_over_other_micro_ops_are_another_kernel():
    it = device(uops=[Uop(dst=0), Uop(dst=1)])
    put(it, {0: [1, 2, 3, 4]}, {0: np.eye(4)})
    it.run_stream([Gemm(), Finish()])
    it.pads.uop[0] = it.pads.uop[1]
    it.run_stream([Gemm(), Finish()])
    assert it.pads.acc[:3, 0, 3].tolist() == [4, 4, 0]


@pytest.mark.parametrize(
    "field",
    [
        "reset", "overwrite", "uop_bgn", "uop_end", "iter_out", "iter_in", "dst_factor_out",
        "dst_factor_in", "src_factor_out", "src_factor_in", "wgt_factor_out", "wgt_factor_in",
    ],
)
def test_instruction_differing_in_one_field_gets_its_own_plan(field):
    """Plans are remembered: B after A has the result of B alone."""
    first = Gemm(
        uop_end=2, iter_out=2, iter_in=2, dst_factor_out=9, dst_factor_in=3, src_factor_out=2,
        src_factor_in=5, wgt_factor_out=3, wgt_factor_in=4,
    )
    second = replace(first, **{field: getattr(first, field) + 1})

    def run(*stream):
        it = device(uops=[Uop(dst=1, src=1, wgt=1), Uop(dst=2, src=0, wgt=2), Uop(src=7)])
        it.pads.inp_rows[:] = np.random.default_rng(1).integers(-128, 128, it.pads.inp_rows.shape)
        it.pads.wgt_rows[:] = np.random.default_rng(2).integers(-128, 128, it.pads.wgt_rows.shape)
        for instruction in stream:
            it.pads.acc[:] = 77
            it.run_stream([instruction, Finish()])
        return it.pads.acc.tolist()

    assert run(first, second) == run(second) != run(first)


def test_overwrite_stores_the_last_product_only():
    it = device(uops=[Uop(dst=0, src=1), Uop(dst=1, src=1), Uop(dst=0, src=2)])
    it.pads.acc[:] = 1000
    put(it, {1: [1, 1, 1, 1], 2: [5, 6, 7, 8]}, {0: np.eye(4)})
    it.run_stream([Gemm(overwrite=1, uop_end=3), Finish()])
    assert it.pads.acc[:3, 0].tolist() == [[5, 6, 7, 8], [1, 1, 1, 1], [1000] * 4]


def test_overwrite_keeps_the_last_iteration_of_a_stationary_loop():
    it = device(uops=[Uop()])
    for n in range(8):
        put(it, {n: [n, 0, 0, 0]}, {n: np.eye(4) * (n + 1)})
    loops = {
        "iter_in": 3, "src_factor_in": 1, "iter_out": 2, "src_factor_out": 4, "wgt_factor_out": 5,
    }
    it.run_stream([Gemm(overwrite=1, **loops), Finish()])
    assert it.pads.acc[:2, 0, 0].tolist() == [6 * 6, 0]
    it.run_stream([Gemm(overwrite=1, dst_factor_in=1, **loops), Finish()])
    assert it.pads.acc[:4, 0, 0].tolist() == [4 * 6, 5 * 6, 6 * 6, 0]


def test_overwrite_with_colliding_loops_keeps_the_last_iteration():
    it = device(uops=[Uop(dst=0), Uop(dst=1)])
    for n in range(8):
        put(it, {n: [n, 0, 0, 0]})
    put(it, wgt={0: np.eye(4)})
    # (j, k): dst = j + k, src = 2 * j; tile 1 is written by (0, 1) and then by (1, 0)
    it.run_stream([
        Gemm(overwrite=1, uop_end=2, iter_in=3, dst_factor_in=1, src_factor_in=2), Finish()
    ])
    assert it.pads.acc[:4, 0, 0].tolist() == [0, 2, 4, 4]


def test_reset_wins_over_overwrite():
    it = device(uops=[Uop()])
    it.pads.acc[0] = 3
    put(it, {0: [1, 1, 1, 1]}, {0: np.eye(4)})
    it.run_stream([Gemm(reset=1, overwrite=1), Finish()])
    assert it.pads.acc[0, 0].tolist() == [0] * 4


def test_accumulator_wraps_at_32_bits():
    it = device(uops=[Uop()])
    put(it, {0: [-128] * 4}, {0: [[-128] * 4] * 4})
    it.pads.acc[0, 0] = [2**31 - 1, 2**31 - 65536, 2**31 - 65537, -(2**31)]
    it.run_stream([Gemm(), Finish()])
    assert it.pads.acc[0, 0].tolist() == [
        -(2**31) + 65535, -(2**31), 2**31 - 1, -(2**31) + 65536,
    ]


@pytest.mark.parametrize("name", ["default", "1x4x4", "1x32x32", "1x16x16_w4", "1x4x4_int4"])
def test_long_sums_of_extreme_products_are_exact(name):
    """Nearly the largest products there are, and one odd one: float32 must not lose a bit."""
    config = named(name)
    it = device(name, [Uop()])
    a, b = -(1 << config.inp_width - 1), -(1 << config.wgt_width - 1)
    it.pads.inp_rows[:] = a
    it.pads.wgt_rows[:] = [b + 1] + [b] * (config.block_in - 1)
    put(it, {0: [a + 1] + [a] * (config.block_in - 1)})
    # src = i + j: only the first step reads tile 0
    it.run_stream([Gemm(iter_out=20, src_factor_out=1, iter_in=100, src_factor_in=1), Finish()])
    dot = a * (b + 1) + (config.block_in - 1) * a * b
    assert it.pads.acc[0, 0].tolist() == [2000 * dot + (b + 1)] * config.block_out


def test_stationary_loop_wraps_at_32_bits():
    it = device(uops=[Uop()])
    put(it, {0: [-128] * 4}, {0: [[-128] * 4] * 4})
    it.run_stream([Gemm(iter_out=16383, iter_in=16383), Finish()])
    expected = (16383 * 16383 * 4 * 16384 + 2**31) % 2**32 - 2**31
    assert it.pads.acc[0, 0].tolist() == [expected] * 4
    assert it.counters[Reg.GEMM_STEPS] == 16383 * 16383


@pytest.mark.parametrize(
    "fields", [{"uop_end": 0}, {"uop_bgn": 3, "uop_end": 2}, {"iter_out": 0}, {"iter_in": 0}]
)
def test_no_step_means_no_effect_and_no_fault(fields):
    it = device(uops=[Uop(dst=255, src=255, wgt=127)])
    it.run_stream([Gemm(**{"dst_factor_in": 255, "iter_in": 9, **fields}), Finish()])
    assert not it.pads.acc.any()
    assert it.counters[Reg.ACC_WRITES] == 0


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"dst_factor_in": 100}, "step (out 0, in 2, micro-op 1) indexes ACC[256], depth 256"),
        ({"src_factor_out": 85}, "step (out 3, in 0, micro-op 0) indexes INP[256], depth 256"),
        ({"wgt_factor_in": 60}, "step (out 0, in 2, micro-op 1) indexes WGT[130], depth 128"),
        (
            {"wgt_factor_in": 63, "dst_factor_in": 127},
            "step (out 0, in 2, micro-op 0) indexes ACC[259], depth 256",
        ),
    ],
)
def test_index_past_the_end_names_the_first_step(fields, detail):
    it = device(uops=[Uop(dst=5, src=1, wgt=1), Uop(dst=56, src=0, wgt=10)])
    with pytest.raises(DeviceFault) as error:
        it.run_stream([Gemm(uop_end=2, iter_out=5, iter_in=4, **fields), Finish()])
    assert (error.value.code, error.value.index) == (ErrorCode.STEP_INDEX, 0)
    assert error.value.detail == detail
    assert not it.pads.acc.any()


def conv_steps(rows, cins, couts):
    """A 3x3 convolution: outer loop output blocks, inner columns, uops rows x input x taps."""
    dst, src, wgt = [], [], []
    for y in range(rows):
        for ci in range(cins):
            for tap in range(9):
                dst.append(y * 14)
                src.append(ci * 256 + (y + tap // 3) * 16 + tap % 3)
                wgt.append(ci * 9 + tap)
    return Steps(
        np.array(dst), np.array(src), np.array(wgt),
        LoopAxis(couts, rows * 14, 0, cins * 9), LoopAxis(14, 1, 1, 0),
    )


def test_a_convolution_is_one_product():
    (product,) = plan(conv_steps(7, 4, 8))
    assert product.dst.shape == (1, 98, 8)
    assert product.src.shape == (1, 98, 36)
    assert product.wgt.shape == (1, 8, 36)


def test_depthwise_is_one_product_per_channel_block():
    """Everything moves with the channel block: grouped, not step by step."""
    taps = np.arange(9)
    steps = Steps(taps * 0, taps, taps, LoopAxis(4, 50, 80, 9), LoopAxis(10, 1, 1, 0))
    (product,) = plan(steps)
    assert product.dst.shape == (4, 10, 1)


def test_uops_as_a_grid_of_rows_and_columns_are_one_product():
    r, c, t = (axis.reshape(-1) for axis in np.mgrid[0:3, 0:5, 0:7])
    once = LoopAxis(1, 0, 0, 0)
    (product,) = plan(Steps(r * 5 + c, r * 7 + t, c * 7 + t, once, once))
    assert product.dst.shape == (1, 3, 5)
    assert product.src.shape == (1, 3, 7)


def test_long_instructions_are_planned_in_bounded_pieces():
    one = np.zeros(1, np.int64)
    steps = Steps(one, one, one, LoopAxis(4096, 0, 1, 0), LoopAxis(1024, 0, 0, 1))
    sizes = [product.src.size for product in plan(steps)]
    assert sum(sizes) == 1 << 22
    assert max(sizes) <= 1 << 17
