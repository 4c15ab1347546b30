"""Kinds and options of instructions: those a configuration has, those a program contains.

Both are sets of words such as ``load WGT: padded`` and ``rqt: table 3``, so that what random
programs leave out is a difference of sets.  :func:`defined` reads the tables of the ISA, not the
generator.
"""

from device_programs import INP, OUT, WGT

from myvta.isa.alu_operations import ALU_OPERATIONS, RQT_TABLE
from myvta.isa.geometry import MEMORY_TYPE_EXTENSIONS
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store
from myvta.isa.legality import forwards_to_weights, has_steps
from myvta.isa.opcodes import LUT_TABLES, AluOpcode, MemoryType, Reduction, RqtFlag

__all__ = ["contained", "defined"]

_SHAPES = ("nothing", "one row", "rows apart")
_ORDINARY_FLAGS = (RqtFlag.RELU, RqtFlag.AWAY, RqtFlag.BYPASS)


def defined(config):
    """Return all kinds and options of instructions that a configuration defines."""
    missing = {kind for kind, name in MEMORY_TYPE_EXTENSIONS.items() if not getattr(config, name)}
    loads = set(MemoryType) - {OUT} - missing
    stores = {OUT, *(INP,) * config.forward, *(WGT,) * forwards_to_weights(config)}
    products = ("sum", "reset", *("overwrite",) * config.overwrite)
    found = {f"load {kind.name}: {shape}" for kind in loads for shape in (*_SHAPES, "padded")}
    found |= {f"store {kind.name}: {shape}" for kind in stores for shape in _SHAPES}
    found |= {f"gemm: {flag}" for flag in ("no step", *products)}
    if config.depthwise:
        found |= {f"dwc: {flag}" for flag in products}
        found |= {f"dwc: window {window}" for window in range(config.taps)}
        found |= {f"dwc: pitch {pitch}" for pitch in ("0", "1", "more")}
    for operation in ALU_OPERATIONS.values():
        if operation.supported(config):
            found |= _alu_defined(operation, config)
    return found | {"finish"}


def _alu_defined(operation, config):
    name = operation.opcode.name.lower()
    if operation.opcode == AluOpcode.RED:
        return {f"red: {kind.name}" for kind in Reduction}
    if operation.opcode == AluOpcode.RQT:
        tables = ("no table", *(f"table {n}" for n in range(LUT_TABLES * config.lookup)))
        flags = (f"{flag.name} {value}" for flag in _ORDINARY_FLAGS for value in (0, 1))
        return {f"rqt: {text}" for text in (*tables, *flags)}
    return {f"{name}: {operand}" for operand in ("tensor", "imm below 0", "imm from 0 on")}


def contained(stream):
    """Return the kinds and options of the instructions in a stream."""
    found = set()
    for item in stream:
        found |= _OF[type(item)](item)
    return found


def _transfer(item):
    name = f"{type(item).__name__.lower()} {MemoryType(item.memory_type).name}"
    if not item.x_size or not item.y_size:
        return {f"{name}: nothing"}
    apart = item.y_size > 1 and item.x_stride > item.x_size
    shapes = {"rows apart"} if apart else {"one row"} if item.y_size == 1 else set()
    if item.x_pad_0 or item.x_pad_1 or item.y_pad_0 or item.y_pad_1:
        shapes.add("padded")
    return {f"{name}: {shape}" for shape in shapes}


def _product(item):
    if not has_steps(item):
        return {"no step"}
    return {"reset"} if item.reset else {"overwrite"} if item.overwrite else {"sum"}


def _dwc(item):
    flags = _product(item) | {f"window {item.window}"}
    if not item.reset:
        flags.add(f"pitch {item.row_pitch if item.row_pitch < 2 else 'more'}")
    return {f"dwc: {flag}" for flag in flags} if has_steps(item) else set()


def _alu(item):
    name = AluOpcode(item.alu_opcode).name.lower()
    if not has_steps(item):
        return set()
    if item.alu_opcode == AluOpcode.RED:
        return {f"red: {Reduction(item.imm).name}"}
    if item.alu_opcode == AluOpcode.RQT:
        table = f"table {item.imm >> RQT_TABLE}" if item.imm >> RqtFlag.LOOKUP & 1 else "no table"
        flags = (f"{flag.name} {item.imm >> flag & 1}" for flag in _ORDINARY_FLAGS)
        return {f"rqt: {text}" for text in (table, *flags)}
    imm = "imm below 0" if item.imm < 0 else "imm from 0 on"
    return {f"{name}: {imm if item.use_imm else 'tensor'}"}


_OF = {
    Load: _transfer, Store: _transfer, Alu: _alu, Dwc: _dwc,
    Gemm: lambda item: {f"gemm: {flag}" for flag in _product(item)},
    Finish: lambda item: {"finish"},
}
