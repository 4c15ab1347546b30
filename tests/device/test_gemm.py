"""GEMM on model and RTL: loops, factors, micro-ops, hazards, reset and overwrite (vta_isa.md 4.3,
0.1; rules of docs/device.md)."""

import numpy as np
import pytest
from device_programs import ACC, INP, UOP, WGT, Program, random_tiles
from device_run import EVERYWHERE, WIDER

from myvta.isa.instructions import Gemm, Uop

EYE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
FACTORS = (
    "dst_factor_out", "dst_factor_in", "src_factor_out", "src_factor_in", "wgt_factor_out",
    "wgt_factor_in",
)
TILES = 24  # of each memory that programs of this file use


class Bench:
    """Random INP, WGT and ACC on the device and in integers of any size."""

    def __init__(self, config, seed):
        self.config, self.program = config, Program(config)
        rng = np.random.default_rng(seed)
        self.inp, self.wgt, self.acc = (
            random_tiles(rng, config, kind, TILES) for kind in (INP, WGT, ACC)
        )
        for kind, tiles in ((INP, self.inp), (WGT, self.wgt), (ACC, self.acc)):
            self.program.load(kind, tiles)
        self.steps = self.resets = 0

    def uops(self, *uops):
        self._uops = list(uops)
        self.program.uops(*uops)

    def gemm(self, **fields):
        """Append the instruction and execute it."""
        item = Gemm(**fields)
        self.program.add(item)
        for i in range(item.iter_out):
            for j in range(item.iter_in):
                for uop in self._uops[item.uop_bgn : item.uop_end]:
                    self._step(
                        item, uop.dst + i * item.dst_factor_out + j * item.dst_factor_in,
                        uop.src + i * item.src_factor_out + j * item.src_factor_in,
                        uop.wgt + i * item.wgt_factor_out + j * item.wgt_factor_in,
                    )

    def _step(self, item, a, x, w):
        config = self.config
        if item.reset:
            self.resets += 1
            self.acc[a] = 0
            return
        self.steps += 1
        rows = self.inp[x].reshape(config.batch, config.block_in)
        product = rows @ self.wgt[w].reshape(config.block_out, config.block_in).T
        before = 0 if item.overwrite else self.acc[a]
        self.acc[a] = (before + product.reshape(-1) + 2**31) % 2**32 - 2**31

    def check(self, device):
        shown = self.program.show_acc(0, TILES)
        outcome = device.passes(self.program)
        np.testing.assert_array_equal(outcome.view(shown), self.acc)
        assert outcome.counters["GEMM_STEPS"] == self.steps
        planes = 32 // self.config.out_width - 1
        assert outcome.counters["ACC_WRITES"] == self.steps + self.resets + planes * TILES


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_product_equals_hand_computed_values(device):
    """ACC[b][o] uses row o of the weight tile: weights are stored [out][in]."""
    program = Program(device.config)
    program.load(INP, [[1, 2, 3, -4]])
    program.load(WGT, [[1, 0, 0, 0, 0, 10, 0, 0, 1, 1, 1, 1, -128, 127, 0, -1]])
    program.load(ACC, [[100, 200, 300, 400], [2**31 - 1, -(2**31), 0, -1]])
    first = program.uops(Uop(), Uop(dst=1))
    program.add(Gemm(uop_bgn=first, uop_end=first + 2))
    shown = program.show_acc(0, 2)
    assert device.passes(program).view(shown).tolist() == [
        [101, 220, 302, 530],  # dots: 1, 20, 2, -128 + 254 + 4 = 130
        [-(2**31), -(2**31) + 20, 2, 129],  # the first one wraps
    ]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("sign", [(-1, -1), (-1, 1), (1, 1)], ids=str)
