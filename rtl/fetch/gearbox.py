"""Convert memory beats to instructions: two beats per instruction, one, or half a beat.

Contract
    ``beats`` holds {error, data} in stream order, ``instructions`` yields {error, instruction}.
    64-bit memory: the low half arrives first; one instruction every two cycles, one cycle later.
    128-bit memory: wires only.
    256-bit memory: one instruction per cycle, one cycle later; the first is in the half of the
    first beat that bit 4 of ``insn_base`` selects, which must not change after reset.
    A beat with an error yields an instruction with that error at once; the output after it is
    undefined.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block, concat

from ..lib.bundles import Stream, bit, word

__all__ = ["gearbox"]


@block
def gearbox(
    clock: Any, reset: Any, insn_base: Any, beats: Stream, instructions: Stream, *,
    bus_width: int,
) -> Any:
    """Build the converter for the width of the memory port."""
    if bus_width == 64:
        converter = pair_beats(clock, reset, beats, instructions)
    elif bus_width == 128:
        converter = pass_beats(beats, instructions)
    else:
        converter = split_beats(clock, reset, insn_base, beats, instructions)
    return converter


@block
def pair_beats(clock: Any, reset: Any, beats: Stream, instructions: Stream) -> Any:
    """Combine two 64-bit beats into an instruction."""
    low, have_low = word(64), bit()
    free, take = bit(), bit()

    @always_comb
    def decide() -> None:
        free.next = instructions.ready or not instructions.valid

    @always_comb
    def accept() -> None:
        take.next = beats.valid and free
        beats.ready.next = free

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if free:
            instructions.valid.next = False
        if take:
            low.next = beats.data[64:]
            have_low.next = not have_low
            if have_low or beats.data[66:64] != 0:
                instructions.valid.next = True
                instructions.data.next = concat(beats.data[66:64], beats.data[64:], low)

    return decide, accept, advance


@block
def pass_beats(beats: Stream, instructions: Stream) -> Any:
    """A 128-bit beat is an instruction."""

    @always_comb
    def forward() -> None:
        instructions.data.next = beats.data
        instructions.valid.next = beats.valid

    @always_comb
    def backward() -> None:
        beats.ready.next = instructions.ready

    return forward, backward


@block
def split_beats(
    clock: Any, reset: Any, insn_base: Any, beats: Stream, instructions: Stream
) -> Any:
    """A 256-bit beat holds two instructions."""
    odd = bit()  # an odd number of instructions has been taken
    upper, free, take = bit(), bit(), bit()

    @always_comb
    def decide() -> None:
        upper.next = odd != insn_base[4]
        free.next = instructions.ready or not instructions.valid

    @always_comb
    def accept() -> None:
        take.next = beats.valid and free
        beats.ready.next = free and upper

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        if free:
            instructions.valid.next = False
        if take:
            odd.next = not odd
            instructions.valid.next = True
            if upper:
                instructions.data.next = beats.data[:128]
            else:
                instructions.data.next = concat(beats.data[258:256], beats.data[128:])

    return decide, accept, advance
