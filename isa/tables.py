"""Reference pages made from the tables: ``python -m myvta.isa.tables FOLDER``.

Writes ``isa.md`` and ``registers.md``; a test holds the committed pages to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from .alu_operations import ALU_OPERATIONS
from .config import NAMED, Config
from .fields import BitField, layout, uop_layout
from .opcodes import ERROR_TEXT, MemoryType, Opcode, RqtFlag
from .register_map import COUNTERS, PERFORMANCE, REGISTERS

__all__ = ["PAGES", "isa_page", "registers_page"]

_FIELD_TEXT = {
    "opcode": "which instruction",
    "pop_prev": "wait for a token of the module before (compute: load, store: compute)",
    "pop_next": "wait for a token of the module after (load: compute, compute: store)",
    "push_prev": "give a token to the module before",
    "push_next": "give a token to the module after",
    "memory_type": "type of the elements that move; the fields below count such elements",
    "sram_base": "first element in the scratchpad",
    "dram_base": "first element in memory, from the type's base pointer",
    "y_size": "rows; 0 writes the y padding alone",
    "x_size": "elements of a row; 0 moves nothing",
    "x_stride": "elements between row starts in memory",
    "y_pad_0": "zero rows above",
    "y_pad_1": "zero rows below",
    "x_pad_0": "zero elements left of each row",
    "x_pad_1": "zero elements right of each row",
    "reset": "set `ACC[dst]` to zero; nothing is multiplied",
    "overwrite": "store the product instead of adding it (extension)",
    "uop_bgn": "first micro-op",
    "uop_end": "end of the micro-ops, excluded",
    "iter_out": "trips of the outer loop",
    "iter_in": "trips of the inner loop",
    "dst_factor_out": "added to dst each outer trip, in ACC tiles",
    "dst_factor_in": "added to dst each inner trip",
    "src_factor_out": "added to src each outer trip, in INP tiles (GEMM) or ACC tiles (ALU)",
    "src_factor_in": "added to src each inner trip",
    "wgt_factor_out": "added to wgt each outer trip, in WGT tiles",
    "wgt_factor_in": "added to wgt each inner trip",
    "alu_opcode": "which operation",
    "use_imm": "the second operand is imm, not `ACC[src]`",
    "imm": "second operand, sign-extended; options of RQT",
    "dst": "ACC tile",
    "src": "INP tile (GEMM) or ACC tile (ALU)",
    "wgt": "WGT tile (GEMM)",
}
_RQT_TEXT = {
    RqtFlag.RELU: "clamp from below at the zero point instead of the smallest output value",
    RqtFlag.AWAY: "round half away from zero instead of half up",
    RqtFlag.BYPASS: "skip the multiplier",
}
_MEMORY_TEXT = {
    MemoryType.UOP: "micro-op",
    MemoryType.WGT: "weight tile `[BLOCK_OUT][BLOCK_IN]`",
    MemoryType.INP: "input tile `[BATCH][BLOCK_IN]`",
    MemoryType.ACC: "accumulator tile `[BATCH][BLOCK_OUT]`, 32-bit",
    MemoryType.OUT: "low bits of an accumulator tile (STORE)",
    MemoryType.ACC_8BIT: "accumulator tile, int8 in memory, sign-extended (LOAD)",
}
_MADE = "<!-- made by `python -m myvta.isa.tables docs`; change isa/, not this page -->"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    titles = list(head)
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    return [*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""]


def _bits(field: BitField) -> str:
    return str(field.lo) if field.width == 1 else f"{field.hi - 1}:{field.lo}"


def _field_table(fields: Iterable[BitField]) -> list[str]:
    ordered = sorted(fields, key=lambda field: field.lo)
    rows = (
        (
            _bits(field), f"`{field.name}`", f"{field.minimum}..{field.maximum}",
            _FIELD_TEXT[field.name],
        )
        for field in ordered
    )
    return _table(("bits", "field", "range", "meaning"), rows)


def isa_page(config: Config = NAMED["default"]) -> str:
    """Return the instruction reference, positions for one configuration."""
    lines = [
        "# Instruction set", "", _MADE, "",
        "Instructions are 128-bit words, micro-ops 32-bit words, both little endian. Positions are "
        f"those of configuration `{config.name}`; another one's are derived by the same packing: "
        "fields in this order from bit 0 up, a field that would cross bit 64 starts there. How "
        "instructions are written as text: [assembly.md](assembly.md).", "",
    ]
    for opcode in Opcode:
        lines += [f"## {opcode.name} ({opcode:d})", ""]
        lines += _field_table(layout(opcode, config).values())
    lines += ["## Micro-op", "", *_field_table(uop_layout(config).values())]
    lines += ["## Memory types", ""]
    lines += _table(
        ("value", "name", "element", "bytes in memory", "elements on chip"),
        (
            (int(kind), kind.name, text, config.tile_bytes(kind), config.depth(kind))
            for kind, text in _MEMORY_TEXT.items()
        ),
    )
    lines += [
        "## ALU operations", "",
        "p is a lane of `ACC[dst]`, q the immediate or a lane of `ACC[src]`; the result goes to "
        "`ACC[dst]`.", "",
    ]
    lines += _table(
        ("value", "name", "result"),
        ((int(row.opcode), row.opcode.name, row.result) for row in ALU_OPERATIONS.values()),
    )
    lines += ["RQT's immediate: bits 7:0 are the signed zero point, 15:11 must be 0, and", ""]
    lines += _table(
        ("bit", "name", "meaning"),
        ((int(flag), flag.name, text) for flag, text in _RQT_TEXT.items()),
    )
    lines += [
        "## Errors", "",
        "A launch that ends in error leaves a code in ERROR_CODE and the instruction's position in "
        "ERROR_INDEX ([registers.md](registers.md)).", "",
    ]
    lines += _table(
        ("code", "name", "meaning"),
        ((int(code), code.name, text) for code, text in ERROR_TEXT.items()),
    )
    return "\n".join(lines)


def registers_page() -> str:
    """Return the register reference."""
    rows = (
        (
            f"0x{register.offset:02x}", register.offset.name, register.access,
            f"0x{register.reset:x}", register.text,
        )
        for register in REGISTERS.values()
    )
    lines = [
        "# Registers", "", _MADE, "",
        "32 bits each, at multiples of 4. Unmapped offsets read 0 and ignore writes. `rw` can be "
        "written while no launch runs, `wo` reads 0, `w1c` is cleared by writing 1, `w1s` is set "
        "by writing 1 while no launch runs and cleared by the reset wire alone. FEATURES and "
        "FINGERPRINT depend on the configuration.", "",
        *_table(("offset", "name", "access", "reset", "meaning"), rows),
        "Counters that are the same on every device after a launch that finished: "
        + ", ".join(counter.name for counter in COUNTERS) + ".", "",
        "Counters that tell where the cycles of the hardware go (the model reads 0). Each cycle of "
        "CYCLES is counted once for each engine, so the four counters of an engine add up to it:",
        "",
        *(
            f"* {name}: " + ", ".join(counter.name for counter in registers)
            for name, registers in PERFORMANCE.items()
        ),
        "",
    ]
    return "\n".join(lines)


PAGES = {"isa.md": isa_page, "registers.md": registers_page}
"""File name of each page and the function that makes its text."""


def _main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("usage: python -m myvta.isa.tables FOLDER")
    for name, page in PAGES.items():
        Path(arguments[0], name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    _main(sys.argv[1:])