def test_extreme_operands_are_exact(device, sign):
    """Every lane the minimum or the maximum: the widest products and sums there are."""
    config, program = device.config, Program(device.config)
    ends = [
        (-(1 << (width - 1)) if side < 0 else (1 << (width - 1)) - 1)
        for width, side in zip((config.inp_width, config.wgt_width), sign, strict=True)
    ]
    program.load(INP, np.full((1, config.batch * config.block_in), ends[0]))
    program.load(WGT, np.full((1, config.block_in * config.block_out), ends[1]))
    program.load(ACC, np.full((1, config.lanes), 2**31 - 1))
    program.uops(Uop())
    program.add(Gemm(iter_in=3))
    shown = program.show_acc(0, 1)
    expected = 2**31 - 1 + 3 * config.block_in * ends[0] * ends[1]
    expected = (expected + 2**31) % 2**32 - 2**31
    assert set(device.passes(program).view(shown)[0].tolist()) == {expected}


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_each_factor_and_all_together_address_their_tiles(device):
    bench = Bench(device.config, 1)
    bench.uops(Uop(dst=2, src=3, wgt=4))
    for factor in FACTORS:
        bench.gemm(iter_out=3, iter_in=4, **{factor: 3})
    bench.gemm(iter_out=2, iter_in=3, **{name: n + 1 for n, name in enumerate(FACTORS)})
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_micro_ops_in_both_loops_equal_the_reference(device):
    bench = Bench(device.config, 2)
    bench.uops(*(Uop(dst=n * 5 % 7, src=n * 3 % 8, wgt=n * 7 % 5) for n in range(8)))
    bench.gemm(uop_bgn=1, uop_end=7, iter_out=2, iter_in=3, dst_factor_out=8, dst_factor_in=4,
               src_factor_out=5, src_factor_in=2, wgt_factor_out=6, wgt_factor_in=1)
    bench.gemm(uop_bgn=7, uop_end=8, iter_out=1, iter_in=2, dst_factor_in=1)
    bench.gemm(uop_bgn=0, uop_end=8, iter_out=2, iter_in=1, wgt_factor_out=3)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5])
