"""Stages of the operands of DWC, from ``index`` on, over INP as a list of tiles."""

from dataclasses import dataclass
from random import Random

from myhdl import always_comb, block
from rtl_bench import clock_and_reset, simulate
from step_bench import pack, unpack

from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType
from myvta.rtl.compute.address_generator import StepSums
from myvta.rtl.compute.array_operands import operand_words
from myvta.rtl.compute.stages import Stages
from myvta.rtl.compute.step import Step, stage
from myvta.rtl.compute.window_operands import window_operands
from myvta.rtl.compute.window_schedule import WindowControl, window_schedule
from myvta.rtl.compute.window_shape import WindowSums, window_sums
from myvta.rtl.lib.bundles import bit
from myvta.rtl.load.scratchpad_window import WindowRead

CONFIGS = {name: named(name).replace(depthwise=True)
           for name in ("1x4x4", "1x8x8", "2x8x8", "1x4x4_int4", "default", "1x32x32")}
CONFIGS["4x8x8"] = CONFIGS["2x8x8"].replace(log_batch=2)


@dataclass(frozen=True)
class Work:
    """A step: window from INP tile ``x``; None instead of a window: GEMM.  ``last``: of its
    instruction."""

    x: int
    window: tuple | None = None  # rows, columns, pitch
    last: bool = True
    clear: bool = False


class Bench:
    """Stages from ``index`` to the operands, INP as a list of tiles."""

    def __init__(self, config, seed):
        self.config, self.random = config, Random(seed)
        self.at = Stages.of(config)
        self.clock, self.reset = clock_and_reset()
        self.s = [Step(config) for _ in range(self.at.schedule + 1)]
        self.window_sums = WindowSums(config)
        self.sums, self.read = StepSums(config), WindowRead(config)
        self.control = WindowControl(config)
        self.advance, self.ready, self.allow = bit(), bit(), bit()
        self.operands = operand_words(config)
        low = -(1 << (config.inp_width - 1))
        self.inp = [[[self.random.randrange(low, -low) for _ in range(config.block_in)]
                     for _ in range(config.batch)] for _ in range(config.depth(MemoryType.INP))]
        self.block = self.build()

    @block
    def build(self):
        s, clock, reset, config = self.s, self.clock, self.reset, self.config
        adding, checked, waiting = s[self.at.index], s[self.at.check], s[self.at.schedule]
        advance, ready, allow = self.advance, self.ready, self.allow

        @always_comb
        def proceed():
            advance.next = ready and allow

        return (
            proceed,
            window_sums(clock, advance, adding, self.window_sums, config=config),
            stage(
                clock, reset, adding, checked, number=self.at.check, enable=advance, config=config),
            stage(
                clock, reset, checked, waiting, number=self.at.schedule, enable=advance,
                config=config),
            window_schedule(
                clock, reset, advance, s, self.sums, self.window_sums, self.read, ready,
                self.control, config=config,
            ),
            window_operands(clock, self.read, self.control, self.operands, config=config),
        )

    def run(self, steps, pause=0.0):
        """Return the cycles of each step in ``schedule`` after checking its operands."""
        at = self.at
        held = [None] * (at.tiles + 2)  # the Work of each stage, the operands in the last
        todo, cycles, waited = list(steps), [], 0

        def on_edge(_cycle):
            nonlocal waited
            self.check(held[-1])
            advance = bool(self.advance)
            for port in self.read.banks:
                if port.enable:
                    tile = self.inp[4 * int(port.address) + self.read.banks.index(port)]
                    port.data.next = pack([v for row in tile for v in row], self.config.inp_width)
            waited += held[at.schedule] is not None
            if advance and held[at.schedule]:
                cycles.append(waited)
                waited = 0
            held[at.arrive + 1:] = held[at.arrive:-1]
            held[at.arrive] = held[at.schedule] if advance else None
            if advance:
                adding = held[at.index]
                self.sums.src.next = adding.x if adding else self.random.randrange(50)
                held[at.schedule], held[at.check] = held[at.check], adding
                bubble = self.random.random() < pause / 4
                held[at.index] = todo.pop(0) if todo and not bubble else None
                self.offer(held[at.index])
            self.allow.next = self.random.random() >= pause
            return not todo and not any(held)

        simulate([self.block], self.clock, self.reset, on_edge, limit=100 * len(todo) + 100)
        return cycles

    def offer(self, work):
        step = self.s[self.at.index]
        step.valid.next = work is not None
        if work is None:
            step.last.next = False
            return
        step.gemm.next, step.last.next, step.clear.next = True, work.last, work.clear
        step.depthwise.next = work.window is not None
        rows, columns, pitch = work.window or (self.random.choice([1, 2]), 1, 5)
        step.window.next = self.config.window_code(rows, columns)
        step.row_pitch.next = pitch

    def check(self, work):
        if work is None or work.clear:
            return
        config = self.config
        sharing, (_, most) = config.block_in // config.taps, config.window
        for number, operand in enumerate(self.operands):
            b, group = divmod(number, config.block_out // sharing)
            expected = self.inp[work.x][b]
            if work.window:
                rows, columns, pitch = work.window
                expected = [0] * config.block_in
                for half in range(sharing):
                    for r in range(rows):
                        for c in range(columns):
                            tile = self.inp[work.x + r * pitch + c][b]
                            expected[half * config.taps + r * most + c] = tile[
                                group * sharing + half]
            assert unpack(int(operand), config.inp_width, config.block_in) == expected


def random_steps(config, random, count):
    """Return steps of instructions: walks of strides -2 to 9, with any window."""
    most, steps = config.window, []
    while len(steps) < count:
        length = random.randrange(1, 12)
        if random.random() < 0.3:
            steps += [Work(random.randrange(40), last=at == length - 1) for at in range(length)]
            continue
        window = (random.randint(1, most[0]), random.randint(1, most[1]), random.randrange(9))
        x, clear, stride = random.randrange(30), random.random() < 0.1, random.randrange(10)
        for at in range(length):
            steps.append(Work(x, window, last=at == length - 1, clear=clear))
            x = min(x + random.choice([0, 1, 1, 1, 2, stride]), 33)
            x = max(x - random.choice([0, 0, 0, 1, 9]), 0)
    return steps


def expected_cycles(steps):
    """Return the cycles that each step needs for the columns the one before it does not share."""
    out, before = [], None
    for work in steps:
        cycles = 1
        if work.window and not work.clear:
            rows, columns, pitch = work.window
            distance = work.x - before if before is not None else -1
            new = distance if 0 <= distance <= columns else columns
            tiles = [r * pitch % 4 for r in range(rows)]
            cycles = max(1, new * max(tiles.count(bank) for bank in tiles))
        out.append(cycles)
        before = None if work.last or not work.window else work.x
    return out
