"""RQT on model and RTL, against a big-integer oracle and values worked out by hand (0.1)."""

import itertools

import numpy as np
import pytest
from device_programs import ACC, Program
from device_run import EVERYWHERE, WIDER
from scalar_reference import requantize, wrap

from myvta.isa.instructions import Alu, Gemm, Uop
from myvta.isa.opcodes import AluOpcode, RqtFlag

LEAST, MOST = -(2**31), 2**31 - 1
RELU, AWAY, BYPASS = (1 << flag for flag in (RqtFlag.RELU, RqtFlag.AWAY, RqtFlag.BYPASS))
HALF = 1 << 30  # multiplier of one half


def rqt(imm, **fields):
    """Return the instruction with the options of an immediate."""
    return Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=imm, **fields)


def tiles_of(lanes, *columns):
    """Cut columns of lane values into tiles; the last one is filled up with its first lanes."""
    out = []
    for column in columns:
        column = list(column)
        column += column[: -len(column) % lanes]
        out.append(np.array(column).reshape(-1, lanes))
    return out


def run_cases(device, cases, imm):
    """Requantize each case (acc, bias, multiplier, shift) in a lane of its own; return lanes."""
    lanes = device.config.lanes
    cases = list(cases)
    cases += cases[: -len(cases) % lanes]
    acc, *parameters = tiles_of(lanes, *zip(*cases, strict=True))
    count = len(acc)
    program = Program(device.config)
    program.load(ACC, acc)
    program.load(ACC, np.stack(parameters, 1).reshape(-1, lanes), count)
    program.uops(Uop(dst=0, src=count))
    program.add(rqt(imm, iter_in=count, dst_factor_in=1, src_factor_in=3))
    shown = program.show_acc(0, 4 * count)
    outcome = device.passes(program)
    seen = outcome.view(shown)
    np.testing.assert_array_equal(seen[count:], np.stack(parameters, 1).reshape(-1, lanes))
    return cases, seen[:count].reshape(-1).tolist()


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize(
    ("imm", "cases"),
    [
        # acc, bias, multiplier, shift, result; lanes of one tile have parameters of their own
        (0, [(20, 0, HALF, 0, 10), (21, 0, HALF, 0, 11), (-21, 0, HALF, 0, -10), (8, 4, HALF, 1, 3),
             (5, 0, MOST, 1, 3), (-5, 0, MOST, 1, -2), (7, 0, MOST, 2, 2), (-7, 0, MOST, 2, -2)]),
        (AWAY, [(5, 0, MOST, 1, 3), (-5, 0, MOST, 1, -3), (-6, 0, MOST, 2, -2), (6, 0, MOST, 2, 2),
                (-21, 0, HALF, 0, -10), (1000, 0, MOST, 0, 127), (-1000, 0, MOST, 0, -128),
                (-1, 0, MOST, 1, -1)]),
        (BYPASS, [(10, 0, -5, 2, 3), (-10, 0, LEAST, 2, -2), (3, -3, 0, 31, 0), (MOST, 0, 0, 31, 1),
                  (LEAST, 0, 0, 31, -1), (LEAST, -1, 0, 25, 64), (MOST, 1, 0, 25, -64),
                  (99, 0, 0, 0, 99)]),
        (BYPASS | AWAY, [(10, 0, 0, 2, 3), (-10, 0, 0, 2, -3), (-9, 0, 0, 2, -2), (9, 0, 0, 2, 2)]),
        (BYPASS | 10, [(100, 0, 0, 0, 110), (120, 0, 0, 0, 127), (-140, 0, 0, 0, -128),
                       (0, 0, 0, 0, 10)]),
        (BYPASS | RELU | 0xF6, [(5, 0, 0, 0, -5), (-5, 0, 0, 0, -10), (-1000, 0, 0, 0, -10),
                                (1000, 0, 0, 0, 127)]),
        (BYPASS | RELU, [(-1, 0, 0, 0, 0), (1, 0, 0, 0, 1), (0, 0, 0, 0, 0), (128, 0, 0, 0, 127)]),
    ],
    ids=["half up", "away", "bypass", "bypass away", "zero point", "relu at -10", "relu"],
)
def test_rqt_equals_hand_computed_values(device, imm, cases):
    _, seen = run_cases(device, [case[:4] for case in cases], imm)
    assert seen == [case[4] for case in cases]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("flags", [0, AWAY, BYPASS, BYPASS | AWAY],
                         ids=["up", "away", "bypass up", "bypass away"])
