"""operands: bank_read reads for the requesting stage; forward gives values in program order."""

from random import Random

from rtl_bench import clock_and_reset, randomize, record, simulate

from myvta.isa.config import NAMED
from myvta.rtl.compute.accumulator import AccumulatorRead
from myvta.rtl.compute.operands import Operand, bank_read, forward
from myvta.rtl.compute.rqt_parameters import ParameterRead
from myvta.rtl.compute.step import LAST_STAGE, Step
from myvta.rtl.lib.bundles import bit, word

CONFIG = NAMED["1x4x4"]
BITS = 32


def expected_read(before, row, advanced, bank):
    """Return which stage reads a bank in a cycle, and which row."""
    def row_of(source, stage):
        in_bank = source[f"{stage}.dst"] % 2 == bank
        return source[f"{stage}.dst" if in_bank else f"{stage}.src"] // 2

    if before["s5.short_late"] >> bank & 1:
        return "s6", row_of(before, "s5")
    if before["s4.short_early"] >> bank & 1:
        return "s5", before["s4.src"] // 2
    if row["s3.long_late"] >> bank & 1:
        return "s3", row["s3.src"] // 2
    if not (row["s2.valid"] and row["s2.long"]):
        return None, None
    if not row["parameter.reads"]:
        return "s2", row_of(advanced, "s1")
    if row["parameter.behind"] >> bank & 1:
        return "parameter behind", row["parameter.after"]
    return "parameter", row["s2.src"] // 2


def test_bank_reads_for_the_requesting_stage():
    random = Random(1)
    clock, reset = clock_and_reset()
    s, advance = [Step(CONFIG) for _ in range(LAST_STAGE + 1)], bit()
    parameter = ParameterRead(CONFIG.log_acc_depth)
    ports = [AccumulatorRead(CONFIG) for _ in range(2)]
    blocks = [
        bank_read(clock, s, advance, parameter, port, bank=bank, requantize=True)
        for bank, port in enumerate(ports)
    ]

    def drive(cycle):
        randomize(random, advance, parameter.reads, parameter.behind, parameter.after)
        randomize(random, s[2].valid, s[2].long)
        for step in s[1:6]:
            randomize(random, step.dst, step.src)
        # the schedule never lets two stages read one bank in one cycle
        short_reads = s[4].short_early | s[5].short_late
        s[3].long_late.next = random.getrandbits(2) & ~short_reads & 3
        late = random.getrandbits(2)
        s[5].short_late.next, s[4].short_early.next = late, random.getrandbits(2) & ~late & 3

    watched = {f"s{number}": s[number] for number in range(1, 6)}
    watched |= {"advance": advance, "parameter": parameter, "even": ports[0], "odd": ports[1]}
    rows = record(blocks, clock, reset, watched, drive, cycles=600)
    advanced, seen = rows[0], set()
    for before, row in zip(rows, rows[1:], strict=False):
        if before["advance"]:
            advanced = before
        for bank, name in enumerate(("even", "odd")):
            stage, address = expected_read(before, row, advanced, bank)
            assert row[f"{name}.enable"] == (stage is not None)
            if stage:
                assert row[f"{name}.address"] == address, (stage, row)
            seen.add(stage)
    assert len(seen) == 7


class Program:
    """Random short steps, placed so that no two reads meet on a bank, and their operands."""

    def __init__(self, random, tiles):
        self.random = random
        self.values = list(tiles)  # of the tiles, when all steps before have been written
        self.late_banks = set()  # that the step before reads in s6

    def step(self):
        """Return the next step with the expected operands and its result."""
        random, tiles = self.random, range(len(self.values))
        while True:
            kind = random.choice(["gemm", "overwrite", "clear", "imm", "pair", "pair", "long"])
            step = {
                "kind": kind, "valid": random.random() < 0.85, "dst": random.choice(tiles),
                "src": random.choice(tiles), "early": kind == "pair" and random.random() < 0.5,
                "takes_dst": kind in ("gemm", "imm", "pair"), "takes_src": kind == "pair",
            }
            late = [step["dst"] % 2] if step["takes_dst"] else []
            if step["takes_src"] and not step["early"]:
                late.append(step["src"] % 2)
            if not step["valid"]:
                late = []
            elif step["early"] and step["src"] % 2 in self.late_banks:
                continue
            if len(set(late)) == len(late):
                break
        self.late_banks = set(late)
        step |= {"operands": (self.values[step["dst"]], self.values[step["src"]])}
        step["result"] = random.getrandbits(BITS)
        if step["valid"]:
            self.values[step["dst"]] = step["result"]
        return step


