"""hazards: every cycle against all earlier steps, while steps wait and pass."""

from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.compute.address_generator import StepSums
from myvta.rtl.compute.hazards import operand_hazards, parameter_hazards
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit

CONFIG = NAMED["1x4x4"]
AT = Stages.of(CONFIG)
ROWS = 1 << (CONFIG.log_acc_depth - 1)
TILES = [*range(7), *range(2 * ROWS - 6, 2 * ROWS)]  # few, both ends of the accumulator


def random_step(random):
    """Return a step as a dictionary; an empty slot has left-over fields."""
    kind = random.choice(["gemm", "alu", "alu", "red", "rqt", "rqt"])
    return {
        "valid": random.random() < 0.6, "gemm": kind == "gemm", "rqt": kind == "rqt",
        "pair": kind == "red" or (kind == "alu" and random.random() < 0.7),
        "skips_dst": kind == "red",
        "dst": random.choice(TILES), "src": random.choice(TILES[:-2]),
    }


def show(stages, sums, steps):
    """Drive the stages from ``check`` on with the steps that are there."""
    for number, step in enumerate(steps, AT.check):
        if step is not None and number < AT.write:
            for name in ("valid", "gemm", "pair", "skips_dst", "dst", "src"):
                getattr(stages[number], name).next = step[name]
            stages[number].before.next = (step["dst"] // 2 - 1) % ROWS
        elif number < AT.write:
            stages[number].valid.next = False
    sums.rqt.next = steps[0] is not None and steps[0]["rqt"]


def hits(step, ahead):
    """Return whether earlier steps write an operand, and whether they write a parameter tile."""
    if step is None or not step["valid"]:
        return False, False
    written = {other["dst"] for other in ahead if other is not None and other["valid"]}
    operands = ({step["src"]} if step["pair"] else set()) | (
        set() if step["skips_dst"] else {step["dst"]})
    parameters = {step["src"] + n for n in range(3)}
    return (
        not step["gemm"] and bool(operands & written),
        step["rqt"] and bool(parameters & written),
    )


def test_hits_are_writes_of_steps_still_ahead():
    random = Random(5)
    clock, reset = clock_and_reset()
    advance, operand_hit, parameter_hit = bit(), bit(), bit()
    stages, sums = [Step(CONFIG) for _ in range(AT.write + 1)], StepSums(CONFIG)
    checked, compared = stages[AT.check], stages[AT.schedule:AT.write]
    blocks = [
        operand_hazards(clock, reset, advance, compared, checked, operand_hit),
        parameter_hazards(clock, reset, advance, compared, checked, sums, parameter_hit),
    ]
    steps = [None] * (AT.write - AT.check + 1)  # from ``check`` on
    counts = {(a, b): 0 for a in (False, True) for b in (False, True)}

    def on_edge(cycle):
        expected = hits(steps[1], steps[2:])
        assert (bool(operand_hit), bool(parameter_hit)) == expected, (cycle, steps)
        counts[expected] += 1
        leaves = bool(advance)
        steps[3:] = steps[2:-1]
        steps[2] = steps[1] if leaves else None
        if leaves:
            steps[1], steps[0] = steps[0], random_step(random)
        show(stages, sums, steps)
        advance.next = random.random() < 0.6
        return cycle == 1500

    simulate(blocks, clock, reset, on_edge, limit=1501)
    assert min(counts.values()) > 20
