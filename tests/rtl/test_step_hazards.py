"""step_pipeline: operands at their edges, and RQT parameters that steps before it have written."""

from __future__ import annotations

import copy

import pytest
from step_bench import Scratchpads, Steps, execute, run_rtl

from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode, RqtFlag

CONFIG = named("1x4x4")
BYPASS, AWAY, RELU = (1 << flag for flag in (RqtFlag.BYPASS, RqtFlag.AWAY, RqtFlag.RELU))
AMOUNTS = (0, 1, 5, 31, 32, 33, 40, 63, 64, 2**31 - 1, -1, -5, -31, -32, -33, -(2**31))
VALUES = (2**31 - 1, -(2**31), 0x55AA_1234, -0x55AA_1234)


def check(acc, uops, *program: Steps) -> None:
    """Compare everything that is written with the sequential oracle."""
    pads = Scratchpads(list(uops), [[[0] * 4]], [[[0] * 4] * 4], [list(tile) for tile in acc])
    expected = copy.deepcopy(pads)
    for steps in program:
        execute(CONFIG, expected, steps)
    run = run_rtl(CONFIG, pads, list(program))
    assert run.fault is None
    assert run.trace == expected.trace


@pytest.mark.parametrize("opcode", [it for it in AluOpcode if it != AluOpcode.RQT])
def test_extreme_operands_equal_the_reference(opcode):
    count = len(AMOUNTS)
    left = [VALUES] * count
    right = [[amount] * 4 for amount in AMOUNTS]
    both = Steps(opcode=opcode, iter_in=count, dst=(0, 1), src=(0, 1))
    immediates = [
        Steps(opcode=opcode, use_imm=True, imm=amount, iter_in=1, uop_bgn=1, uop_end=2)
        for amount in (*AMOUNTS[:9], *AMOUNTS[10:15], 32767, -32768)
    ]
    check(left + right, [(0, count, 0), (1, 0, 0)], both, *immediates)


@pytest.mark.parametrize("imm", [
    0, AWAY, BYPASS, BYPASS | AWAY, RELU, RELU | BYPASS | 0x85, RELU | AWAY | 0x7F, 0x80,
], ids=hex)
def test_extreme_requantizations_equal_the_reference(imm):
    tiles = [[value + n for n in range(4)] for value in (
        -(2**31), 2**31 - 4, -2, 62, 126, 254, -130, -66, -258, 2**20, -(2**20), 4 * 127 - 2,
    )]
    sets = [
        ([0, 1, -1, 3], [2**30, 2**31 - 1, 1, 0], [0, 1, 2, 31]),
        ([1, 0, 0, 0], [2**31 - 1] * 4, [3, 2, 1, 0]),
        ([0, 0, 0, 0], [2**30, 2**29, 2**30 + 1, 2**30 - 1], [1, 1, 0, 0]),
    ]
    count = len(tiles)
    acc = [tile for _ in sets for tile in tiles] + [tile for it in sets for tile in it]
    program = [
        Steps(opcode=AluOpcode.RQT, use_imm=True, imm=imm, iter_in=count, dst=(0, 1), uop_bgn=n,
              uop_end=n + 1)
        for n in range(len(sets))
    ]
    check(acc, [(n * count, 3 * count + 3 * n, 0) for n in range(len(sets))], *program)


PARAMETERS = 8  # tiles of bias, multiplier and shift


def parameters(bias=100, multiplier=2**30, shift=5):
    """Eight tiles of data and two sets of parameters."""
    data = [[40 * (n + lane) - 100 for lane in range(4)] for n in range(PARAMETERS)]
    return [*data, [bias] * 4, [multiplier] * 4, [shift] * 4, [1] * 4, [2**30] * 4, [0] * 4]


@pytest.mark.parametrize(
    ("part", "shift", "change"), [(0, 5, 2**23), (1, 5, 3000), (2, 10, -1)],
    ids=["bias", "multiplier", "shift"],
)
def test_parameters_written_between_instructions_are_current(part, shift, change):
    """However many steps lie between the write and the RQT; each change shows in its result."""
    gaps = (0, 1, 2, 5, 8, 12)
    data = [[2**26 + lane * 2**22 for lane in range(4)]] * (len(gaps) + 1)
    first, idle = len(data), len(data) + 4  # parameters; a tile that nobody looks at
    acc = [*data, [0] * 4, [2**16] * 4, [shift] * 4, [change] * 4, [0] * 4]
    uops = [(n, first, 0) for n in range(len(data))] + [(first + part, first + 3, 0), (idle, 0, 0)]

    def step(uop, **fields):
        return Steps(**{"opcode": AluOpcode.ADD, "uop_bgn": uop, "uop_end": uop + 1, **fields})

    rqt = dict(opcode=AluOpcode.RQT, use_imm=True)
    program = [step(0, **rqt)]
    for n, gap in enumerate(gaps, 1):
        program += [step(len(data)), step(len(data) + 1, use_imm=True, imm=7, iter_in=gap),
                    step(n, **rqt)]
    check(acc, uops, *program)


@pytest.mark.parametrize("part", range(3), ids=["bias", "multiplier", "shift"])
@pytest.mark.parametrize("gap", [0, 1, 3, 6])
@pytest.mark.parametrize("source", [PARAMETERS, PARAMETERS + 3], ids=["itself", "others"])
def test_parameters_written_within_an_instruction_are_current(part, gap, source):
    """The step that writes them is an RQT by themselves or by others; they are used at once."""
    uops = [
        (0, PARAMETERS, 0), (PARAMETERS + part, source, 0), *[(6, source, 0)] * gap,
        (1, PARAMETERS, 0), (2, PARAMETERS, 0),
    ]
    check(parameters(), uops, Steps(opcode=AluOpcode.RQT, use_imm=True, uop_end=len(uops)))
