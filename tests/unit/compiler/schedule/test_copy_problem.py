"""Tilings of Pad and Resize: what fits, and tiles of whole inputs or of parts of one."""

from __future__ import annotations

from lowered_node import SMALL

from myvta.compiler.schedule.copy_problem import CopyProblem
from myvta.compiler.schedule.tiling_problem import MapTiling
from myvta.isa.config import named

PAD = CopyProblem("Pad", 1, 4, (6, 7), (9, 8), (1, 0))
RESIZE = CopyProblem("Resize", 1, 2, (4, 5), (8, 30), copies=(2, 6))


def test_tiles_of_outputs_fit_half_of_acc() -> None:
    assert PAD.fits(MapTiling(1, 4, 8), SMALL)
    assert not PAD.fits(MapTiling(1, 5, 8), SMALL)
    assert next(PAD.tilings(SMALL)) == MapTiling(2, 2, 8)  # all 32 tiles
    assert next(PAD.tilings(named("default"))) == MapTiling(4, 9, 8)


def test_micro_ops_of_five_loops_fit() -> None:
    """4 x 2 x 2 x 5 x 6 iterations: the loops of 5 and 6 are the instruction's."""
    roomy = SMALL.replace(log_acc_buff_size=14, log_inp_buff_size=10)
    assert RESIZE.fits(MapTiling(4, 4, 30), roomy)
    few = roomy.replace(log_uop_buff_size=6)  # 8 micro-ops in half the buffer
    assert not RESIZE.fits(MapTiling(4, 4, 30), few)
    assert RESIZE.fits(MapTiling(2, 4, 30), few)


def test_rows_are_copies_of_whole_inputs_or_parts_of_those_of_one() -> None:
    tilings = list(RESIZE.tilings(SMALL))
    assert {t.oh for t in tilings} == {8, 4, 2, 1}
    assert {t.ow for t in tilings} == {30, 18, 12, 6, 3, 2, 1}
    assert [t.tiles for t in tilings] == sorted((t.tiles for t in tilings), reverse=True)
    assert len(set(tilings)) == len(tilings)
