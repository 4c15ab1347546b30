"""ALU on model and RTL: every opcode, both operand forms, hazards of any distance (vta_isa.md 4.4;
rules D1 to D4 of docs/device.md)."""

import numpy as np
import pytest
from device_programs import ACC, UOP, Program, random_tiles
from device_run import EVERYWHERE, WIDER
from scalar_reference import operate

from myvta.isa.instructions import Alu, Uop
from myvta.isa.opcodes import AluOpcode

LEAST, MOST = -(2**31), 2**31 - 1
MIN, MAX, ADD, SHR, MUL = (
    AluOpcode.MIN, AluOpcode.MAX, AluOpcode.ADD, AluOpcode.SHR, AluOpcode.MUL,
)
OPCODES = pytest.mark.parametrize(
    "opcode", [MIN, MAX, ADD, SHR, MUL], ids=lambda opcode: opcode.name
)
TILES = 24
EDGES = [LEAST, MOST, LEAST + 1, MOST - 1, 0, 1, -1, 2, -2, 0x12345678, -0x12345678, 0x55555555]
AMOUNTS = [0, 1, -1, 7, -7, 8, 15, 16, -16, 17, 30, -30, 31, -31, 32, -32, 33, -33, 63, 64, -64,
           255, 256, -256, 32767, -32768, 65536, -65536, MOST, LEAST]


class Bench:
    """Tiles of ACC on the device, and the same in Python integers, one step after the other."""

    def __init__(self, config, seed=None, acc=None):
        self.config, self.program = config, Program(config)
        if acc is None:
            acc = random_tiles(np.random.default_rng(seed), config, ACC, TILES)
        self.acc = [list(map(int, tile)) for tile in acc]
        self.program.load(ACC, acc)
        self.steps, self._uops = 0, []

    def uops(self, *uops):
        """Load micro-ops and return the index of the first."""
        self._uops += uops
        return self.program.uops(*uops)

    def alu(self, **fields):
        """Append the instruction and execute it."""
        item = Alu(**fields)
        self.program.add(item)
        for i in range(item.iter_out):
            for j in range(item.iter_in):
                for uop in self._uops[item.uop_bgn : item.uop_end]:
                    d = uop.dst + i * item.dst_factor_out + j * item.dst_factor_in
                    s = uop.src + i * item.src_factor_out + j * item.src_factor_in
                    second = [item.imm] * self.config.lanes if item.use_imm else self.acc[s]
                    self.acc[d] = [
                        operate(item.alu_opcode, p, q)
                        for p, q in zip(self.acc[d], second, strict=True)
                    ]
                    self.steps += 1

    def check(self, device):
        shown = self.program.show_acc(0, len(self.acc))
        outcome = device.passes(self.program)
        assert outcome.view(shown).tolist() == self.acc
        planes = 32 // self.config.out_width - 1
        assert outcome.counters["ALU_STEPS"] == self.steps + planes * len(self.acc)
        assert outcome.counters["GEMM_STEPS"] == 0


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_every_opcode_equals_hand_computed_values(device):
    """Lanes of ACC[0], ACC[1] and the result of each opcode, register form and immediate."""
    program = Program(device.config)
    first = [[7, -8, MOST, LEAST]] * 10
    program.load(ACC, [*first, [-9, 3, 2, -1], [1, -2, -1, 33]])
    uops = [Uop(dst=n, src=10) for n in range(5)] + [Uop(dst=5 + n, src=11) for n in range(5)]
    program.uops(*uops)
    for n, opcode in enumerate((MIN, MAX, ADD, MUL)):
        program.add(Alu(alu_opcode=opcode, uop_bgn=n, uop_end=n + 1))
        program.add(Alu(alu_opcode=opcode, use_imm=1, imm=-3, uop_bgn=5 + n, uop_end=6 + n))
    program.add(Alu(alu_opcode=SHR, uop_bgn=9, uop_end=10))
    program.add(Alu(alu_opcode=SHR, use_imm=1, imm=-1, uop_bgn=4, uop_end=5))
    shown = program.show_acc(0, 10)
    assert device.passes(program).view(shown).tolist() == [
        [-9, -8, 2, LEAST],
        [7, 3, MOST, -1],
        [-2, -5, LEAST + 1, MOST],
        [-63, -24, -2, LEAST],
        [14, -16, -2, 0],
        [-3, -8, -3, LEAST],
        [7, -3, MOST, -3],
        [4, -11, MOST - 3, MOST - 2],
        [-21, 24, LEAST + 3, LEAST],
        [3, -32, -2, -1],
    ]