def test_repeated_destination_accumulates(device, distance):
    """A destination recurs after 1 .. 5 steps: each sees the one before (rule D18)."""
    bench = Bench(device.config, 3)
    bench.uops(*(Uop(dst=n, src=n, wgt=n) for n in range(distance)))
    bench.gemm(uop_end=distance, iter_out=3, iter_in=4, src_factor_in=1, wgt_factor_out=2)
    bench.gemm(uop_end=distance, iter_out=2, iter_in=3, reset=0, src_factor_out=3, wgt_factor_in=4)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_back_to_back_instructions_are_sequential(device):
    """Each instruction accumulates into the tiles the one before has just written."""
    bench = Bench(device.config, 4)
    bench.uops(*(Uop(dst=n % 3, src=n, wgt=n) for n in range(6)))
    for n in range(6):
        bench.gemm(uop_bgn=n, uop_end=n + 1)
    for n in range(4):
        bench.gemm(uop_bgn=n, uop_end=n + 3, reset=n % 2)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    "fields",
    [
        dict(uop_bgn=2, uop_end=2), dict(uop_bgn=3, uop_end=1), dict(iter_out=0), dict(iter_in=0),
        dict(iter_out=0, iter_in=0, reset=1),
        dict(uop_bgn=2, uop_end=2, iter_out=9, iter_in=9, dst_factor_out=255, dst_factor_in=255),
    ],
    ids=str,
)
def test_no_step_changes_nothing(device, fields):
    """Zero trips and empty micro-op ranges change nothing, and nothing hangs (rule D8)."""
    bench = Bench(device.config, 5)
    bench.uops(*(Uop(dst=n, src=n, wgt=n) for n in range(4)))
    bench.gemm(**{"uop_end": 4, **fields})
    bench.gemm(uop_end=2)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_reset_clears_the_accumulators(device):
    """Reset steps write 0 and read nothing; only they are not counted as products."""
    bench = Bench(device.config, 6)
    bench.uops(Uop(dst=1, src=1, wgt=1), Uop(dst=4, src=2, wgt=2))
    bench.gemm(reset=1, uop_end=2, iter_out=2, iter_in=3, dst_factor_out=9, dst_factor_in=2)
    bench.gemm(uop_end=2, iter_out=2, dst_factor_out=9, src_factor_out=3)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_reset_does_not_check_inp_and_wgt_indices(device):
    """src and wgt may point anywhere while nothing reads them (contract: reset checks dst)."""
    config, program = device.config, Program(device.config)
    program.load(ACC, [[1, 2, 3, 4]] * 3)
    program.uops(Uop(dst=1, src=config.depth(INP) - 1, wgt=config.depth(WGT) - 1))
    program.add(Gemm(reset=1, iter_out=2, src_factor_out=200, wgt_factor_out=100))
    shown = program.show_acc(0, 3)
    assert device.passes(program).view(shown).tolist() == [[1, 2, 3, 4], [0] * 4, [1, 2, 3, 4]]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_overwrite_stores_the_last_product(device):
    """A step stores its product whatever was there; a repeated destination keeps the last."""
    bench = Bench(device.config, 7)
    bench.uops(*(Uop(dst=n % 3, src=n, wgt=n) for n in range(5)))
    bench.gemm(overwrite=1, uop_end=5, iter_in=2, dst_factor_in=4, src_factor_in=5)
    bench.gemm(uop_end=5)
    bench.gemm(overwrite=1, uop_bgn=1, uop_end=2, iter_in=3, wgt_factor_in=1)
    bench.gemm(uop_bgn=1, uop_end=2)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_reset_wins_over_overwrite(device):
    bench = Bench(device.config, 8)
    bench.uops(Uop(), Uop(dst=1, src=1, wgt=1))
    bench.gemm(reset=1, overwrite=1, uop_end=2)
    bench.gemm(uop_bgn=1, uop_end=2)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_overwrite_equals_hand_computed_values(device):
    program = Program(device.config)
    program.load(INP, [[1, 2, 3, 4], [5, 6, 7, 8]])
    program.load(WGT, [EYE])
    program.load(ACC, [[1000] * 4])
    program.uops(Uop(src=0), Uop(src=1))
    program.add(Gemm(overwrite=1, uop_end=1), Gemm(uop_bgn=1, uop_end=2))
    shown = program.show_acc(0, 1)
    assert device.passes(program).view(shown).tolist() == [[6, 8, 10, 12]]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_last_tile_of_each_memory_is_addressed(device):
    """Indices depth - 1, reached by micro-op, by outer and by inner factor."""
    config, program = device.config, Program(device.config)
    depth = {kind: config.depth(kind) for kind in (INP, WGT, ACC)}
    rng = np.random.default_rng(9)
    inp, wgt, acc = (random_tiles(rng, config, kind, 1) for kind in (INP, WGT, ACC))
    for kind, tile in ((INP, inp), (WGT, wgt), (ACC, acc)):
        program.load(kind, tile, depth[kind] - 1)
    for _ in range(2):
        program.load(UOP, [Uop(dst=depth[ACC] - 1, src=depth[INP] - 1, wgt=depth[WGT] - 1)])
    program.add(Gemm())
    program.load(UOP, [Uop(dst=depth[ACC] - 3, src=depth[INP] - 4, wgt=depth[WGT] - 6)], 1)
    program.load(ACC, np.zeros((3, config.lanes), int), depth[ACC] - 4)
    program.load(INP, np.zeros((4, config.batch * config.block_in), int), depth[INP] - 5)
    program.load(WGT, np.zeros((6, config.block_in * config.block_out), int), depth[WGT] - 7)
    program.add(Gemm(
        uop_bgn=1, uop_end=2, iter_out=2, iter_in=2, dst_factor_out=1, dst_factor_in=1,
        src_factor_out=2, src_factor_in=1, wgt_factor_out=3, wgt_factor_in=2,
    ))
    shown = program.show_acc(depth[ACC] - 1, 1)
    outcome = device.passes(program)
    rows = inp[0].reshape(config.batch, config.block_in)
    product = rows @ wgt[0].reshape(config.block_out, config.block_in).T
    expected = (acc[0] + 2 * product.reshape(-1) + 2**31) % 2**32 - 2**31
    assert outcome.view(shown)[0].tolist() == expected.tolist()
