"""operands: bank_read reads for the requesting stage; ALU operands are the data of these reads."""

from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from step_bench import unpack

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode
from myvta.rtl.compute.accumulator import AccumulatorRead
from myvta.rtl.compute.bank_needs import BankNeeds
from myvta.rtl.compute.operands import alu_operands, bank_read
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import bit, word

CONFIG = NAMED["1x4x4"]
AT = Stages.of(CONFIG)
CHECKED, WAITING, GEMM = f"s{AT.check}", f"s{AT.schedule}", f"s{AT.accumulate - 1}"
BITS = 32 * CONFIG.lanes


def expected_read(before, row, advanced, bank):
    """Return which stage reads a bank in a cycle, and which row."""
    if row["needs.busy"] >> bank & 1:
        if before[f"{GEMM}.reads"] >> bank & 1:
            return "accumulate", before[f"{GEMM}.dst"] // 2
        return "arrive", before[f"{WAITING}.src"] // 2
    if not row[f"{WAITING}.alu"]:
        return None, None
    if not row["parameter.reads"]:
        in_bank = advanced[f"{CHECKED}.dst"] % 2 == bank
        return "schedule", advanced[f"{CHECKED}.{'dst' if in_bank else 'src'}"] // 2
    if row["parameter.behind"] >> bank & 1:
        return "parameter behind", row["parameter.after"]
    return "parameter", row[f"{WAITING}.src"] // 2


def test_bank_reads_for_the_requesting_stage():
    random = Random(1)
    clock, reset = clock_and_reset()
    s, advance, needs = [Step(CONFIG) for _ in range(AT.write + 1)], bit(), BankNeeds()
    parameter = ParameterRead(CONFIG.log_acc_depth)
    ports = [AccumulatorRead(CONFIG) for _ in range(2)]
    blocks = [
        bank_read(clock, s, advance, needs, parameter, port, bank=bank, config=CONFIG)
        for bank, port in enumerate(ports)
    ]
    checked, waiting, gemm = s[AT.check], s[AT.schedule], s[AT.accumulate - 1]

    def drive(cycle):
        randomize(random, advance, parameter.reads, parameter.behind, parameter.after)
        randomize(random, waiting.alu, needs.busy, gemm.reads)
        for step in (checked, waiting, gemm):
            randomize(random, step.dst, step.src)

    watched = {CHECKED: checked, WAITING: waiting, GEMM: gemm, "needs": needs, "advance": advance,
               "parameter": parameter, "even": ports[0], "odd": ports[1]}
    rows = record(blocks, clock, reset, watched, drive, cycles=600)
    advanced, seen = rows[0], set()
    for before, row in pairwise(rows):
        if before["advance"]:
            advanced = before
        for bank, name in enumerate(("even", "odd")):
            stage, address = expected_read(before, row, advanced, bank)
            assert row[f"{name}.enable"] == (stage is not None)
            if stage:
                assert row[f"{name}.address"] == address, (stage, row)
            seen.add(stage)
    assert len(seen) == 6


def random_step(random, before, requantize):
    """Return a step that does not read a bank in the cycle in which ``before`` reads it too."""
    kinds = ["imm", "pair", "pair", "empty"] + ["rqt"] * requantize
    while True:
        kind, dst, src = random.choice(kinds), random.randrange(4), random.randrange(4)
        step = {"kind": kind, "dst": dst, "src": src, "imm": random.getrandbits(16),
                "late": kind == "pair" and dst % 2 == src % 2}
        now = set() if kind == "empty" else {dst % 2}
        if kind == "pair":
            now.add(src % 2)
        if not (before["late"] and before["dst"] % 2 in now):
            return step


@pytest.mark.parametrize("requantize", [False, True])
def test_operands_are_the_data_of_early_and_late_reads(requantize):
    random = Random(3)
    config = NAMED["1x4x4" if requantize else "1x4x4_base"]
    clock, reset = clock_and_reset()
    s = [Step(config) for _ in range(AT.write + 1)]
    even, odd, bias, p, q = (word(BITS) for _ in range(5))
    block = alu_operands(
        clock, even, odd, s, bias if requantize else None, p, q, config=config,
    )
    empty = {"kind": "empty", "dst": 0, "src": 0, "imm": 0, "late": False}
    steps = [empty] * (AT.operand - AT.arrive + 1)  # in ``arrive`` to ``operand``
    history = []  # the steps in these stages, by cycle

    def drive(cycle):
        steps[1:] = steps[:-1]
        steps[0] = random_step(random, steps[1], requantize)
        randomize(random, even, odd, bias)
        for stage, step in zip(s[AT.arrive:], steps, strict=False):
            stage.alu.next, stage.late.next = step["kind"] != "empty", step["late"]
            stage.pair.next = step["kind"] == "pair"
            stage.dst.next, stage.src.next, stage.imm.next = step["dst"], step["src"], step["imm"]
            stage.opcode.next = AluOpcode.RQT if step["kind"] == "rqt" else AluOpcode.ADD
        history.append(list(steps))

    watched = {"even": even, "odd": odd, "bias": bias, "p": p, "q": q}
    rows = record([block], clock, reset, watched, drive, cycles=700)

    def bank(cycle, tile):
        return unpack(rows[cycle]["odd" if tile % 2 else "even"], 32, config.lanes)

    ahead, seen = AT.operand - AT.arrive, set()
    for cycle in range(ahead + 1, len(rows) - 1):
        step = history[cycle - 1][ahead]  # driven one cycle before it shows
        arrived = cycle - ahead
        if step["kind"] == "empty":
            continue
        seen.add((step["kind"], step["late"]))
        assert unpack(rows[cycle]["p"], 32, config.lanes) == bank(arrived, step["dst"])
        expected = [(step["imm"] ^ 0x8000) - 0x8000] * config.lanes
        if step["kind"] == "pair":
            expected = bank(arrived + step["late"], step["src"])
        elif step["kind"] == "rqt":
            expected = unpack(rows[cycle - 1]["bias"], 32, config.lanes)
        assert unpack(rows[cycle]["q"], 32, config.lanes) == expected, step
    assert len(seen) == 3 + requantize