@OPCODES
@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_extreme_operands_equal_the_reference(device, opcode):
    """Every edge value with every edge value (SHR: with every amount), register form."""
    lanes = device.config.lanes
    seconds = AMOUNTS if opcode == SHR else EDGES
    pairs = [(p, q) for p in EDGES for q in seconds]
    pairs += pairs[: -len(pairs) % lanes]
    left, right = (np.array(side).reshape(-1, lanes) for side in zip(*pairs, strict=True))
    count = len(left)
    bench = Bench(device.config, acc=np.concatenate([left, right]))
    bench.uops(Uop(dst=0, src=count))
    bench.alu(alu_opcode=opcode, iter_in=count, dst_factor_in=1, src_factor_in=1)
    bench.check(device)


@OPCODES
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_extreme_immediates_equal_the_reference(device, opcode):
    """Each immediate on the edge values: it is sign-extended from 16 bits."""
    amounts = [n for n in AMOUNTS if -32768 <= n <= 32767]
    immediates = amounts if opcode == SHR else [0, 1, -1, 2, -2, 127, 128, -128, 32767, -32768]
    tiles = np.array(EDGES).reshape(-1, 4)
    bench = Bench(device.config, acc=np.concatenate([tiles] * len(immediates)))
    bench.uops(*(Uop(dst=n * 3) for n in range(len(immediates))))
    for n, imm in enumerate(immediates):
        bench.alu(alu_opcode=opcode, use_imm=1, imm=imm, uop_bgn=n, uop_end=n + 1, iter_in=3,
                  dst_factor_in=1)
    bench.check(device)


@OPCODES
@pytest.mark.parametrize("device", WIDER, indirect=True)
def test_immediate_is_applied_to_every_lane(device, opcode):
    bench = Bench(device.config, seed=1)
    bench.uops(*(Uop(dst=n) for n in range(4)))
    for n, imm in enumerate((5, -5, 32767, -32768)):
        bench.alu(alu_opcode=opcode, use_imm=1, imm=imm, uop_bgn=n, uop_end=n + 1, iter_in=3,
                  dst_factor_in=4)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("imm", [-1, 0x7FFF])
def test_imm_is_ignored_without_use_imm_and_src_with_it(device, imm):
    """Rule D1: the first operand is ACC[dst]; with the immediate src may point anywhere."""
    depth = device.config.depth(ACC)
    bench = Bench(device.config, seed=2)
    bench.uops(Uop(dst=1, src=2), Uop(dst=3, src=depth - 1))
    bench.alu(alu_opcode=ADD, use_imm=0, imm=imm)
    bench.alu(alu_opcode=SHR, use_imm=0, imm=imm, iter_in=3, dst_factor_in=5)
    bench._uops[1] = Uop(dst=3)  # the value of src does not matter
    bench.alu(alu_opcode=ADD, use_imm=1, imm=imm, uop_bgn=1, uop_end=2)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_src_index_is_not_checked_with_an_immediate(device):
    depth = device.config.depth(ACC)
    bench = Bench(device.config, seed=3)
    bench.uops(Uop(dst=1))
    item = Alu(alu_opcode=ADD, use_imm=1, imm=9, iter_in=3, dst_factor_in=1,
             src_factor_in=depth - 1)
    bench.program.add(item)
    bench.steps += 3
    for n in (1, 2, 3):
        bench.acc[n] = [operate(ADD, p, 9) for p in bench.acc[n]]
    bench.check(device)


@OPCODES
@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_destination_may_be_the_source(device, opcode):
    bench = Bench(device.config, seed=4)
    bench.uops(*(Uop(dst=n, src=n) for n in range(5)))
    bench.alu(alu_opcode=opcode, uop_end=5, iter_in=2, dst_factor_in=6, src_factor_in=6)
    bench.check(device)


@OPCODES
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("use_imm", [0, 1])
def test_repeated_destination_is_sequential(device, opcode, use_imm):
    """The same tile every 1 .. 4 steps: each step starts from the one before (rule D18)."""
    bench = Bench(device.config, seed=5)
    bench.uops(*(Uop(dst=n + 1, src=n + 12) for n in range(4)))
    for distance in (1, 2, 3, 4):
        bench.alu(alu_opcode=opcode, use_imm=use_imm, imm=3, uop_end=distance, iter_in=4,
                  src_factor_in=1)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("distance", [1, 2, 3, 4, 5, 6])
