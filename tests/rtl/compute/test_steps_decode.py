"""steps_decode: the fault of every ALU opcode and of random words is that of isa.legality.

LOADs out of range are left out: the block refuses them by their type alone (memory_checks).
"""

from random import Random

import pytest
from rtl_bench import clock_and_reset, simulate

from myvta.isa.config import NAMED
from myvta.isa.instructions import Alu, Gemm, Load, decode, encode, route
from myvta.isa.legality import Legality, has_steps
from myvta.isa.opcodes import ErrorCode, MemoryType, Module
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.compute.steps_decode import Decoded, steps_decode
from myvta.rtl.lib.bundles import ENTRY_BITS, bit, word


def words(config):
    """Give instruction words: each ALU opcode with legal and illegal operands, and random ones."""
    random = Random(7)
    for code in range(8):
        for use_imm in (0, 1):
            for imm in (0, 1, -1, 0x7FF, 0x800, -(1 << 15)):
                yield encode(Alu(alu_opcode=code, use_imm=use_imm, imm=imm, uop_end=1, iter_out=1,
                                 iter_in=1), config)
    for depth in (0, -1, 1):
        end = config.depth(MemoryType.UOP) + depth
        for steps in (Gemm, Alu):
            if end < 1 << (config.log_uop_depth + 1):
                yield encode(steps(uop_bgn=3, uop_end=end, iter_out=1, iter_in=1), config)
    yield from (random.getrandbits(128) for _ in range(1500))


@pytest.mark.parametrize("name", ["1x4x4", "1x4x4_base", "1x4x4_int4"])
def test_fault_equals_the_isa_s(name):
    config = NAMED[name]
    clock, reset = clock_and_reset()
    take, arriving, entry = bit(), word(ENTRY_BITS), word(ENTRY_BITS)
    accepted, steps_arrive, decoded = bit(), bit(), Decoded()
    block = steps_decode(
        clock, take=take, arriving=arriving, accepted=accepted, steps_arrive=steps_arrive,
        entry=entry, command=StepCommand(config), decoded=decoded, config=config,
    )
    legality, waiting = Legality(config), list(words(config))
    given, seen = [], set()

    def on_edge(cycle):
        if len(given) > 1:
            instruction = given[-2]
            fault = legality.fault(instruction)
            code = ErrorCode.NONE if fault is None else fault[0]
            assert ErrorCode(int(decoded.fault_code)) == code, instruction
            assert bool(decoded.refused) == (code != ErrorCode.NONE)
            seen.add(code)
            if isinstance(instruction, (Gemm, Alu)):
                assert bool(decoded.stepping) == has_steps(instruction), instruction
        while waiting:
            bits = waiting.pop()
            instruction = decode(bits, config)
            if route(instruction) == Module.COMPUTE and not isinstance(instruction, Load):
                break
        else:
            return True
        take.next, arriving.next = True, bits
        given.append(instruction)
        return False

    simulate([block], clock, reset, on_edge, limit=3000)
    assert len(given) > 500
    wanted = {ErrorCode.NONE, ErrorCode.OPCODE, ErrorCode.ALU_OPCODE, ErrorCode.UOP_RANGE}
    assert seen >= wanted | {ErrorCode.OPERAND if config.requantize else ErrorCode.EXTENSION}
