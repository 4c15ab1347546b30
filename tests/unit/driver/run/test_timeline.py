"""Timelines: tokens in the order of their queues, rows without overlap, names of bars."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from assembly_texts import PRODUCT
from profile_rows import TIMELINE

from myvta.driver.program.assembly_program import assembly_program
from myvta.driver.program.program import LaunchStep, Program
from myvta.driver.run.timeline import Bar, Timeline, launch_instructions, launch_timeline
from myvta.isa.asm.assembler import assemble
from myvta.isa.opcodes import Module


def program(text: str) -> tuple[Program, LaunchStep]:
    """Return the program of a text and its launch."""
    built = assembly_program(assemble(text), "a.s").program
    return built, built.launches[0]


def timeline(text: str) -> Timeline:
    """Return a text's timeline, with index and index + 1 as cycles."""
    built, step = program(text)
    instructions = launch_instructions(built, step)
    cycles = np.arange(len(instructions))
    return launch_timeline(step, instructions, built.config, cycles, cycles + 1, len(cycles))


def test_bars_have_engine_text_and_source_line() -> None:
    bars = timeline(PRODUCT).bars
    assert [bar.engine for bar in bars] == [
        Module.COMPUTE, Module.LOAD, Module.LOAD, Module.COMPUTE, Module.STORE, Module.COMPUTE]
    assert bars[3].text.startswith("gemm uops=0:1 ") and bars[3].note == "a.s:10"
    assert [(bar.start, bar.end) for bar in bars[:2]] == [(0, 1), (1, 2)]


def test_the_nth_pop_of_a_queue_takes_its_nth_push() -> None:
    text = """.config 1x4x4
load inp cols=0 push_next
load inp cols=0 push_next
gemm uops=0:0 pop_prev
gemm uops=0:0 pop_prev push_next
store out cols=0 pop_prev push_prev
finish pop_next
"""
    tokens = [(token.queue, token.source, token.sink) for token in timeline(text).tokens]
    assert tokens == [("load->compute", 0, 2), ("load->compute", 1, 3), ("compute->store", 3, 4),
                      ("store->compute", 4, 5)]


def test_a_token_that_nothing_pops_is_left_out() -> None:
    text = ".config 1x4x4\nload inp cols=0 push_next\nfinish\n"
    assert timeline(text).tokens == ()


def test_instructions_behind_finish_are_left_out() -> None:
    built, step = program(".config 1x4x4\nfinish\nload inp cols=0\n")
    assert len(launch_instructions(built, step)) == 1


def test_rows_hold_bars_that_do_not_overlap() -> None:
    lanes = TIMELINE.lanes(Module.LOAD)
    assert [[bar.index for bar in lane] for lane in lanes] == [[0], [1]]
    later = Bar(5, Module.LOAD, 60, 70, "load inp", "")
    more = replace(TIMELINE, bars=(*TIMELINE.bars, later))
    assert [[bar.index for bar in lane] for lane in more.lanes(Module.LOAD)] == [[0, 5], [1]]
    assert TIMELINE.lanes(Module.STORE) == [[TIMELINE.bars[3]]]


@pytest.mark.parametrize(("text", "name"), [
    ("load inp sram=0", "load inp"), ("gemm uops=0:1", "gemm"), ("finish", "finish"),
    ("finish pop_next", "finish"), ("alu rqt uops=0:1", "alu rqt"),
])
def test_name_of_a_bar_is_its_mnemonic_and_subject(text: str, name: str) -> None:
    assert Bar(0, Module.COMPUTE, 0, 1, text, "").name == name
