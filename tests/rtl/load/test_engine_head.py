"""engine_head: the timer of checks, and each answer for one instruction, cycle by cycle.

Order, tokens and faults of the whole are tested with the engines: test_load, test_store.
"""

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.rtl.lib.bundles import ENTRY_BITS, Stream, bit
from myvta.rtl.lib.token_queue import Tokens
from myvta.rtl.load.engine_head import EngineHead, check_timer, engine_head

POP, PUSH, CYCLES = 4, 7, 3


@pytest.mark.parametrize("cycles", [1, 3, 4])
def test_checked_comes_so_many_cycles_after_the_restart(cycles):
    clock, reset = clock_and_reset()
    restart, checked = bit(), bit()
    block = check_timer(clock, reset, restart, checked, cycles=cycles)
    shown = []

    def on_edge(cycle):
        restart.next = cycle == 5
        shown.append(bool(checked))
        return cycle == 20

    simulate([block], clock, reset, on_edge, limit=21)
    assert shown[6]  # long checked, and still so in the cycle of the restart
    assert shown[7:7 + cycles] == [False] * cycles and all(shown[7 + cycles:])


def play(script, cycles, data=0):
    """Play ``{cycle: (signal path, value)}``; return the names that were high in each cycle."""
    clock, reset = clock_and_reset()
    sink, pops, pushes, head = Stream(ENTRY_BITS), Tokens(), Tokens(), EngineHead()
    owners = {"sink": sink, "pops": pops, "pushes": pushes, "head": head}
    block = engine_head(
        clock, reset, sink, pops=pops, pushes=pushes, head=head, pop_bit=POP, push_bit=PUSH,
        cycles=CYCLES,
    )
    rows = []

    def on_edge(cycle):
        sink.data.next = data
        for path, value in script.get(cycle, {}).items():
            owner, name = path.split(".")
            getattr(owners[owner], name).next = value
        shown = {name for name in ("sound", "faulty", "waiting", "gathered")
                 if getattr(head, name)}
        rows.append(shown | {name for name, wire in (
            ("pop", pops.pop), ("reserve", pushes.reserve)) if wire})
        return cycle == cycles

    simulate([block], clock, reset, on_edge, limit=cycles + 1)
    return rows


def test_instruction_without_flags_is_gathered_a_cycle_after_its_check():
    rows = play({2: {"sink.valid": True}}, 8)
    assert rows[3:8] == [set(), set(), set(), {"sound"}, {"sound", "gathered"}]


@pytest.mark.parametrize("first, second", [
    ("pops.available", "pushes.room"), ("pushes.room", "pops.available"),
])
def test_it_waits_for_its_token_and_for_room(first, second):
    rows = play({
        2: {"sink.valid": True}, 8: {first: True}, 12: {second: True},
    }, 15, data=1 << POP | 1 << PUSH)
    assert rows[7] == rows[9] == rows[12] == {"sound", "waiting"}
    assert rows[13] == {"sound"} and rows[14] == {"sound", "gathered"}


@pytest.mark.parametrize("data, moved", [
    (0, set()), (1 << POP, {"pop"}), (1 << PUSH, {"reserve"}),
])
def test_its_tokens_move_as_it_starts_and_the_next_one_is_checked_anew(data, moved):
    rows = play({
        2: {"sink.valid": True, "pops.available": True, "pushes.room": True},
        8: {"head.starts": True}, 9: {"head.starts": False},
    }, 15, data=data)
    assert rows[9] == {"sound", "gathered"} | moved
    assert rows[10] == rows[11] == rows[12] == set()
    assert rows[13] == {"sound"}


def test_refused_is_faulty_and_stopped_is_nothing():
    rows = play({
        2: {"sink.valid": True}, 4: {"head.refused": True}, 9: {"head.stopped": True},
    }, 12)
    assert rows[6] == rows[9] == {"faulty"} and rows[10] == set()