class Pipeline:
    """Stages s5 to s9 and the two banks around ``forward``."""

    def __init__(self, random):
        self.random = random
        self.memory = [random.getrandbits(BITS) for _ in range(6)]
        self.program = Program(random, self.memory)
        self.clock, self.reset = clock_and_reset()
        self.s = [Step(CONFIG) for _ in range(LAST_STAGE + 1)]
        self.data = word(BITS), word(BITS)  # of the even and the odd bank
        self.s9_result, self.dst, self.src = word(BITS), Operand(BITS), Operand(BITS)
        self.block = forward(
            self.clock, even_data=self.data[0], odd_data=self.data[1], s=self.s,
            s9_result=self.s9_result, dst=self.dst, src=self.src,
        )
        empty = {**self.program.step(), "valid": False, "early": False}
        self.steps = dict.fromkeys(range(5, LAST_STAGE + 1), empty)
        self.program = Program(random, self.memory)
        self.sources = set()

    def edge(self, cycle):
        if self.steps[7]["valid"]:
            self.check(self.steps[7])
        for signal in self.data:
            signal.next = self.random.getrandbits(BITS)
        in_s5, in_s6, in_s9 = (self.steps[number] for number in (5, 6, 9))
        for step, name, due in (
            (in_s6, "dst", in_s6["takes_dst"]), (in_s5, "src", in_s5["early"]),
            (in_s6, "src", in_s6["takes_src"] and not in_s6["early"]),
        ):
            if step["valid"] and due:  # before the write of this cycle
                self.data[step[name] % 2].next = self.memory[step[name]]
        if in_s9["valid"]:
            self.memory[in_s9["dst"]] = in_s9["result"]
        if self.steps[8]["valid"]:
            self.s9_result.next = self.steps[8]["result"]
        for number in range(LAST_STAGE, 5, -1):
            self.steps[number] = self.steps[number - 1]
        self.steps[5] = self.program.step()
        for number, step in self.steps.items():
            self.show(self.s[number], step)
        return cycle == 2000

    def show(self, stage, step):
        kind = step["kind"]
        stage.valid.next, stage.dst.next, stage.src.next = step["valid"], step["dst"], step["src"]
        stage.pair.next, stage.early.next = step["takes_src"], step["early"]
        stage.gemm.next, stage.long.next = kind in ("gemm", "overwrite", "clear"), kind == "long"
        stage.overwrite.next, stage.clear.next = kind == "overwrite", kind == "clear"

    def check(self, step):
        for operand, takes, expected in (
            (self.dst, step["takes_dst"], step["operands"][0]),
            (self.src, step["takes_src"], step["operands"][1]),
        ):
            source = bool(operand.reads), bool(operand.second)
            assert bool(operand.takes_none) == (not takes)
            if not takes:
                assert source == (False, False)
                continue
            tile = {
                (True, False): self.data[0], (True, True): self.data[1],
                (False, False): operand.ready, (False, True): self.steps[8]["result"],
            }[source]
            assert tile == expected, (step, source)
            self.sources.add(source)


def test_forwarded_operands_equal_sequential_execution():
    pipeline = Pipeline(Random(3))
    simulate([pipeline.block], pipeline.clock, pipeline.reset, pipeline.edge, limit=2001)
    assert len(pipeline.sources) == 4
