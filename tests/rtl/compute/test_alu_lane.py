"""alu_lane: operands chosen in s7, and every operation on edges and random values in s8."""

from random import Random

import pytest
from rtl_bench import clock_and_reset, randomize, record
from step_bench import shr, wrap

from myvta.isa.config import NAMED
from myvta.isa.opcodes import AluOpcode
from myvta.rtl.compute.alu_lane import Operation, alu_lane, alu_operands, alu_operation
from myvta.rtl.compute.operands import Operand
from myvta.rtl.compute.step import Step
from myvta.rtl.lib.bundles import word

CONFIG = NAMED["1x4x4"]
TILE_BITS, DOT_BITS, LANE = 32 * CONFIG.lanes, 18, 1
EDGES = (0, 1, -1, 2**31 - 1, -(2**31), 5, 30, 31, 32, 33, 63, 64, -5, -30, -31, -32, -33, -64)


def add(p, q):
    return wrap(p + q)


RESULTS = {
    AluOpcode.MIN: min, AluOpcode.MAX: max, AluOpcode.ADD: add, AluOpcode.SHR: shr,
    AluOpcode.MUL: add,  # its product arrives complete, the other operand is 0
}


@pytest.mark.parametrize("requantize", [False, True])
def test_result_equals_the_operation_in_python(requantize):
    random = Random(2)
    clock, reset = clock_and_reset()
    s7, operation = Step(CONFIG), Operation()
    p, q, result = word(32), word(32), word(32)
    requantized = word(32) if requantize else None
    kinds = [*RESULTS, "gemm", *([AluOpcode.RQT] if requantize else [])]

    def drive(cycle):
        kind = random.choice(kinds)
        s7.gemm.next = kind == "gemm"
        s7.opcode.next = random.choice(kinds[:5]) if kind == "gemm" else kind
        in_s8 = AluOpcode.ADD if s7.gemm else AluOpcode(int(s7.opcode))
        for operand in (p, q):
            value = random.choice([*EDGES, random.getrandbits(32), random.randrange(-40, 40)])
            operand.next = 0 if in_s8 == AluOpcode.RQT else value % 2**32
        if requantize:
            requantized.next = random.getrandbits(32) if in_s8 == AluOpcode.RQT else 0

    blocks = [alu_operation(clock, s7, operation), alu_lane(operation, p, q, requantized, result)]
    watched = {"s7": s7, "p": p, "q": q, "result": result}
    watched |= {"requantized": requantized} if requantize else {}
    rows = record(blocks, clock, reset, watched, drive, cycles=800)
    for row, after in zip(rows, rows[1:], strict=False):
        kind = AluOpcode.ADD if row["s7.gemm"] else AluOpcode(row["s7.opcode"])
        if kind == AluOpcode.RQT:
            expected = after["requantized"]
        else:
            expected = RESULTS[kind](wrap(after["p"]), wrap(after["q"])) % 2**32
        assert after["result"] == expected, (kind, after)


def operand_value(row, name, otherwise):
    """Return the operand that the source bits of a row choose."""
    def lane(tile):
        return row[tile] >> 32 * LANE & 0xFFFF_FFFF

    second = row[f"{name}.second"]
    if row[f"{name}.reads"]:
        return lane("odd" if second else "even")
    if second:
        return row["result"]
    return otherwise if row[f"{name}.takes_none"] else lane(f"{name}.ready")


def test_operands_come_from_their_sources_and_hold_in_empty_slots():
    random = Random(7)
    clock, reset = clock_and_reset()
    s7, dst, src = Step(CONFIG), Operand(TILE_BITS), Operand(TILE_BITS)
    even, odd, dot = word(TILE_BITS), word(TILE_BITS), word(DOT_BITS * CONFIG.lanes)
    product, result, first, second = (word(32) for _ in range(4))

    def drive(cycle):
        randomize(random, even, odd, dot, product, result, s7.imm)
        randomize(random, s7.valid, s7.gemm, s7.clear)
        s7.long.next = not s7.gemm.next and random.random() < 0.5
        for operand in (dst, src):
            randomize(random, operand.ready, operand.reads, operand.second, operand.takes_none)

    block = alu_operands(
        clock, s7=s7, even_data=even, odd_data=odd, dst=dst, src=src, dot=dot, product=product,
        result=result, first=first, second=second, lane=LANE, dot_width=DOT_BITS,
    )
    watched = {
        "s7": s7, "dst": dst, "src": src, "even": even, "odd": odd, "dot": dot,
        "product": product, "result": result, "first": first, "second": second,
    }
    rows = record([block], clock, reset, watched, drive, cycles=800)
    expected = 0, 0
    for row, after in zip(rows, rows[1:], strict=False):
        if row["s7.valid"]:
            other = 0
            if row["s7.gemm"] and not row["s7.clear"]:
                other = wrap(row["dot"] >> DOT_BITS * LANE << 32 - DOT_BITS) >> 32 - DOT_BITS
            elif not row["s7.gemm"] and not row["s7.long"]:
                other = wrap(row["s7.imm"] << 16) >> 16
            expected = (
                operand_value(row, "dst", row["product"] if row["s7.long"] else 0),
                operand_value(row, "src", other % 2**32),
            )
        assert (after["first"], after["second"]) == expected
