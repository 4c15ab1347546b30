"""Step pipeline: sequencer, indices, schedule and the stages s3 to s9, with the memories' ports.

One step enters per cycle; it is written in s9, eleven cycles after its micro-op was requested.
Only :mod:`.schedule` can stall it.  ``busy``, a register, is high from the cycle after a
command was taken until its last step has left s9.
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
from .array_operands import array_operands, operand_words
from .execute import execute
from .hazards import operand_hazards, parameter_hazards
from .mac_array import dot_bits, mac_array
from .operands import bank_read
from .rqt_parameters import ParameterRead
from .schedule import schedule
from .sequencer import StepCommand, StepOffsets, sequencer
from .step import LAST_STAGE, SCHEDULE_STAGE, Step, occupancy, stage, step_entry

__all__ = ["step_pipeline"]


@block
def step_pipeline(
    clock: Any, reset: Any, command: StepCommand, uop: OperandRead, inp: OperandRead,
    wgt: OperandRead, even: AccumulatorRead, odd: AccumulatorRead, result: AccumulatorWrite,
    completed: Completion, busy: Any, events: StepEvents, fault: Fault, *, config: Config,
) -> Any:
    """Run step commands.

    ``completed`` pulses when the last step of a command is written.  Nothing is written after
    ``fault``.
    """
    acc_bits = config.log_acc_depth
    s = [Step(config) for _ in range(LAST_STAGE + 1)]
    s0, s1, s2, s3 = s[:SCHEDULE_STAGE + 2]
    s9 = s[LAST_STAGE]
    offsets, sums, indices = StepOffsets(config), StepSums(config), StepIndices(config)
    s0_index, uop_address = word(INDEX_BITS), word(config.log_uop_depth)
    advance, sequencing = bit(), bit()
    parameter = ParameterRead(acc_bits)
    operand_hit, parameter_hit = bit(), bit()
    operands = operand_words(config)
    dot = word(config.lanes * dot_bits(config))
    compared = s[SCHEDULE_STAGE:LAST_STAGE]  # with the step in s1
    occupied = [bit() for _ in s[:LAST_STAGE]]
    any_occupied = word(LAST_STAGE)
    parts = [
        sequencer(
            clock, reset, command=command, advance=advance, uop_read=uop.enable,
            uop_address=uop_address, step=s0, offsets=offsets, index=s0_index, busy=sequencing,
            config=config,
        ),
        address_generator(
            clock, reset, advance=advance, uop=uop.data, s0=s0, offsets=offsets, s0_index=s0_index,
            s1=s1, sums=sums, config=config,
        ),
        check_indices(
            clock, reset, advance=advance, s1=s1, sums=sums, s2=s2, indices=indices, config=config,
        ),
        schedule(
            clock, reset, s=s, indices=indices, operand_hit=operand_hit,
            parameter_hit=parameter_hit, parameter=parameter, advance=advance, fault=fault,
            config=config,
        ),
        operand_hazards(clock, reset, advance, compared, s1, operand_hit),
        step_entry(clock, reset, s2, s3, advance, requantize=config.requantize),
        [
            stage(
                clock, reset, s[number - 1], s[number], number=number,
                requantize=config.requantize,
            )
            for number in range(SCHEDULE_STAGE + 2, LAST_STAGE + 1)
        ],
        [occupancy(step, mark) for step, mark in zip(s, occupied, strict=False)],
        join(occupied, any_occupied),
        bank_read(
            clock, s, advance, parameter, even, bank=0, requantize=config.requantize,
        ),
        bank_read(
            clock, s, advance, parameter, odd, bank=1, requantize=config.requantize,
        ),
        array_operands(clock, s3.mac, inp.data, operands, config=config),
        mac_array(
            clock, enable=s3.mac, operands=operands, wgt=wgt.data, dot=dot, config=config,
        ),
        execute(
            clock, even_data=even.data, odd_data=odd.data, parameter=parameter, dot=dot, s=s,
            s9_result=result.tile, config=config,
        ),
    ]
    if config.requantize:
        parts.append(parameter_hazards(
            clock, reset, advance=advance, stages=compared, s1=s1, sums=sums,
            parameter_hit=parameter_hit,
        ))

    @always_comb
    def read_uop():
        uop.address.next = uop_address

    @always_comb
    def read_tiles():
        # also of a waiting GEMM, which reads the same tiles again
        inp.enable.next = s2.valid and s2.gemm
        inp.address.next = indices.inp
        wgt.enable.next = s2.valid and s2.gemm
        wgt.address.next = indices.wgt

    @always_comb
    def write():
        result.valid.next = s9.valid and not fault.raised
        result.index.next = s9.dst
        completed.valid.next = s9.last and not fault.raised
        completed.push_prev.next = s9.push_prev
        completed.push_next.next = s9.push_next
        events.gemm_step.next = s9.valid and not fault.raised and s9.gemm and not s9.clear
        events.alu_step.next = s9.valid and not fault.raised and not s9.gemm

    @always_seq(clock.posedge, reset)
    def register_busy():
        busy.next = command.valid or sequencing or any_occupied != 0

    return parts, read_uop, read_tiles, write, register_busy
