"""A launch by hand: registers of a target, one by one."""

from device_programs import BASE, SIZE

from myvta.isa.instructions import encode_stream
from myvta.isa.register_map import BASE_REGISTERS, Reg, Status

END = BASE + SIZE  # of memory and window
STREAM = BASE + 0x2000


def clean(target):
    """Bring every register a test may have touched to a known state."""
    for register in (Reg.INTERRUPT_ENABLE, Reg.INSN_COUNT, Reg.INSN_BASE):
        target.write_register(register, 0)
    for register in set(BASE_REGISTERS.values()):
        target.write_register(register, 0)
    target.write_register(Reg.WINDOW_BASE, BASE)
    target.write_register(Reg.WINDOW_LIMIT, END - 1)
    target.write_register(Reg.CONTROL, 0)
    target.write_register(Reg.INTERRUPT_STATUS, 1)


def put(target, *instructions, at=STREAM):
    """Write a stream and point the registers to it."""
    target.write_memory(at, encode_stream(list(instructions), target.config))
    target.write_register(Reg.INSN_BASE, at)
    target.write_register(Reg.INSN_COUNT, len(instructions))


def go(target, polls=100):
    """Launch and wait; return CONTROL."""
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    for _ in range(polls):
        status = target.read_register(Reg.CONTROL)
        if status & Status.FINISH:
            return status
    raise AssertionError(f"no end after {polls} looks, CONTROL is {status:#x}")
