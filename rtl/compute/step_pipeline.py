"""Step pipeline: sequencer, indices, schedule and the stages s3 to s9, with the memories' ports.

One step enters per cycle; it is written in s9, eleven cycles after its micro-op was requested.
Only :mod:`.schedule` can stall it.  ``busy``, a register, is high from the cycle after a
command was taken until its last step has left written.
"""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, always_seq, block

from ...isa.config import Config
from ..host.status import StepEvents
from ..lib.bundles import INDEX_BITS, Completion, Fault, OperandRead, bit, word
from ..lib.pack import join
from .accumulator import AccumulatorRead, AccumulatorWrite
from .address_generator import StepIndices, StepSums, address_generator, check_indices
from .array_operands import operand_words
from .bank_needs import BankNeeds
from .execute import execute
from .hazards import operand_hazards, parameter_hazards
from .input_read import input_tile, input_window
from .lookup import TableWrite
from .mac_array import dot_bits, mac_array
from .operands import bank_read
from .rqt_parameters import ParameterRead
from .schedule import schedule
from .sequencer import StepCommand, StepOffsets, sequencer
from .stages import Stages
from .step import Step, occupancy, stage, step_entry
from .step_events import step_events
from .window_shape import WindowSums

__all__ = ["step_pipeline"]


@block
def join_waits(operand_hit: Any, columns_read: Any, waits: Any) -> Any:
    """A step waits in ``schedule`` for a hazard, or until its last columns are asked for."""

    @always_comb
    def join_reasons():
        waits.next = operand_hit or not columns_read

    return join_reasons


@block
def step_pipeline(
    clock: Any, reset: Any, command: StepCommand, uop: OperandRead, inp: OperandRead,
    wgt: OperandRead, even: AccumulatorRead, odd: AccumulatorRead, tables: TableWrite,
    result: AccumulatorWrite, completed: Completion, busy: Any, events: StepEvents, fault: Fault,
    *, config: Config,
) -> Any:
    """Run step commands.

    ``completed`` pulses when the last step of a command is written.  Nothing is written after
    ``fault``.
    """
    at = Stages.of(config)
    s = [Step(config) for _ in range(at.write + 1)]
    arriving, checked, waiting, entered = s[at.uop], s[at.check], s[at.schedule], s[at.arrive]
    reading, multiplying, written = s[at.read], s[at.tiles], s[at.write]
    offsets, sums, indices = StepOffsets(config), StepSums(config), StepIndices(config)
    uop_index, uop_address = word(INDEX_BITS), word(config.log_uop_depth)
    advance, sequencing = bit(), bit()
    needs, parameter = BankNeeds(), ParameterRead(config.log_acc_depth)
    operand_hit, parameter_hit = bit(), bit()
    operands, waits, window = operand_words(config), operand_hit, None
    dot = word(config.lanes * dot_bits(config))
    compared = s[at.schedule:at.write]  # with the step in ``check``
    occupied = [bit() for _ in s[:at.write]]
    any_occupied = word(at.write)
    if config.depthwise:
        window, columns_read, waits = WindowSums(config), bit(), bit()
        inputs = (
            input_window(
                clock, reset, advance, s, sums, window, inp, columns_read, operands, config=config,
            ),
            join_waits(operand_hit, columns_read, waits),
        )
    else:
        inputs = input_tile(clock, s, inp, operands, config=config)
    parts = [
        inputs,
        sequencer(
            clock, reset, command=command, advance=advance, uop_read=uop.enable,
            uop_address=uop_address, step=arriving, offsets=offsets, index=uop_index,
            busy=sequencing, config=config,
        ),
        address_generator(
            clock, reset, advance=advance, uop=uop.data, s=s, offsets=offsets,
            uop_index=uop_index, sums=sums, config=config,
        ),
        check_indices(
            clock, reset, advance=advance, s=s, sums=sums, indices=indices, config=config,
            window=window,
        ),
        schedule(
            clock, reset, s=s, indices=indices, needs=needs, operand_hit=waits,
            parameter_hit=parameter_hit, parameter=parameter, advance=advance, fault=fault,
            config=config,
        ),
        operand_hazards(clock, reset, advance, compared, checked, operand_hit),
        step_entry(clock, reset, waiting, entered, advance, config=config),
        [
            stage(clock, reset, s[number - 1], s[number], number=number, config=config)
            for number in range(at.arrive + 1, at.write + 1)
        ],
        [occupancy(step, mark) for step, mark in zip(s, occupied, strict=False)],
        join(occupied, any_occupied),
        bank_read(clock, s, advance, needs, parameter, even, bank=0, config=config),
        bank_read(clock, s, advance, needs, parameter, odd, bank=1, config=config),
        mac_array(
            clock, enable=multiplying.mac, operands=operands, wgt=wgt.data, dot=dot, config=config,
        ),
        execute(
            clock, even_data=even.data, odd_data=odd.data, parameter=parameter, tables=tables,
            dot=dot, s=s, result=result.tile, config=config,
        ),
        step_events(written, fault.raised, events, config=config),
    ]
    if config.requantize:
        parts.append(parameter_hazards(
            clock, reset, advance=advance, stages=compared, checked=checked, sums=sums,
            parameter_hit=parameter_hit,
        ))

    @always_comb
    def read_uop():
        uop.address.next = uop_address

    @always_comb
    def read_weights():
        wgt.enable.next = reading.mac
        wgt.address.next = reading.wgt

    @always_comb
    def write():
        result.valid.next = written.valid and not fault.raised
        result.index.next = written.dst
        completed.valid.next = written.last and not fault.raised
        completed.push_prev.next = written.push_prev
        completed.push_next.next = written.push_next

    @always_seq(clock.posedge, reset)
    def register_busy():
        busy.next = command.valid or sequencing or any_occupied != 0

    return parts, read_uop, read_weights, write, register_busy