def test_extreme_operands_equal_the_reference(device, flags):
    """Extreme values with extreme parameters, ties of both signs at every shift."""
    values = [LEAST, MOST, LEAST + 1, -1, 0, 1]
    cases = list(itertools.product(values, [0, 1, -1], [0, 1, HALF, MOST], [0, 31]))
    for shift in range(1, 32):
        tie = 1 << (shift - 1)
        cases += [(wrap(sign * tie * odd + off), 0, MOST, shift)
                  for sign in (1, -1) for odd in (1, 3) for off in (-1, 0, 1)]
    rng = np.random.default_rng(flags)
    keep = rng.permutation(len(cases))[:160]
    cases, seen = run_cases(device, [cases[n] for n in keep], flags)
    width = device.config.out_width
    assert seen == [requantize(*case, flags, width) for case in cases]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("seed", range(3))
def test_lanes_use_their_own_parameters(device, seed):
    """Results mostly inside the output range, random options, many tiles."""
    rng = np.random.default_rng(seed)
    width, lanes = device.config.out_width, device.config.lanes
    imm = int(rng.integers(0, 0x800))
    cases = []
    for _ in range(24 * lanes):
        shift = int(rng.integers(0, 32))
        scale = min(31, shift + width)
        cases.append((
            int(rng.integers(-(1 << scale), 1 << scale)), int(rng.integers(-99, 99)),
            int(rng.integers(1 << 30, 1 << 31)), shift,
        ))
    cases, seen = run_cases(device, cases, imm)
    assert seen == [requantize(*case, imm, width) for case in cases]


class Bench:
    """ACC on the device and in Python integers, one RQT step after the other."""

    def __init__(self, config, rows):
        self.config, self.program = config, Program(config)
        self.acc = [[row[lane % len(row)] for lane in range(config.lanes)] for row in rows]
        self.program.load(ACC, self.acc)
        self._uops = []

    def uops(self, *uops):
        self._uops += uops
        return self.program.uops(*uops)

    def rqt(self, imm, **fields):
        item = rqt(imm, **fields)
        self.program.add(item)
        for i in range(item.iter_out):
            for j in range(item.iter_in):
                for uop in self._uops[item.uop_bgn : item.uop_end]:
                    self._step(
                        item, uop.dst + i * item.dst_factor_out + j * item.dst_factor_in,
                        uop.src + i * item.src_factor_out + j * item.src_factor_in,
                    )

    def _step(self, item, d, s):
        columns = zip(self.acc[d], *self.acc[s : s + 3], strict=True)
        assert all(0 <= n <= 31 for n in self.acc[s + 2]), "the test's own mistake"
        self.acc[d] = [requantize(*lane, item.imm, self.config.out_width) for lane in columns]

    def check(self, device):
        shown = self.program.show_acc(0, len(self.acc))
        assert device.passes(self.program).view(shown).tolist() == self.acc


