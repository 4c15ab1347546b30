"""A block GEMM on the device: any matrices, parts that fit, post-op and accumulators."""

from functools import partial

import numpy as np
import pytest
from lowered_node import SMALL, integers, run_lowered, scaled

from myvta.compiler.codegen.tile_ops import every_tile
from myvta.compiler.ir.attributes import Attributes
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.block_gemm import BlockGemm, Term
from myvta.compiler.lower.pointwise import block_gemm_layer
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode

NODE = QuantizedNode("Any", "any", ("x",), ("y",), Attributes())


def run(block_gemm, x, channels, config):
    """Return the output of a block GEMM of one input."""
    layer = partial(block_gemm_layer, block_gemm=block_gemm)
    return run_lowered(layer, NODE, {"x": x}, (len(x), channels, *x.shape[2:]), config)


def per_channel(channels):
    random = np.random.default_rng(5)
    return Requant(random.integers(-999, 999, channels).astype(np.int32),
                   random.integers(3, 9, channels).astype(np.int32))


@pytest.mark.parametrize("config", [named("1x4x4"), SMALL])
@pytest.mark.parametrize("size", [(3, 3), (9, 11)])
def test_blocks_with_different_matrices_equal_numpy(config, size):
    """Three blocks from two input blocks each, requantized channel by channel."""
    x, matrix = integers((1, 12, *size)), integers((12, 12), 2)
    matrix[:4, 8:] = matrix[4:8, :4] = matrix[8:, 4:8] = 0
    blocks = [
        [Term(0, source, matrix[4 * block : 4 * block + 4, 4 * source : 4 * source + 4])
         for source in sources]
        for block, sources in enumerate(((0, 1), (1, 2), (0, 2)))
    ]
    rule = per_channel(12)
    sums = np.einsum("mc,nchw->nmhw", matrix, x) + rule.bias[:, None, None]
    actual = run(BlockGemm(blocks, rule), x, 12, config)
    for channel in range(12):
        expected = scaled(sums[:, channel], int(rule.shift[channel]))
        np.testing.assert_array_equal(actual[:, channel], expected)


def test_sums_beyond_the_buffers_are_split():
    x = integers((1, 4 * 40, 1, 2))
    tile = integers((4, 4), 3)
    actual = run(BlockGemm([[Term(0, n, tile) for n in range(40)]], Requant(
        np.zeros(4, np.int32), np.full(4, 9, np.int32))), x, 4, SMALL)
    sums = np.einsum("mc,nkchw->nmhw", tile, x.reshape(1, 40, 4, 1, 2))
    np.testing.assert_array_equal(actual, scaled(sums, 9))


def test_terms_with_shifts_are_summed_from_the_largest_to_none():
    x = integers((1, 8, 2, 3))
    eye = np.eye(4, dtype=np.int64)
    actual = run(BlockGemm([[Term(0, 1, eye, 5), Term(0, 0, eye, 2)]], Requant(
        np.zeros(4, np.int32), np.full(4, 6, np.int32))), x, 4, named("1x4x4"))
    np.testing.assert_array_equal(actual, scaled(32 * x[:, 4:] + 4 * x[:, :4], 6))


def test_post_op_precedes_the_requantization():
    x = integers((1, 4, 3, 3))

    def post_op(builder, base, count, distance):
        every_tile(builder, AluOpcode.MIN, 10, base, count)

    actual = run(BlockGemm([[Term(0, 0, 3 * np.eye(4, dtype=np.int64))]], Requant(
        np.full(4, 6, np.int32), np.full(4, 2, np.int32)), post_op), x, 4, named("1x4x4"))
    np.testing.assert_array_equal(actual, scaled(np.minimum(3 * x, 10), 2, 6))
