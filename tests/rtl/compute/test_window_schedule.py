"""window_schedule: cycles of steps in ``schedule`` by window, pitch and distance."""

import pytest
from dma_bench import shallow
from window_bench import CONFIGS, Bench, Work


@pytest.mark.parametrize("name, window, cycles", [
    ("default", (2, 3, 65), 3 + 63),  # 8 taps: two rows of three columns
    ("default", (2, 3, 66), 3 + 63),
    ("default", (2, 3, 64), 6 + 2 * 63),  # both rows in one bank
    ("1x32x32", (3, 3, 65), 3 + 63),
    pytest.param("1x32x32", (3, 3, 66), 6 + 2 * 63, marks=pytest.mark.slow),
    pytest.param("1x32x32", (4, 4, 64), 16 + 4 * 63, marks=pytest.mark.slow),
    ("1x8x8", (2, 4, 65), 4 + 63),
    ("1x4x4", (2, 2, 65), 2 + 63),
])
def test_a_row_of_64_outputs_takes_a_cycle_each_and_the_columns_of_the_first(name, window, cycles):
    steps = [Work(x, window, last=x == 63) for x in range(64)]
    assert sum(shallow(Bench, CONFIGS[name], 1).run(steps)) == cycles


def cycles(*steps):
    return shallow(Bench, CONFIGS["1x8x8"], 1).run(steps)


def test_the_first_step_of_an_instruction_reads_all_columns():
    window = (2, 3, 5)
    one = [Work(0, window, last=False), Work(1, window)]
    assert cycles(*one, *one) == [3, 1, 3, 1]
    assert cycles(one[0], Work(0, window), one[0], Work(1, window)) == [3, 1, 3, 1]


def test_a_step_reads_the_columns_it_moves_by():
    window = (1, 4, 0)
    walk = [Work(x, window, last=False) for x in (0, 0, 1, 3, 6, 10, 15, 14)]
    assert cycles(*walk) == [4, 1, 1, 2, 3, 4, 4, 4]


def test_gemm_and_reset_take_one_cycle():
    window = (2, 4, 4)
    assert cycles(Work(3), Work(9, window, clear=True), Work(4), Work(1, window)) == [1, 1, 1, 8]
