"""Extensions of the runtime, each against numpy: windows, reductions, tables, forward, weights."""

import numpy as np
import pytest
from extended import extended
from runtime_values import accumulators, as_out, random_lanes, wrap32

from myvta.driver import Runtime, depthwise_tile, lookup_table, open_target, rqt_immediate
from myvta.isa.opcodes import AluOpcode, MemoryType, Reduction

INP, WGT, ACC, OUT, LUT = (
    MemoryType.INP, MemoryType.WGT, MemoryType.ACC, MemoryType.OUT, MemoryType.LUT)
NAMES = ["1x4x4+all", "2x8x8+all", "default", "1x32x32"]


@pytest.fixture(params=NAMES)
def runtime(request):
    with open_target("model://?mem=0x40000000:1M&order=1", extended(request.param)) as target:
        yield Runtime(target, serial=True)


def load_identity(runtime, tile):
    block = runtime.config.block_in
    runtime.load(WGT, tile, runtime.put(np.eye(block, dtype=int), WGT), 1)


def show_inputs(runtime, first, count):
    """Return INP tiles as their products with the identity, [batch, block, count]."""
    load_identity(runtime, runtime.config.depth(WGT) - 1)
    kernel = [(0, first, runtime.config.depth(WGT) - 1)]
    runtime.gemm(kernel, iter_in=count, dst_factor=(0, 1), src_factor=(0, 1), overwrite=True)
    return accumulators(runtime, count)


def test_depthwise_equals_a_convolution_per_channel(runtime):
    """A 3x3 convolution, unit stride, as the sum of as many windows as it takes."""
    config = runtime.config
    height, width, block = 5, 6, config.block_out
    image = random_lanes(1, (config.batch, block, height, width), 8)
    kernel = random_lanes(2, (block, 3, 3), 8)
    rows, columns = config.window
    windows = [
        (r, c, kernel[:, r : r + rows, c : c + columns])
        for r in range(0, 3, rows) for c in range(0, 3, columns)
    ]
    tiles = np.stack([depthwise_tile(part, config) for _, _, part in windows], 2)
    runtime.load(INP, 0, runtime.put(image, INP), height * width)
    runtime.load(WGT, 0, runtime.put(tiles, WGT), len(windows))
    for n, (r, c, part) in enumerate(windows):
        runtime.depthwise(
            [(0, r * width + c, n)], part.shape[1:], row_pitch=width, iter_out=3, iter_in=4,
            dst_factor=(4, 1), src_factor=(width, 1), overwrite=n == 0,
        )
    report = runtime.sync()
    expected = sum(
        image[:, :, r : r + 3, c : c + 4] * kernel[:, r, c][:, None, None]
        for r in range(3) for c in range(3)
    )
    assert np.array_equal(
        accumulators(runtime, 12), expected.reshape(config.batch, block, 12))
    assert report.counters["DWC_STEPS"] == 12 * len(windows)


@pytest.mark.parametrize(("reduction", "function"), [
    (Reduction.SUM, np.sum), (Reduction.MAX, np.max), (Reduction.MIN, np.min),
])
def test_reductions_are_those_of_each_row(runtime, reduction, function):
    config = runtime.config
    values = random_lanes(3, (config.batch, config.block_out, 6), 32)
    runtime.load(ACC, 0, runtime.put(values, ACC), 6)
    runtime.reduce([(6, 0)], reduction, iter_in=6, dst_factor=(0, 1), src_factor=(0, 1))
    runtime.sync()
    expected = np.broadcast_to(function(values, axis=1, keepdims=True), values.shape)
    assert np.array_equal(accumulators(runtime, 12)[:, :, 6:], wrap32(expected))


def test_tables_replace_requantized_values(runtime):
    config = runtime.config
    functions = [lambda value: value * value, lambda value: -200 * value, abs, lambda value: 7]
    tables = np.concatenate([lookup_table(function) for function in functions])
    values = random_lanes(4, (config.batch, config.block_out, 4), 8)
    parameters = np.zeros((config.batch, config.block_out, 3), int)
    runtime.load(LUT, 0, runtime.put(tables, LUT), 4)
    runtime.load(ACC, 0, runtime.put(values, ACC), 4)
    runtime.load(ACC, 4, runtime.put(parameters, ACC), 3)
    for n in range(4):
        runtime.alu([(n, 4)], AluOpcode.RQT, imm=rqt_immediate(bypass=True, table=n))
    report = runtime.sync()
    expected = np.stack(
        [np.vectorize(function)(values[:, :, n]) for n, function in enumerate(functions)], 2)
    assert np.array_equal(accumulators(runtime, 7)[:, :, :4], expected)
    assert report.counters["LUT_BYTES"] == 4 * 512


def test_results_are_forwarded_into_inputs(runtime):
    config = runtime.config
    values = random_lanes(5, (config.batch, config.block_out, 6), 12)
    filler = np.zeros((config.batch, config.block_in, 12), int)
    runtime.load(INP, 0, runtime.put(filler, INP), 12)
    runtime.load(ACC, 0, runtime.put(values, ACC), 6)
    runtime.forward_2d(INP, 0, 1, 3, 2, 5)
    report = runtime.sync()
    assert report.counters["OUT_BYTES"] == 0
    expected = filler.copy()
    expected[:, :, 1:4], expected[:, :, 6:9] = (
        as_out(values[:, :, :3], config), as_out(values[:, :, 3:], config))
    assert np.array_equal(show_inputs(runtime, 0, 12), expected)


def test_results_are_forwarded_into_rows_of_weights(runtime):
    """A product of two activations: queries by keys that never leave the chip."""
    config = runtime.config
    if config.batch > 1:
        pytest.skip("an OUT tile is no row of WGT with a batch")
    block = config.block_out
    keys = random_lanes(6, (1, block, block), 8)  # [1, features, tokens]
    queries = random_lanes(7, (1, block, 3), 8)
    runtime.load(ACC, 0, runtime.put(keys, ACC), block)
    runtime.forward_2d(WGT, 0, 2 * block, block)
    runtime.load(INP, 0, runtime.put(queries, INP), 3)
    runtime.gemm([(0, 0, 2)], iter_in=3, dst_factor=(0, 1), src_factor=(0, 1), overwrite=True)
    runtime.sync()
    assert np.array_equal(accumulators(runtime, 3)[0], keys[0].T @ queries[0])


def test_weights_of_4_bits_are_sign_extended(runtime):
    config = runtime.config
    block = config.block_in
    weights = random_lanes(8, (block, block, 2), 4)
    inputs = random_lanes(9, (config.batch, block), 8)
    buffer = runtime.put(weights, MemoryType.WGT_4BIT)
    assert buffer.size == block * block
    runtime.load(MemoryType.WGT_4BIT, 1, buffer, 2)
    runtime.load(INP, 0, runtime.put(inputs, INP), 1)
    runtime.gemm([(0, 0, 1)], iter_in=2, dst_factor=(0, 1), wgt_factor=(0, 1), overwrite=True)
    report = runtime.sync()
    expected = np.einsum("oin,bi->bon", weights, inputs)
    assert np.array_equal(accumulators(runtime, 2), expected)
    assert (report.counters["WGT_4BIT_BYTES"], report.counters["WGT_BYTES"]) == (buffer.size, 0)
