"""step_pipeline: results of strictly sequential execution, one step per cycle, typed faults."""

from __future__ import annotations

import random

import pytest
from step_bench import Scratchpads, Steps, check_sequential, run_rtl

from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode, ErrorCode, RqtFlag
from myvta.rtl.compute.stages import Stages

CONFIG = named("1x4x4")
AT = Stages.of(CONFIG)
LATENCY = AT.write + 2
"""Cycles from a command's offer to its first write, and the only overhead of a run."""


def plain_pads(uops, acc_tiles: int = 60) -> Scratchpads:
    """Scratchpads of ones; accumulator tiles that are legal RQT shifts too."""
    return Scratchpads(
        uops, [[[1] * 4]] * 64, [[[1] * 4] * 4] * 64, [[5, 1, 3, 31]] * acc_tiles,
    )


def random_program(rng: random.Random, config, count: int):
    """Instructions over few tiles, so that steps depend on their neighbours in every way."""
    low_inp, low_wgt = 1 << (config.inp_width - 1), 1 << (config.wgt_width - 1)
    lanes = range(config.lanes)
    values = (lambda: rng.randrange(-(2**31), 2**31), lambda: rng.randrange(-40, 40))
    acc = [[rng.choice(values)() for _ in lanes] for _ in range(16)]
    for _ in range(2):  # two sets of parameter tiles, at 16 and 19
        acc.append([rng.randrange(-(2**31), 2**31) for _ in lanes])
        acc.append([rng.choice([0, 1, 2**31 - 1, rng.randrange(2**31)]) for _ in lanes])
        acc.append([rng.randrange(32) for _ in lanes])
    pads = Scratchpads(
        uop=[(rng.randrange(8), rng.randrange(5), rng.randrange(8)) for _ in range(24)]
        + [(rng.randrange(8), rng.choice([16, 19]), 0) for _ in range(6)],
        inp=[[[rng.randrange(-low_inp, low_inp) for _ in range(config.block_in)]
              for _ in range(config.batch)] for _ in range(32)],
        wgt=[[[rng.randrange(-low_wgt, low_wgt) for _ in range(config.block_in)]
              for _ in range(config.block_out)] for _ in range(32)],
        acc=acc,
    )
    program = []
    for _ in range(count):
        begin = rng.randrange(20)
        steps = Steps(
            uop_bgn=begin, uop_end=begin + rng.randrange(5), iter_out=rng.randrange(3),
            iter_in=rng.randrange(1, 4), dst=(rng.randrange(3), rng.randrange(3)),
            src=(rng.randrange(2), rng.randrange(2)), wgt=(rng.randrange(3), rng.randrange(3)),
            push_prev=rng.random() < 0.5, push_next=rng.random() < 0.5,
        )
        if rng.random() < 0.4:
            steps.gemm, steps.clear = True, rng.random() < 0.15
            steps.overwrite = config.overwrite and rng.random() < 0.3
            if config.depthwise and rng.random() < 0.7:
                steps.window = (
                    rng.randint(1, config.window[0]), rng.randint(1, config.window[1]),
                    rng.randrange(6),
                )
                steps.wgt = (0, 0)
        elif config.requantize and rng.random() < 0.4:
            steps.opcode, steps.use_imm = AluOpcode.RQT, True
            steps.imm, steps.src = rng.randrange(0x800), (0, 0)
            steps.uop_bgn = 24 + rng.randrange(3)
            steps.uop_end = steps.uop_bgn + rng.randrange(1, 4)
        else:
            steps.opcode, steps.use_imm = rng.randrange(5), rng.random() < 0.4
            steps.imm = rng.choice([rng.randrange(-(2**15), 2**15), rng.randrange(-34, 35)])
        program.append(steps)
    return pads, program


@pytest.mark.parametrize(
    ("name", "seed", "extensions"),
    [
        ("1x4x4", 1, {}), ("1x4x4_base", 3, {}), ("1x4x4_int4", 4, {}),
        ("1x4x4", 5, {"depthwise": True}), ("1x8x8", 6, {"depthwise": True}),
    ],
)
def test_random_steps_are_written_in_sequential_order(name, seed, extensions):
    config = named(name).replace(**extensions)
    pads, program = random_program(random.Random(seed), config, 30)
    run = check_sequential(config, pads, program)
    assert len(run.trace) > 50
    assert [flags for _, *flags in run.completions] == [
        [steps.push_prev, steps.push_next] for steps in program
    ]


@pytest.mark.parametrize("stride", [0, 1, 2, 9])
def test_windows_accumulate_into_one_tile_however_long_they_wait(stride):
    config = CONFIG.replace(depthwise=True)
    rng = random.Random(7)
    pads, _ = random_program(rng, config, 0)
    pads.uop = [(3, 0, 1), (3, 1, 2), (4, 2, 3)]
    walk = {"gemm": True, "iter_in": 3, "src": (0, stride), "uop_end": 3}
    check_sequential(config, pads, [
        Steps(window=(2, 2, 3), **walk), Steps(**walk), Steps(window=(2, 1, 4), **walk),
        Steps(use_imm=True, imm=5, iter_in=2, uop_end=3), Steps(window=(1, 2, 0), **walk),
    ])


