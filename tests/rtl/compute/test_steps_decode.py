"""steps_decode: the fault of every opcode and option and of random words is isa.legality's.

LOADs out of range are left out: the block refuses them by their type alone (memory_checks).
"""

from random import Random

import pytest
from extended import extended
from rtl_bench import clock_and_reset, simulate

from myvta.isa.fields import layout
from myvta.isa.instructions import Alu, Dwc, Gemm, Load, decode, encode, route
from myvta.isa.legality import Legality, has_steps
from myvta.isa.opcodes import ErrorCode, MemoryType, Module, Opcode
from myvta.rtl.compute.sequencer import StepCommand
from myvta.rtl.compute.steps_decode import Decoded, steps_decode
from myvta.rtl.lib.bundles import ENTRY_BITS, bit, word


def words(config):
    """Give instruction words: each ALU opcode with legal and illegal operands, and random ones."""
    random = Random(7)
    for code in range(8):
        for use_imm in (0, 1):
            for imm in (0, 1, 2, 3, 4, -1, -2, 0x7FF, *(k << 11 for k in range(-16, 16))):
                yield encode(Alu(alu_opcode=code, use_imm=use_imm, imm=imm, uop_end=1, iter_out=1,
                                 iter_in=1), config)
    for window in range(1 << layout(Opcode.DWC, config)["window"].width):
        for overwrite in (0, 1):
            yield encode(Dwc(window=window, overwrite=overwrite), config)
    for kind in range(8):
        yield encode(Load(memory_type=kind), config)
    for depth in (0, -1, 1):
        end = config.depth(MemoryType.UOP) + depth
        for steps in (Gemm, Dwc, Alu):
            if end < 1 << (config.log_uop_depth + 1):
                yield encode(steps(uop_bgn=3, uop_end=end, iter_out=1, iter_in=1), config)
    yield from (random.getrandbits(128) for _ in range(1500))


CONFIGS = [
    "1x4x4", "1x4x4_base", "1x4x4_int4", "1x4x4+all", "1x4x4+lookup", "1x4x4_base+reduce",
    "1x4x4_base+depthwise", "1x4x4_int4+depthwise+overwrite",
]


@pytest.mark.parametrize("name", CONFIGS)
def test_fault_equals_the_isa_s(name):
    config = extended(name)
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
            if isinstance(instruction, (Gemm, Dwc, Alu)):
                assert bool(decoded.stepping) == has_steps(instruction), instruction
        while waiting:
            bits = waiting.pop()
            instruction = decode(bits, config)
            moves = isinstance(instruction, Load) and instruction.x_size
            if route(instruction) == Module.COMPUTE and not moves:
                break
        else:
            return True
        take.next, arriving.next = True, bits
        given.append(instruction)
        return False

    simulate([block], clock, reset, on_edge, limit=3000)
    assert len(given) > 500
    assert seen >= {
        ErrorCode.NONE, ErrorCode.OPCODE, ErrorCode.ALU_OPCODE, ErrorCode.UOP_RANGE,
        ErrorCode.MEMORY_TYPE,
    }
    options = config.requantize or config.reduce or config.depthwise
    assert (ErrorCode.OPERAND in seen) == options
    assert (ErrorCode.EXTENSION in seen) == (name != "1x4x4+all")