def test_source_written_by_an_earlier_step_is_current(device, distance, parity):
    """Step k reads the result of step k - distance, in tiles of both parities (banks)."""
    bench = Bench(device.config, seed=6)
    bench.uops(Uop(dst=distance + parity, src=parity))
    bench.alu(alu_opcode=ADD, iter_in=12, dst_factor_in=1, src_factor_in=1)
    first = bench.uops(*(Uop(dst=2 * (n % (distance + 1)) + parity,
                             src=2 * ((n + 1) % (distance + 1)) + parity) for n in range(10)))
    bench.alu(alu_opcode=ADD, uop_bgn=first, uop_end=first + 10, iter_in=2)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_tiles_of_every_parity_equal_the_reference(device):
    """Any mix of even and odd tiles, with hazards of all kinds between neighbouring steps."""
    rng = np.random.default_rng(7)
    bench = Bench(device.config, seed=7)
    pairs = rng.integers(0, 5, (40, 2)).tolist() + rng.integers(0, TILES, (30, 2)).tolist()
    bench.uops(*(Uop(dst=d, src=s) for d, s in pairs))
    for n, opcode in enumerate((ADD, MAX, SHR, MUL, MIN, ADD, ADD)):
        bench.alu(alu_opcode=opcode, uop_bgn=n * 10, uop_end=n * 10 + 10)
    bench.alu(alu_opcode=ADD, uop_end=70)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_instruction_reads_results_of_the_previous_one(device):
    bench = Bench(device.config, seed=8)
    bench.uops(*(Uop(dst=n % 4 + 1, src=n % 3) for n in range(8)))
    for n in range(8):
        bench.alu(alu_opcode=ADD, uop_bgn=n, uop_end=n + 1)
        bench.alu(alu_opcode=MAX, uop_bgn=7 - n, uop_end=8 - n, use_imm=n % 2, imm=-n)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize(
    "factor", ["dst_factor_out", "dst_factor_in", "src_factor_out", "src_factor_in"]
)
def test_each_factor_addresses_its_tiles(device, factor):
    bench = Bench(device.config, seed=9)
    bench.uops(Uop(dst=2, src=5), Uop(dst=3, src=1))
    bench.alu(alu_opcode=ADD, uop_end=2, iter_out=3, iter_in=4, **{factor: 3})
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_all_factors_together_address_their_tiles(device):
    bench = Bench(device.config, seed=10)
    bench.uops(Uop(dst=1, src=2), Uop(dst=0, src=9))
    bench.alu(alu_opcode=ADD, uop_end=2, iter_out=3, iter_in=4, dst_factor_out=5, dst_factor_in=3,
              src_factor_out=4, src_factor_in=2)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    "fields",
    [dict(uop_bgn=1, uop_end=1), dict(uop_bgn=2, uop_end=0), dict(iter_out=0), dict(iter_in=0)],
    ids=str,
)
def test_no_step_changes_nothing(device, fields):
    bench = Bench(device.config, seed=11)
    bench.uops(Uop(), Uop(dst=1))
    bench.alu(alu_opcode=MUL, use_imm=1, imm=77, **{"uop_end": 2, **fields})
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_last_tile_is_addressed(device):
    """Index depth - 1 as destination and as source."""
    config, program = device.config, Program(device.config)
    depth = config.depth(ACC)
    tiles = random_tiles(np.random.default_rng(12), config, ACC, 2)
    program.load(ACC, [*np.zeros_like(tiles), *tiles], depth - 4)
    program.load(UOP, [Uop(dst=depth - 1, src=depth - 2), Uop(dst=depth - 3, src=depth - 4)])
    program.add(
        Alu(alu_opcode=ADD),
        Alu(alu_opcode=ADD, uop_bgn=1, uop_end=2, iter_in=3, dst_factor_in=1, src_factor_in=1),
    )
    shown = program.show_acc(depth - 2, 2)
    p, q = (tile.tolist() for tile in tiles)
    # depth-1 += depth-2; then depth-3 += depth-4 (0), depth-2 += depth-3 (0), depth-1 += depth-2
    twice = [operate(ADD, operate(ADD, b, a), a) for a, b in zip(p, q, strict=True)]
    assert device.passes(program).view(shown).tolist() == [p, twice]