def cycles(uops, *program: Steps) -> int:
    run = run_rtl(CONFIG, plain_pads(uops), list(program))
    assert run.fault is None
    return run.cycles


def test_gemm_starts_a_step_every_cycle_on_one_destination():
    gemm = Steps(gemm=True, iter_in=16, src=(0, 1))
    assert cycles([(0, 0, 0)], gemm, gemm, gemm, gemm) == 64 + LATENCY


@pytest.mark.parametrize(
    ("opcode", "dst", "src"),
    [
        (AluOpcode.ADD, 0, 1), (AluOpcode.ADD, 0, 2), (AluOpcode.MAX, 31, 0),
        (AluOpcode.MIN, 30, 0), (AluOpcode.MUL, 0, 1), (AluOpcode.MUL, 0, 2),
    ],
)
def test_two_tensors_at_any_offsets_take_one_cycle_a_step(opcode, dst, src):
    steps = Steps(opcode=opcode, iter_in=30, dst=(0, 1), src=(0, 1))
    assert cycles([(dst, src, 0)], steps) == 30 + LATENCY


def test_a_step_that_reads_a_result_in_flight_waits_until_it_is_written():
    chain = Steps(opcode=AluOpcode.ADD, iter_in=4, dst=(0, 1), src=(0, 1))
    wait = AT.write - AT.schedule
    assert cycles([(1, 0, 0)], chain) == 4 + 3 * wait + LATENCY
    assert cycles([(4, 0, 0)], chain) == 4 + LATENCY


def test_rqt_takes_three_cycles_more_when_its_parameters_change():
    steps = Steps(
        opcode=AluOpcode.RQT, use_imm=True, imm=1 << RqtFlag.BYPASS, iter_out=4, iter_in=10,
        dst=(10, 1), src=(3, 0),
    )
    assert cycles([(0, 45, 0)], steps) == 40 + 3 * 4 + LATENCY


def fault(uops, steps: Steps, acc_tiles: int = 60):
    return run_rtl(CONFIG, plain_pads(uops, acc_tiles), [Steps(), steps]).fault


@pytest.mark.parametrize(
    "steps",
    [
        Steps(iter_in=2, dst=(0, 255), use_imm=True),
        Steps(iter_out=200, dst=(255, 0), use_imm=True),  # far past any index width
        Steps(iter_out=3, dst=(255, 0), use_imm=True, uop_bgn=1, uop_end=2),  # 0, 255, 510
        Steps(iter_in=2, src=(0, 255)),
        Steps(gemm=True, iter_in=2, src=(0, 255)),
        Steps(gemm=True, iter_in=2, wgt=(0, 127)),
        Steps(opcode=AluOpcode.RQT, use_imm=True, imm=1 << RqtFlag.BYPASS, src=(0, 0),
              iter_out=1, uop_bgn=1, uop_end=2),
    ],
)
def test_an_index_past_a_scratchpad_is_a_fault(steps):
    assert fault([(1, 1, 1), (0, 254, 0)], steps) == (ErrorCode.STEP_INDEX, 0)


@pytest.mark.parametrize(
    ("imm", "shift", "multiplier", "expected"),
    [
        (0, -1, 1, (ErrorCode.RQT_PARAMETER, 0)),
        (0, 0, -1, (ErrorCode.RQT_PARAMETER, 0)),
        (0, 32, 0, (ErrorCode.RQT_PARAMETER, 0)),
        (1 << RqtFlag.BYPASS, 31, -1, None),
    ],
)
def test_rqt_parameters_out_of_range_are_a_fault(imm, shift, multiplier, expected):
    pads = plain_pads([(0, 1, 0)], 1)
    pads.acc += [[0] * 4, [0, 0, multiplier, 0], [0, shift, 0, 0]]
    steps = Steps(opcode=AluOpcode.RQT, use_imm=True, imm=imm)
    assert run_rtl(CONFIG, pads, [steps]).fault == expected


@pytest.mark.parametrize("shift, multiplier", [(32, 1), (0, -1)])
@pytest.mark.parametrize("between", [
    pytest.param(steps, marks=[pytest.mark.slow] * (steps not in (0, 3, 6))) for steps in range(7)
])
def test_a_parameter_out_of_range_comes_before_a_younger_index(between, shift, multiplier):
    """It is seen cycles after the step went on; nothing from that step on is written."""
    pads = plain_pads([(0, 1, 0), (255, 0, 0), (0, 0, 0)], 1)
    pads.acc += [[0] * 4, [0, 0, multiplier, 0], [0, 0, 0, shift]]
    program = [
        Steps(opcode=AluOpcode.RQT, use_imm=True),
        *[Steps(use_imm=True, imm=1, uop_bgn=2, uop_end=3)] * between,
        Steps(use_imm=True, iter_in=2, dst=(0, 1), uop_bgn=1, uop_end=2),
    ]
    run = run_rtl(CONFIG, pads, program)
    assert run.fault == (ErrorCode.RQT_PARAMETER, 0)
    assert run.trace == [] and run.completions == []
