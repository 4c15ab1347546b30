"""Dependency tokens for programs whose instructions are written in sequential order."""

from dataclasses import replace

from myvta.isa.instructions import Load, Undefined, route
from myvta.isa.opcodes import MemoryType, Module

IDLE = Load(memory_type=MemoryType.UOP)  # compute: only its tokens act
LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
FLAGS = {  # from module, to module: flag of the one that pushes, flag of the one that pops
    (LOAD, COMPUTE): ("push_next", "pop_prev"),
    (COMPUTE, LOAD): ("push_prev", "pop_next"),
    (COMPUTE, STORE): ("push_next", "pop_prev"),
    (STORE, COMPUTE): ("push_prev", "pop_next"),
}


def link(stream, first, second):
    """Make an instruction of the stream (by position) wait for another one, in place.

    An undefined one has no flags, and no later instruction will run.
    """
    if isinstance(stream[first], Undefined) or isinstance(stream[second], Undefined):
        return
    push, pop = FLAGS[route(stream[first]), route(stream[second])]
    stream[first] = replace(stream[first], **{push: 1})
    stream[second] = replace(stream[second], **{pop: 1})


def chain(body):
    """Return the stream in which each instruction waits for the one before, whatever its module.

    Load and store do not talk to each other: a compute instruction without effect goes between.
    """
    stream = []
    for instruction in body:
        if stream and {route(stream[-1]), route(instruction)} == {LOAD, STORE}:
            stream.append(IDLE)
            link(stream, len(stream) - 2, len(stream) - 1)
        stream.append(instruction)
        if len(stream) > 1 and route(stream[-2]) != route(instruction):
            link(stream, len(stream) - 2, len(stream) - 1)
    return stream


def order(body, conflicts):
    """Return the stream with the fewest waits that keep conflicting instructions in order.

    Parameters
    ----------
    body : list of Instruction
        Without flags.
    conflicts : (int, int) -> bool
        Whether the second of two positions in ``body`` must wait for the first; asked only across
        modules.

    Whatever the engines do between these waits, the result is that of sequential execution: in
    each of the four queues the n-th pop belongs to the n-th push: both are in ascending order.
    """
    stream, place = [], []  # place: position in the stream of each instruction of the body
    last = dict.fromkeys(FLAGS, (-1, -1))  # the latest wait of each queue

    def wait(first, second, queue):
        if last[queue][0] < first:
            link(stream, first, second)
            last[queue] = (first, second)

    for n, instruction in enumerate(body):
        module = route(instruction)
        needed = {}  # module -> position of the latest instruction to wait for
        for earlier in range(n):
            other = route(body[earlier])
            if other != module and conflicts(earlier, n):
                needed[other] = place[earlier]
        for other, first in needed.items():
            if (other, module) not in FLAGS:  # between load and store: through compute
                stream.append(IDLE)
                wait(first, len(stream) - 1, (other, COMPUTE))
                needed = {**needed, COMPUTE: len(stream) - 1}
        stream.append(instruction)
        place.append(len(stream) - 1)
        for other, first in needed.items():
            if (other, module) in FLAGS:
                wait(first, len(stream) - 1, (other, module))
    return stream
