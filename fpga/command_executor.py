"""Execute requests in order, each once, and answer them (docs/protocol.md).

Contract
    A request is taken when ``command.valid and command.ready``; ``release`` pulses when its payload
    is no longer needed.  The response is in ``reply``, its payload in ``buffer``, before the
    next request is started.  Registers are accessed through :mod:`.lite_master`, memory through
    :mod:`.burst_master`; nothing outside 0..``size`` is accessed.
"""

from __future__ import annotations

from typing import Any

from myhdl import always, always_comb, always_seq, block

from ..isa.config import Config
from ..isa.link_protocol import IDENTITY_WORDS, LinkIdentity, LinkStatus, MessageKind
from ..rtl.lib.bundles import Axi4, AxiLite, Stream, bit, word
from .burst_master import BurstJob, burst_master
from .link_bundles import PAYLOAD_BYTES, PAYLOAD_WORDS, SLOTS, WINDOW, Command, Reply, WordPort
from .lite_master import lite_master

__all__ = ["executor"]

_REGISTERS_END = 1 << 16
_SLOT_BITS = (SLOTS - 1).bit_length()
_WORD_BITS = (PAYLOAD_WORDS - 1).bit_length()


class ExecutorState:
    """States of the executor."""

    IDLE, SORT, CHECK, IDENTITY, FETCH, LOAD, REGISTER, MEMORY, STORE, REPLY = range(10)


@block
def request_checks(
    command: Command, words: Any, possible: Any, inside: Any, *, size: int
) -> Any:
    """Validate a request: ``possible``, and ``inside`` memory.  Combinational."""
    end, span = word(33), word(17)
    reads, writes = bit(), bit()

    @always_comb
    def add() -> None:
        end.next = command.address + command.count
        span.next = command.count + command.address[2:] + 3

    @always_comb
    def count() -> None:
        words.next = span[9:2]
        reads.next = command.words == 0
        writes.next = command.words == span[17:2]

    @always_comb
    def validate() -> None:
        possible.next = False
        if command.kind == MessageKind.READ_REGISTER or command.kind == MessageKind.WRITE_REGISTER:
            possible.next = (
                command.count == 4 and command.address[2:] == 0
                and command.address < _REGISTERS_END
                and ((command.kind == MessageKind.READ_REGISTER and reads)
                     or (command.kind == MessageKind.WRITE_REGISTER and writes))
            )
        elif command.kind == MessageKind.READ_MEMORY:
            possible.next = command.count != 0 and span[17:2] <= PAYLOAD_WORDS and reads
        elif command.kind == MessageKind.WRITE_MEMORY:
            possible.next = command.count != 0 and span[17:2] <= PAYLOAD_WORDS and writes

    @always_comb
    def compare() -> None:
        inside.next = end <= size
        if command.kind == MessageKind.READ_REGISTER or command.kind == MessageKind.WRITE_REGISTER:
            inside.next = True

    return add, count, validate, compare


@block
def strobes(address: Any, count: Any, first: Any, last: Any) -> Any:
    """Determine the byte strobes of the first and the last word.  Combinational."""
    behind = word(2)  # bytes of the last word

    @always_comb
    def add() -> None:
        behind.next = address[2:] + count[2:]

    @always_comb
    def begin() -> None:
        first.next = 15
        if address[2:] == 1:
            first.next = 14
        elif address[2:] == 2:
            first.next = 12
        elif address[2:] == 3:
            first.next = 8

    @always_comb
    def end() -> None:
        last.next = 15
        if behind == 1:
            last.next = 1
        elif behind == 2:
            last.next = 3
        elif behind == 3:
            last.next = 7

    return add, begin, end


@block
def outcomes(clock: Any, sequence: Any, record: Any, status: Any, recalled: Any) -> Any:
    """Keep the status of the last requests; ``recalled`` follows ``sequence`` one cycle later."""
    kept = [word(3) for _ in range(SLOTS)]

    @always(clock.posedge)
    def recall() -> None:
        recalled.next = kept[sequence[_SLOT_BITS:]]

    @always(clock.posedge)
    def remember() -> None:
        if record:
            kept[sequence[_SLOT_BITS:]].next = status

    return recall, remember


@block
def identity_words(index: Any, value: Any, *, size: int, clock_hz: int) -> Any:
    """``value`` is a word of the bridge's identity.  Combinational."""
    words = LinkIdentity(PAYLOAD_BYTES, WINDOW, 0, size, clock_hz).words()

    @always_comb
    def recite() -> None:
        value.next = words[index]

    return recite


