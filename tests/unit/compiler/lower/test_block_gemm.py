"""Sums of blocks times matrices: neighbours that are alike, and identities, by hand."""

import numpy as np

from myvta.compiler.lower.block_gemm import BlockGemm, Term, identity_terms, scaled_identity
from myvta.isa.config import named

CONFIG = named("1x4x4")
EYE = np.eye(4, dtype=np.int64)


def test_identity_weights_hold_gains_up_to_their_width():
    for gain, held in ((1, 1), (8, 8), (77, 77), (127, 127), (1 << 7, 64), (1 << 10, 64)):
        tile, rest = scaled_identity(CONFIG, gain)  # weights have 8 bits
        np.testing.assert_array_equal(tile, EYE * held)
        assert held << rest == gain
    tile, rest = scaled_identity(named("1x4x4_int4"), 8)
    assert (tile.max(), rest) == (4, 1)


def test_term_follows_the_term_of_the_previous_block():
    first = Term(0, 3, EYE, 1, 0)
    assert Term(0, 4, EYE, 1, 0).follows(first)
    for other in (Term(0, 5, EYE, 1, 0), Term(1, 4, EYE, 1, 0), Term(0, 4, EYE, 0, 0),
                  Term(0, 4, EYE, 1, 1)):
        assert not other.follows(first)


def test_blocks_with_one_matrix_are_a_run_with_a_single_tile():
    tiles, runs = BlockGemm([[Term(0, n, EYE)] for n in range(5)]).runs()
    assert tiles.shape == (1, 4, 4)
    (run,) = runs
    assert (run.first, run.blocks, run.table, run.step) == (0, 5, 0, 0)


def test_blocks_with_different_matrices_are_a_run_with_a_stride():
    blocks = [[Term(0, n, EYE * n), Term(1, n, EYE)] for n in range(3)]
    tiles, (run,) = BlockGemm(blocks).runs()
    assert (run.blocks, run.step, len(tiles)) == (3, 2, 6)
    np.testing.assert_array_equal(tiles[[0, 2, 4]], [EYE * 0, EYE, EYE * 2])


def test_non_consecutive_block_starts_a_run():
    blocks = [[Term(0, 0, EYE)], [Term(0, 1, EYE)], [Term(1, 2, EYE)], [Term(1, 4, EYE)]]
    tiles, runs = BlockGemm(blocks).runs()
    assert [(run.first, run.blocks, run.table) for run in runs] == [(0, 2, 0), (2, 1, 1), (3, 1, 2)]
    assert len(tiles) == 3


def test_identity_terms_repeat_for_every_block():
    blocks = identity_terms(CONFIG, 2, [(0, 8, 0), (1, 0, 1)])
    assert [[(t.source, t.block, t.shift, t.accumulator) for t in terms] for terms in blocks] == [
        [(0, 0, 2, 0), (1, 0, 0, 1)], [(0, 1, 2, 0), (1, 1, 0, 1)],
    ]
    assert blocks[0][0].tile.max() == 64
