"""RED on model and RTL: sum, maximum and minimum across the lanes of each batch row."""

import numpy as np
import pytest
from device_programs import ACC, Program, random_tiles
from device_run import EXTENDED, LOOKUP_REDUCE
from scalar_reference import wrap

from myvta.isa.instructions import Alu, Gemm, Uop
from myvta.isa.opcodes import AluOpcode, ErrorCode, Reduction

FOLDS = {
    Reduction.SUM: lambda lanes: wrap(sum(lanes)), Reduction.MAX: max, Reduction.MIN: min,
}
EDGES = (0, 1, -1, 2**31 - 1, -(2**31), 2**30, -(2**30), 2**31 - 2)


def red(reduction, **fields):
    """Return a reduction."""
    return Alu(alu_opcode=AluOpcode.RED, imm=reduction, **fields)


def reduced(config, reduction, tile):
    """Return the tile that RED makes of a tile."""
    rows = [tile[n : n + config.block_out] for n in range(0, config.lanes, config.block_out)]
    return [FOLDS[reduction](row) for row in rows for _ in row]


class Bench:
    """ACC on the device and in Python integers, one step after the other."""

    def __init__(self, device, acc):
        self.device, self.config = device, device.config
        self.program, self.acc = Program(device.config), [list(map(int, tile)) for tile in acc]
        self.program.load(ACC, self.acc)

    def red(self, reduction, *uops, **loops):
        first = self.program.uops(*(Uop(dst=d, src=s) for d, s in uops))
        item = red(reduction, uop_bgn=first, uop_end=first + len(uops), **loops)
        self.program.add(item)
        for i in range(item.iter_out):
            for j in range(item.iter_in):
                for d, s in uops:
                    d += i * item.dst_factor_out + j * item.dst_factor_in
                    s += i * item.src_factor_out + j * item.src_factor_in
                    self.acc[d] = reduced(self.config, reduction, self.acc[s])

    def add(self, dst, imm):
        """Add a number to a tile."""
        first = self.program.uops(Uop(dst=dst))
        self.program.add(Alu(
            alu_opcode=AluOpcode.ADD, use_imm=1, imm=imm, uop_bgn=first, uop_end=first + 1))
        self.acc[dst] = [wrap(lane + imm) for lane in self.acc[dst]]

    def check(self):
        shown = self.program.show_acc(0, len(self.acc))
        assert self.device.passes(self.program).view(shown).tolist() == self.acc


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
@pytest.mark.parametrize("reduction", Reduction)
def test_edges_and_random_lanes_are_reduced(device, reduction):
    rng = np.random.default_rng(reduction)
    edges = rng.choice(EDGES, (12, device.config.lanes))
    bench = Bench(device, [*edges, *random_tiles(rng, device.config, ACC, 12)])
    bench.red(reduction, (0, 0), iter_in=24, dst_factor_in=1, src_factor_in=1)
    bench.check()


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
@pytest.mark.parametrize("lane", range(4))
@pytest.mark.parametrize("reduction", [Reduction.MAX, Reduction.MIN])
def test_the_extreme_is_found_in_every_lane(device, reduction, lane):
    sign = 1 if reduction == Reduction.MAX else -1
    tile = [sign * (n - 40) for n in range(device.config.lanes)]
    tile[lane :: device.config.block_out] = [sign * 90] * device.config.batch
    bench = Bench(device, [tile, [0] * len(tile)])
    bench.red(reduction, (1, 0))
    assert bench.acc[1] == [sign * 90] * len(tile)
    bench.check()


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_results_of_earlier_steps_are_read(device):
    """A chain at every distance: through the same tile, neighbours, and another instruction."""
    rng = np.random.default_rng(3)
    bench = Bench(device, random_tiles(rng, device.config, ACC, 20))
    bench.red(Reduction.SUM, (0, 0), iter_in=5)
    bench.red(Reduction.SUM, (1, 0), iter_in=5, dst_factor_in=1, src_factor_in=1)
    for distance in range(6):
        bench.add(8, distance + 1)
        for other in range(distance):
            bench.add(9 + other, 5)
        bench.red(Reduction.SUM, (15, 8))
        bench.red(Reduction.MIN, (16, 15), (17, 16), (8, 17))
    bench.check()


@pytest.mark.parametrize("device", LOOKUP_REDUCE, indirect=True)
def test_random_steps_are_sequential(device):
    rng = np.random.default_rng(4)
    bench = Bench(device, random_tiles(rng, device.config, ACC, 8))
    for _ in range(12):
        count = int(rng.integers(1, 6))
        uops = [tuple(map(int, rng.integers(0, 4, 2))) for _ in range(count)]
        bench.red(Reduction(int(rng.integers(0, 3))), *uops, iter_in=3,
                  dst_factor_in=int(rng.integers(0, 3)), src_factor_in=int(rng.integers(0, 3)))
        bench.add(int(rng.integers(0, 8)), int(rng.integers(-99, 99)))
    bench.check()


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize(("imm", "use_imm"), [
    (3, 0), (4, 0), (-1 << 15, 0), (0x0100, 0), (0, 1), (1, 1), (3, 1),
])
def test_other_immediates_are_refused(device, imm, use_imm):
    program = Program(device.config, raw=True)
    program.add(Gemm(iter_in=0), red(imm, use_imm=use_imm))
    device.fails(program, ErrorCode.OPERAND, 1)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
@pytest.mark.parametrize("operand", ["dst", "src"])
def test_index_past_the_end_is_refused(device, operand):
    config = device.config
    program = Program(config)
    program.uops(Uop(**{operand: config.depth(ACC) - 1}))
    program.add(red(Reduction.MAX, iter_in=2, **{f"{operand}_factor_in": 1}))
    device.fails(program, ErrorCode.STEP_INDEX, 1)


@pytest.mark.parametrize("device", EXTENDED, indirect=True)
def test_last_tiles_are_reduced(device):
    config, depth = device.config, device.config.depth(ACC)
    tile = list(range(config.lanes))
    program = Program(config)
    program.load(ACC, [tile, tile], depth - 2)
    program.uops(Uop(dst=depth - 1, src=depth - 2))
    program.add(red(Reduction.SUM))
    shown = program.show_acc(depth - 2, 2)
    assert device.passes(program).view(shown).tolist() == [
        tile, reduced(config, Reduction.SUM, tile)]