@block
def executor(
    clock: Any, reset: Any, command: Stream, current: Command, release: Any, payload: WordPort,
    buffer: WordPort, reply: Reply, s_axi: AxiLite, m_axi: Axi4, *, config: Config, size: int,
    clock_hz: int,
) -> Any:
    """Execute requests; ``current`` holds the fields of ``command.data``."""
    state, step, identity_word = word(4), word(3), word(32)
    expected, age, known = word(8), word(8), bit()
    recalled, record, first_time = word(3), bit(), bit()
    words, possible, inside, reads = word(7), bit(), bit(), bit()
    lite_start, lite_failed, lite_done, register_write = (bit() for _ in range(4))
    register_address, register_value = word(16), word(32)
    job, burst_failed, burst_done = BurstJob(), bit(), bit()
    written, fetched = WordPort(len(buffer.address)), WordPort(_WORD_BITS)
    fetched.data = payload.data
    checks = request_checks(current, words, possible, inside, size=size)
    strobe = strobes(current.address, current.count, job.first, job.last)
    memory = outcomes(clock, current.sequence, record, reply.status, recalled)
    identity = identity_words(step, identity_word, size=size, clock_hz=clock_hz)
    lite = lite_master(
        clock, reset, start=lite_start, write=register_write, address=register_address,
        data=payload.data, value=register_value, failed=lite_failed, done=lite_done, m_axi=s_axi,
    )
    burst = burst_master(
        clock, reset, job=job, source=fetched, sink=written, failed=burst_failed, done=burst_done,
        m_axi=m_axi, config=config,
    )

    @always_comb
    def sort() -> None:
        age.next = expected - current.sequence
        reads.next = (
            current.kind == MessageKind.READ_REGISTER or current.kind == MessageKind.READ_MEMORY
        )
        register_write.next = current.kind == MessageKind.WRITE_REGISTER
        register_address.next = current.address[16:]

    @always_comb
    def describe_job() -> None:
        job.address.next = current.address
        job.address.next[2:] = 0
        job.words.next = words
        job.write.next = current.kind == MessageKind.WRITE_MEMORY

    @always_comb
    def route() -> None:
        buffer.enable.next = written.enable
        buffer.address.next = written.address
        buffer.data.next = written.data
        if state == ExecutorState.IDENTITY:
            buffer.enable.next = True
            buffer.address.next = step
            buffer.data.next = identity_word
        elif state == ExecutorState.STORE:
            buffer.enable.next = True
            buffer.address.next = 0
            buffer.data.next = register_value
        payload.enable.next = fetched.enable or state == ExecutorState.FETCH
        payload.address.next = fetched.address
        if state == ExecutorState.FETCH:
            payload.address.next = 0

    @always_comb
    def finish() -> None:
        lite_start.next = state == ExecutorState.LOAD
        reply.valid.next = state == ExecutorState.REPLY
        reply.kind.next = current.kind
        reply.sequence.next = current.sequence
        command.ready.next = state == ExecutorState.REPLY and reply.ready
        release.next = state == ExecutorState.REPLY and reply.ready
        record.next = state == ExecutorState.REPLY and reply.ready and first_time

    @always_seq(clock.posedge, reset)
    def advance() -> None:
        job.start.next = False
        if state == ExecutorState.IDLE:
            if command.valid:
                state.next = ExecutorState.SORT
        elif state == ExecutorState.SORT:
            reply.count.next = 0
            reply.words.next = 0
            reply.address.next = current.address
            reply.status.next = LinkStatus.OK
            first_time.next = False
            step.next = 0
            state.next = ExecutorState.REPLY
            if current.kind == MessageKind.IDENTIFY:
                known.next = True
                expected.next = current.sequence + 1
                reply.count.next = 4 * IDENTITY_WORDS
                reply.words.next = IDENTITY_WORDS
                state.next = ExecutorState.IDENTITY
            elif not known:
                reply.status.next = LinkStatus.UNKNOWN
            elif age == 0 or (age <= WINDOW and reads):
                first_time.next = age == 0
                state.next = ExecutorState.CHECK
            elif age <= WINDOW:
                reply.status.next = recalled
                if recalled == LinkStatus.OK:
                    reply.count.next = current.count
            else:
                reply.status.next = LinkStatus.ORDER
                reply.address.next = expected
        elif state == ExecutorState.IDENTITY:
            step.next = step + 1
            if step == IDENTITY_WORDS - 1:
                state.next = ExecutorState.REPLY
        elif state == ExecutorState.CHECK:
            state.next = ExecutorState.REPLY
            if not possible:
                reply.status.next = LinkStatus.REFUSED
            elif not inside:
                reply.status.next = LinkStatus.OUTSIDE
            elif current.kind == MessageKind.READ_REGISTER or register_write:
                state.next = ExecutorState.FETCH
            else:
                job.start.next = True
                state.next = ExecutorState.MEMORY
        elif state == ExecutorState.FETCH:
            state.next = ExecutorState.LOAD
        elif state == ExecutorState.LOAD:
            state.next = ExecutorState.REGISTER
        elif state == ExecutorState.REGISTER:
            if lite_done:
                state.next = ExecutorState.REPLY
                if lite_failed:
                    reply.status.next = LinkStatus.FAILED
                else:
                    reply.count.next = current.count
                    if reads:
                        reply.words.next = 1
                        state.next = ExecutorState.STORE
        elif state == ExecutorState.MEMORY:
            if burst_done:
                state.next = ExecutorState.REPLY
                if burst_failed:
                    reply.status.next = LinkStatus.FAILED
                else:
                    reply.count.next = current.count
                    if reads:
                        reply.words.next = words
        elif state == ExecutorState.STORE:
            state.next = ExecutorState.REPLY
        elif reply.ready:
            state.next = ExecutorState.IDLE
            if first_time:
                expected.next = expected + 1

    return (
        checks, strobe, memory, identity, lite, burst, sort, describe_job, route, finish, advance,
    )
