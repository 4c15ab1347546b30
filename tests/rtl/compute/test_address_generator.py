"""address_generator, check_indices: sums and range errors of random steps, edges above all."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record

from myvta.isa.config import NAMED
from myvta.isa.fields import uop_layout
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.rtl.compute.address_generator import (
    StepIndices,
    StepSums,
    address_generator,
    check_indices,
)
from myvta.rtl.compute.sequencer import StepOffsets
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import INDEX_BITS, bit, word

SMALL = NAMED["1x4x4"]
CONFIGS = {
    "equal depths": SMALL, "more INP than ACC": SMALL.replace(log_inp_buff_size=12),
    "less INP than ACC": SMALL.replace(log_inp_buff_size=8), "base": NAMED["1x4x4_base"],
}


def random_operands(random, config):
    """Return micro-op fields and loop offsets whose sums are often next to the end of a memory."""
    fields = uop_layout(config)
    depths = {
        "dst": [config.depth(MemoryType.ACC)], "wgt": [config.depth(MemoryType.WGT)],
        "src": [config.depth(MemoryType.ACC), config.depth(MemoryType.INP)],
    }
    uop, offsets = {}, {}
    for name, ends in depths.items():
        uop[name] = random.randrange(1 << (fields[name].hi - fields[name].lo))
        past = 2 * max(ends)  # values of an offset, its sticky bit included
        to_the_end = random.choice(ends) - uop[name] + random.randrange(-3, 2)
        offset = random.choice([0, random.randrange(past), to_the_end, to_the_end])
        offsets[name] = min(max(offset, 0), past - 1)
    return uop, offsets


class Expected:
    """Indices of one step, from unbounded sums."""

    def __init__(self, row, uop, offsets, config):
        acc = config.depth(MemoryType.ACC)
        self.index, self.valid = row["index"], row["s0.valid"]
        self.dst, self.src, self.wgt = (uop[name] + offsets[name] for name in ("dst", "src", "wgt"))
        gemm, opcode = row["s0.gemm"], row["s0.opcode"]
        self.gemm = gemm
        self.rqt = not gemm and opcode == AluOpcode.RQT
        self.pair = not gemm and not row["s0.use_imm"]
        self.multiplies = gemm and not row["s0.clear"]
        past = self.dst >= acc
        if self.multiplies:
            past |= self.src >= config.depth(MemoryType.INP)
            past |= self.wgt >= config.depth(MemoryType.WGT)
        elif self.rqt:
            past |= self.src + 2 >= acc
        elif self.pair:
            past |= self.src >= acc
        self.out_of_range = self.valid and past

    def check_sums(self, row):
        shown = [row[f"sums.{name}"] for name in ("dst", "src", "wgt", "index")]
        assert shown == [self.dst, self.src, self.wgt, self.index]
        assert row["sums.multiplies"] == self.multiplies and row["sums.rqt"] == self.rqt

    def check_indices(self, row, config):
        acc = config.depth(MemoryType.ACC)
        assert row["s3.dst"] == self.dst % acc and row["s3.src"] == self.src % acc
        assert row["s3.pair"] == self.pair
        assert row["s3.inp"] == self.src % config.depth(MemoryType.INP)
        assert row["s3.wgt"] == self.wgt % config.depth(MemoryType.WGT)
        assert row["s3.mac"] == (self.valid and self.gemm)
        assert row["s3.alu"] == (self.valid and not self.gemm)
        assert row["indices.index"] == self.index
        assert row["indices.out_of_range"] == self.out_of_range
        if config.requantize:
            assert row["indices.rqt"] == (self.valid and self.rqt)
            assert row["indices.after"] == (self.src // 2 + 1) % (acc // 2)
            assert row["s3.before"] == (self.dst // 2 - 1) % (acc // 2)


@pytest.mark.parametrize("name", CONFIGS)
def test_indices_are_sums_and_each_range_is_checked(name):
    config, random = CONFIGS[name], Random(3)
    clock, reset = clock_and_reset()
    advance, uop, index = bit(), word(32), word(INDEX_BITS)
    s = [Step(config) for _ in range(Stages.of(config).write + 1)]
    s0, s3 = s[Stages.uop], s[Stages.schedule]
    offsets, sums, indices = StepOffsets(config), StepSums(config), StepIndices(config)
    opcodes = [code for code in AluOpcode if code not in (AluOpcode.RQT, AluOpcode.RED)]
    opcodes += [AluOpcode.RQT] * 3 if config.requantize else []
    operands = [({"dst": 0, "src": 0, "wgt": 0}, {"dst": 0, "src": 0, "wgt": 0})]

    def drive(cycle):
        operands.append(random_operands(random, config))
        fields, sums_of_loops = operands[-1]
        uop.next = uop_layout(config).pack(fields)
        for part, value in sums_of_loops.items():
            getattr(offsets, part).next = value
        randomize(random, index, s0.gemm, s0.clear)
        s0.valid.next, advance.next = random.random() < 0.8, random.random() < 0.7
        opcode = random.choice(opcodes)
        s0.opcode.next = opcode
        s0.use_imm.next = opcode == AluOpcode.RQT or random.random() < 0.5

    blocks = [
        address_generator(
            clock, reset, advance=advance, uop=uop, s=s, offsets=offsets, uop_index=index,
            sums=sums, config=config,
        ),
        check_indices(
            clock, reset, advance=advance, s=s, sums=sums, indices=indices, config=config,
        ),
    ]
    watched = {
        "advance": advance, "index": index, "s0": s0, "s3": s3, "sums": sums, "indices": indices,
    }
    rows = record(blocks, clock, reset, watched, drive, cycles=900)
    added = checked = waiting = None  # in the stages from ``index`` on
    seen = set()
    for row, (fields, sums_of_loops) in zip(rows, operands, strict=False):
        if checked is not None:
            checked.check_sums(row)
        if waiting is not None:
            waiting.check_indices(row, config)
            seen.add((waiting.out_of_range, waiting.rqt, waiting.pair))
        if row["advance"]:
            added, checked, waiting = Expected(row, fields, sums_of_loops, config), added, checked
    assert len(seen) == (6 if config.requantize else 4)
