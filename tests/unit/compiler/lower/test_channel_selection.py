"""channel_selection: matrices that put ranges of channels in their places, by hand and run."""

from functools import partial

import numpy as np
import pytest
from lowered_node import SMALL, integers, rule, run_lowered, scaled

from myvta.compiler.ir.attributes import Attributes
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.block_gemm import BlockGemm
from myvta.compiler.lower.channel_selection import ChannelRange, selection_terms
from myvta.compiler.lower.pointwise import block_gemm_layer
from myvta.isa.config import named

CONFIG = named("1x4x4")


def test_range_across_blocks_has_a_term_for_each_block():
    """Channels 3..7 of eight become 0..4: the first block meets two, the second one."""
    first, second = selection_terms(CONFIG, 5, [ChannelRange(0, 3, 0, 5)])
    assert [(term.source, term.block) for term in first] == [(0, 0), (0, 1)]
    assert [(term.source, term.block) for term in second] == [(0, 1)]
    expected = np.zeros((2, 4, 4), int)
    expected[0, 0, 3] = expected[1, 1, 0] = expected[1, 2, 1] = expected[1, 3, 2] = 1
    np.testing.assert_array_equal([term.tile for term in first], expected)
    expected = np.zeros((4, 4), int)
    expected[0, 3] = 1
    np.testing.assert_array_equal(second[0].tile, expected)


def test_weights_hold_gains_and_terms_are_sorted_by_the_remainder():
    ranges = [ChannelRange(0, 0, 0, 2, 100), ChannelRange(1, 0, 2, 2, 1 << 9),
              ChannelRange(2, 0, 1, 1, 0)]
    (terms,) = selection_terms(CONFIG, 4, ranges)
    assert [(term.source, term.shift, term.tile.max()) for term in terms] == [
        (1, 3, 64), (0, 0, 100), (2, 0, 0)]


@pytest.mark.parametrize("config", [CONFIG, named("2x8x8"), SMALL])
def test_inputs_are_concatenated_along_the_channels(config):
    sizes, gains = {"a": 3, "b": 9, "c": 1}, (6, 1, 0)
    values = {name: integers((2, size, 4, 3), size) for name, size in sizes.items()}
    ranges = [
        ChannelRange(n, 0, at, size, gain)
        for n, (at, size, gain) in enumerate(zip((0, 3, 12), sizes.values(), gains, strict=True))
    ]

    block_gemm = BlockGemm(selection_terms(config, 13, ranges), rule(13, 2))
    layer = partial(block_gemm_layer, block_gemm=block_gemm)
    node = QuantizedNode("Concat", "join", tuple(values), ("y",), Attributes())
    actual = run_lowered(layer, node, values, (2, 13, 4, 3), config)
    joined = np.concatenate([6 * values["a"], values["b"], 0 * values["c"]], 1)
    np.testing.assert_array_equal(actual, scaled(joined, 2))
