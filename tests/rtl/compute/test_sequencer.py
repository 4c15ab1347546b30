"""sequencer: the steps of random commands in order, at any pace of the later stages."""

from collections import deque
from itertools import pairwise
from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.rtl.compute.sequencer import StepCommand, StepOffsets, sequencer
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import INDEX_BITS, bit, word

CONFIG = NAMED["1x4x4"]
PASSED_ON = ("gemm", "clear", "overwrite", "opcode", "use_imm", "imm", "push_prev", "push_next")
WIDTHS = {"dst": CONFIG.log_acc_depth, "src": CONFIG.log_acc_depth, "wgt": CONFIG.log_wgt_depth}


def random_command(random, *, stepping=0.8, small=False):
    """Return the fields of a command: few steps, and factors that leave the index range."""
    command = {
        name: random.getrandbits(len(signal))
        for name, signal in vars(StepCommand(CONFIG)).items() if name not in ("valid", "ready")
    }
    command["stepping"] = random.random() < stepping
    command["uop_bgn"] = random.randrange(CONFIG.log_uop_depth)
    command["uop_end"] = command["uop_bgn"] + random.randrange(1, 2 if small else 5)
    command["iter_out"] = random.randrange(1, 2 if small else 5)
    command["iter_in"] = random.randrange(1, 2 if small else 5)
    for name in ("dst", "src", "wgt"):
        for loop in ("out", "in"):
            if random.random() < 0.5:
                command[f"{name}_factor_{loop}"] %= 4
    return command


def offset_of(command, name, outer, inner):
    """Return a loop offset, or None once it has left the index range."""
    offset = outer * command[f"{name}_factor_out"] + inner * command[f"{name}_factor_in"]
    return offset if offset < 1 << WIDTHS[name] else None


def slots(command):
    """Give what stage s0 shows of a command, slot by slot; without steps one slot, its end."""
    fields = {name: command[name] for name in (*PASSED_ON, "index")}
    if not command["stepping"]:
        yield {**fields, "valid": False, "last": True}
        return
    steps = [
        (outer, inner, uop) for outer in range(command["iter_out"])
        for inner in range(command["iter_in"])
        for uop in range(command["uop_bgn"], command["uop_end"])
    ]
    for number, (outer, inner, uop) in enumerate(steps):
        offsets = {name: offset_of(command, name, outer, inner) for name in WIDTHS}
        yield {
            **fields, "valid": True, "last": number == len(steps) - 1, "uop": uop, **offsets,
        }


class Bench:
    """The sequencer between a list of commands and stages that take a slot when they like."""

    def __init__(self, seed=0):
        self.random = Random(seed)
        self.clock, self.reset = clock_and_reset()
        self.command, self.advance = StepCommand(CONFIG), bit()
        self.step, self.offsets, self.index = Step(CONFIG), StepOffsets(CONFIG), word(INDEX_BITS)
        self.uop_read, self.uop_address = bit(), word(CONFIG.log_uop_depth)
        self.busy, self.uop = bit(), 0
        self.block = sequencer(
            self.clock, self.reset, self.command, self.advance, self.uop_read, self.uop_address,
            self.step, self.offsets, self.index, self.busy, config=CONFIG,
        )

    def run(self, commands, *, offer=1.0, advance=1.0):
        """Return the slots taken from s0, and in which cycles."""
        waiting, taken, cycles = deque(commands), [], []
        expected = sum(len(list(slots(command))) for command in commands)

        def on_edge(cycle):
            command, step = self.command, self.step
            if command.valid and command.ready:
                command.valid.next = False
            if (not command.valid or command.ready) and waiting:
                if self.random.random() < offer:
                    command.valid.next = True
                    for name, value in waiting.popleft().items():
                        getattr(command, name).next = value
            if (step.valid or step.last) and self.advance:
                taken.append(self.shown())
                cycles.append(cycle)
            if self.uop_read:  # the memory answers in the next cycle, and holds
                self.uop = int(self.uop_address)
            self.advance.next = self.random.random() < advance
            return len(taken) == expected and not self.busy and not waiting

        simulate([self.block], self.clock, self.reset, on_edge, limit=20 * expected + 50)
        return taken, cycles

    def shown(self):
        slot = {name: int(getattr(self.step, name)) for name in (*PASSED_ON, "valid", "last")}
        slot["index"] = int(self.index)
        if self.step.valid:
            slot["uop"] = self.uop
            for name, width in WIDTHS.items():
                offset = int(getattr(self.offsets, name))
                slot[name] = offset if offset < 1 << width else None
        return slot


@pytest.mark.parametrize("small", [False, True], ids=["loops", "single steps"])
@pytest.mark.parametrize("offer, advance", [(1.0, 1.0), (0.4, 1.0), (1.0, 0.5), (0.5, 0.5)])
def test_steps_come_in_order_with_their_operands(small, offer, advance):
    random = Random(9)
    commands = [random_command(random, small=small) for _ in range(60 if small else 15)]
    taken, _ = Bench().run(commands, offer=offer, advance=advance)
    assert taken == [slot for command in commands for slot in slots(command)]
    assert small or any(slot.get("dst", 0) is None for slot in taken)


def test_commands_follow_each_other_without_an_idle_cycle():
    random = Random(2)
    commands = [random_command(random, small=number % 2 == 0) for number in range(20)]
    _, cycles = Bench().run(commands)
    assert {after - before for before, after in pairwise(cycles)} == {1}