VALUES = [[n * 7 - 40, 3 - n, n, -n * n] for n in range(16)]
TRIPLES = [[5, -3, 0, 7], [MOST, HALF, MOST, HALF], [0, 1, 2, 3],
           [1, 1, -1, -1], [HALF, HALF, MOST, MOST], [1, 0, 1, 0]]


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("period", [1, 2, 3, 5])
def test_changing_parameters_equal_the_reference(device, period):
    bench = Bench(device.config, [*VALUES, *TRIPLES])
    bench.uops(*(Uop(dst=n, src=16 + n // period % 2 * 3) for n in range(16)))
    bench.rqt(AWAY, uop_end=16)
    bench.rqt(0, uop_end=16, iter_in=2)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
def test_overlapping_parameter_triples_equal_the_reference(device):
    """Triples at s, s + 1 and s + 2 share tiles: all of them are bias, multiplier and shift."""
    bench = Bench(device.config, [*VALUES, [1, 2, 3, 4], [5, 6, 7, 8], [2, 3, 1, 0], [3, 2, 1, 0],
                                  [1, 3, 0, 2]])
    bench.uops(*(Uop(dst=n, src=16 + n % 3) for n in range(16)))
    bench.rqt(0, uop_end=16)
    bench.check(device)


@pytest.mark.parametrize("device", [*EVERYWHERE, *WIDER], indirect=True)
@pytest.mark.parametrize("distance", [1, 2, 3, 4])
@pytest.mark.parametrize("part", [0, 1, 2], ids=["bias", "multiplier", "shift"])
def test_parameters_written_by_an_earlier_step_are_current(device, part, distance):
    """A step requantizes a parameter tile of the same instruction; later steps use the new one."""
    rows = [*VALUES, [100, 20, 60, 40], [100, 31, 9, 50], [9, 12, 30, 21],  # before
            [0, 0, 0, 0], [HALF, HALF, HALF, HALF], [3, 2, 1, 3], *VALUES]
    bench = Bench(device.config, rows)
    # dst is the part of the triple at 16, requantized with the triple at 19
    steps = [Uop(dst=n, src=16) for n in range(2)] + [Uop(dst=16 + part, src=19)]
    steps += [Uop(dst=8 + n, src=19) for n in range(distance - 1)]
    steps += [Uop(dst=4 + n, src=16) for n in range(3)]
    bench.uops(*steps)
    bench.rqt(AWAY, uop_end=len(steps))
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("part", [0, 1, 2], ids=["bias", "multiplier", "shift"])
def test_a_step_requantizes_its_own_parameters(device, part):
    """dst is one of s, s + 1, s + 2: it reads the old value and writes the new one."""
    bench = Bench(device.config, [*VALUES, [64, 32, 30, 80], [80, 16, 48, 99], [3, 2, 1, 4]])
    bench.uops(Uop(dst=16 + part, src=16), Uop(dst=1, src=16), Uop(dst=2, src=16))
    bench.rqt(BYPASS, uop_end=3)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_repeated_destination_is_sequential(device):
    bench = Bench(device.config, [*VALUES, *TRIPLES])
    bench.uops(*(Uop(dst=n, src=16 + n % 2 * 3) for n in range(3)))
    for distance in (1, 2, 3):
        bench.rqt(AWAY | 3, uop_end=distance, iter_in=3)
    bench.check(device)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_parameters_written_by_the_previous_instruction_are_current(device):
    """ALU and GEMM write parameter tiles; the RQT that follows at once sees them."""
    program = Program(device.config)
    program.load(ACC, [[40, -40, 41, -41]] * 6 + [[1] * 4, [5] * 4, [2] * 4])
    program.uops(Uop(src=6), Uop(dst=6), Uop(dst=7), Uop(dst=8), *(Uop(n, 6) for n in range(1, 6)))
    first = rqt(BYPASS, uop_bgn=0, uop_end=1)
    program.add(
        first,
        Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=-1, uop_bgn=3, uop_end=4),  # shift 1
        rqt(BYPASS, uop_bgn=4, uop_end=5),
        Gemm(reset=1, uop_bgn=1, uop_end=2),  # bias 0
        rqt(BYPASS, uop_bgn=5, uop_end=6),
        Alu(alu_opcode=AluOpcode.SHR, use_imm=1, imm=-28, uop_bgn=2, uop_end=3),  # multiplier 5/8
        rqt(0, uop_bgn=6, uop_end=7),
    )
    shown = program.show_acc(0, 4)
    assert device.passes(program).view(shown).tolist() == [
        [10, -10, 11, -10],  # (x + 1 + 2) >> 2
        [21, -19, 21, -20],  # (x + 1 + 1) >> 1
        [20, -20, 21, -20],  # (x + 1) >> 1
        [13, -12, 13, -13],  # x * 5 * 2^28 / 2^31 = x * 5 / 8 = 25, -25, 25.6, -25.6; halved
    ]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_parameters_in_the_last_tiles_are_read(device):
    """s + 2 = depth - 1 is the last legal one."""
    config, program = device.config, Program(device.config)
    depth = config.depth(ACC)
    program.load(ACC, [[8, 9, 10, 11], [1] * 4, [0] * 4, [1] * 4], depth - 4)
    program.uops(Uop(dst=depth - 4, src=depth - 3))
    program.add(rqt(BYPASS))
    shown = program.show_acc(depth - 4, 1)
    assert device.passes(program).view(shown).tolist() == [[5, 5, 6, 6]]
