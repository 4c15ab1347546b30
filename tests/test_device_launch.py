"""The launch protocol on model and RTL: CONTROL, counters, interrupt, pointers, window (D21)."""

import numpy as np
import pytest
from device_programs import (
    ACC,
    ACC_8BIT,
    BASE,
    INP,
    OUT,
    SIZE,
    UOP,
    WGT,
    Program,
    lanes_of,
    load,
)
from device_run import EVERYWHERE, SIMULATED, launch_on, open_model, outcome_of
from device_tokens import IDLE

from myvta.isa.config import NAMED
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store, Uop, encode_stream
from myvta.isa.opcodes import ErrorCode
from myvta.isa.registers import BASE_REGISTERS, COUNTERS, REGISTERS, Reg, Status, reset_values

END = BASE + SIZE
STREAM = BASE + 0x2000
MEMORIES = pytest.mark.parametrize(
    "kind", [UOP, WGT, INP, ACC, ACC_8BIT, OUT], ids=lambda kind: kind.name
)


@pytest.fixture
def target(device):
    """The simulator, or the model where that is the backend: registers by hand."""
    found = device.simulator or device.model
    clean(found)
    return found


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


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_identity(target):
    values = reset_values(target.config)
    for register in (Reg.IDENTITY, Reg.VERSION, Reg.FEATURES, Reg.FINGERPRINT):
        target.write_register(register, 0x5A5A_5A5A)
        assert target.read_register(register) == values[register]
    assert target.read_register(Reg.IDENTITY) == int.from_bytes(b"MVTA", "little")
    assert target.read_register(Reg.FINGERPRINT) == NAMED["1x4x4"].fingerprint


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_read_only_and_unmapped_registers(target):
    put(target, IDLE, IDLE, Finish())
    go(target)
    for offset, register in REGISTERS.items():
        if register.access == "ro":
            before = target.read_register(offset)
            target.write_register(offset, before ^ 0xFFFF_FFFF)
            assert target.read_register(offset) == before, offset.name
    for offset in (0x28, 0x3C, 0x78, 0x7C, 0x7F0, 0x1000, 0x8000, 0xFFFC):
        target.write_register(offset, 0xFFFF_FFFF)
        assert target.read_register(offset) == 0, hex(offset)
    assert target.read_register(Reg.INSTRUCTIONS) == 3


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_written_registers_read_back(target):
    written = {register: 0x0123_4560 + 0x1111_0000 * n for n, register in enumerate(
        [Reg.INSN_COUNT, Reg.INSN_BASE, *sorted(set(BASE_REGISTERS.values()))]
    )}
    for register, value in written.items():
        target.write_register(register, value)
    assert {register: target.read_register(register) for register in written} == written
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_window_registers_have_granules(target):
    target.write_register(Reg.WINDOW_BASE, 0x1234_5FFF)
    target.write_register(Reg.WINDOW_LIMIT, 0x2345_6000)
    assert target.read_register(Reg.WINDOW_BASE) == 0x1234_5000
    assert target.read_register(Reg.WINDOW_LIMIT) == 0x2345_6FFF
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_control(target):
    """0 clears FINISH, ERROR and TOKENS_LEFT; so does the next launch; other bits do nothing."""
    put(target, Load(memory_type=UOP, push_next=1), Finish())
    assert go(target) == Status.FINISH | Status.TOKENS_LEFT
    assert target.read_register(Reg.CONTROL) == Status.FINISH | Status.TOKENS_LEFT
    target.write_register(Reg.CONTROL, 0)
    assert target.read_register(Reg.CONTROL) == 0
    put(target, IDLE)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.NO_FINISH
    assert target.read_register(Reg.ERROR_INDEX) == 1
    target.write_register(Reg.CONTROL, 0xFFFF_FFFE)  # no launch bit: clears the status alone
    assert target.read_register(Reg.CONTROL) == 0
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.NO_FINISH
    put(target, Finish())
    assert go(target) == Status.FINISH
    assert target.read_register(Reg.ERROR_CODE) == 0
    assert target.read_register(Reg.ERROR_INDEX) == 0


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_counters_hold_after_the_end_and_start_from_0(device, target):
    """Every counter by hand, twice: the second launch counts its own."""
    program = Program(device.config)
    program.load(INP, [[1] * 4] * 3)
    program.load(WGT, [[1] * 16] * 2)
    program.load(ACC, [[1] * 4] * 5)
    program.load(ACC_8BIT, [[1] * 4] * 7)
    program.uops(Uop(), Uop(dst=1), Uop(dst=2))
    program.add(
        Gemm(uop_end=3, iter_in=4), Gemm(reset=1, uop_end=2), Alu(use_imm=1, uop_end=3, iter_out=5),
    )
    program.store(0, 6)
    program.add(Store(x_size=0))
    expected = {
        "ACC_WRITES": 12 + 2 + 15, "INSTRUCTIONS": 11, "GEMM_STEPS": 12, "ALU_STEPS": 15,
        "UOP_BYTES": 12, "WGT_BYTES": 32, "INP_BYTES": 12, "ACC_BYTES": 80, "ACC_8BIT_BYTES": 28,
        "OUT_BYTES": 24,
    }
    for _ in range(2):
        assert device.passes(program).counters == expected
    target.write_register(Reg.CONTROL, 0)
    assert outcome_of(target).counters == expected
    put(target, Finish())
    go(target)
    counters = {name: target.read_register(name) for name in COUNTERS}
    assert counters == {**dict.fromkeys(COUNTERS, 0), Reg.INSTRUCTIONS: 1}


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_interrupt_status(device, target):
    """Set at the end of a launch, well or not; 1 clears it, 0 does not; enable does not matter."""
    assert target.read_register(Reg.INTERRUPT_STATUS) == 0
    for stream in ([Finish()], [IDLE]):
        put(target, *stream)
        go(target)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 1
        target.write_register(Reg.INTERRUPT_STATUS, 0xFFFF_FFFE)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 1
        target.write_register(Reg.INTERRUPT_STATUS, 1)
        assert target.read_register(Reg.INTERRUPT_STATUS) == 0
    target.write_register(Reg.INTERRUPT_ENABLE, 0xFFFF_FFFF)
    assert target.read_register(Reg.INTERRUPT_ENABLE) == 1
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_interrupt_wire(device, target):
    """High while enabled and pending; only simulators show the wire, the model its level."""
    put(target, Finish())
    target.write_register(Reg.INTERRUPT_ENABLE, 1)
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    if device.simulator is None:
        assert target.device.interrupt
    else:
        target.run_until_interrupt(2000)
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    clean(target)


@pytest.mark.parametrize("kind", [WGT, INP, ACC, ACC_8BIT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_each_type_has_its_own_base_pointer(device, kind):
    """The same dram_base under two pointers reads two places: the address is their sum (D21)."""
    seen = []
    for moved in (0, 1):
        program = Program(device.config)
        lanes = lanes_of(device.config, kind)
        near = program.data(kind, np.full((3, lanes), 40))
        program.data(kind, np.zeros((99, lanes), int))
        far = program.data(kind, np.full((3, lanes), 41))
        program.add(load(near, x_size=2))
        program.pointers[ACC if kind == ACC_8BIT else kind] += moved * (far.address - near.address)
        shown = program.show(kind, 0, 2)
        seen.append(set(device.passes(program).view(shown).ravel().tolist()))
    assert seen == [{40}, {41}]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_uop_has_its_own_base_pointer(device):
    seen = []
    for moved in (0, 1):
        program = Program(device.config)
        near = program.data(UOP, [Uop(dst=1)])
        program.data(UOP, [Uop(dst=2)] * 1000)
        far = program.data(UOP, [Uop(dst=3)])
        program.load(ACC, [[0] * 4] * 5)
        program.add(load(near), Alu(use_imm=1, imm=9))
        program.pointers[UOP] += moved * (far.address - near.address)
        place = program.store(0, 5)
        seen.append(device.passes(program).tiles(place)[:, 0].tolist())
    assert seen == [[0, 9, 0, 0, 0], [0, 0, 0, 9, 0]]


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_out_has_its_own_base_pointer(target):
    target.write_memory(BASE + 0x4000, bytes(range(4)))
    for pointer in (BASE + 0x8004, BASE + 0x8FFC):
        target.write_memory(BASE + 0x8000, bytes(0x2000))
        body = [Load(memory_type=ACC_8BIT, x_size=1, push_next=1),
                Store(dram_base=5, x_size=1, pop_prev=1), Finish()]
        put(target, *body)
        launch_on(target, STREAM, 3, {ACC: BASE + 0x4000, OUT: pointer})
        memory = target.read_memory(BASE + 0x8000, 0x2000)
        assert memory[pointer - BASE - 0x8000 + 20 :][:4] == bytes(range(4))
        assert sum(memory) == 6


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.parametrize("at", [BASE, STREAM + 16, BASE + 0x2FF0, END - 0x80], ids=hex)
def test_the_stream_may_lie_anywhere(target, at):
    """Across 4 KiB, and up to the last byte of the window."""
    put(target, *[IDLE] * 7, Finish(), at=at)
    assert go(target) == Status.FINISH
    assert target.read_register(Reg.INSTRUCTIONS) == 8


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_misaligned_stream(target):
    for offset in (1, 2, 4, 8):
        target.write_register(Reg.INSN_COUNT, 1)
        target.write_register(Reg.INSN_BASE, STREAM + offset)
        assert go(target) == Status.FINISH | Status.ERROR
        assert target.read_register(Reg.ERROR_CODE) == ErrorCode.ALIGNMENT
        assert target.read_register(Reg.ERROR_INDEX) == 0
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_instruction_fetch_keeps_to_the_window(target):
    """A stream that runs out of the window, and one that lies outside it."""
    target.write_memory(END - 32, encode_stream([IDLE, IDLE], target.config))
    target.write_register(Reg.INSN_BASE, END - 32)
    target.write_register(Reg.INSN_COUNT, 3)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.WINDOW
    assert target.read_register(Reg.ERROR_ADDRESS) == END
    target.write_register(Reg.INSN_BASE, BASE - 0x1000)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.WINDOW
    assert target.read_register(Reg.ERROR_INDEX) == 0
    put(target, Finish())
    assert go(target) == Status.FINISH
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_a_closed_window(target):
    """Base above limit, as after reset: not even the stream can be read."""
    put(target, Finish())
    target.write_register(Reg.WINDOW_BASE, 0xFFFF_F000)
    target.write_register(Reg.WINDOW_LIMIT, 0)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.WINDOW
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.filterwarnings("ignore::myvta.model.errors.UnwrittenReadWarning")
@MEMORIES
def test_a_smaller_window(target, kind):
    """One page of the memory: inside it a row moves, one tile further it is refused."""
    size = target.config.tile_bytes(kind)
    low, high = BASE + 0x4000, BASE + 0x4FFF
    target.write_register(Reg.WINDOW_BASE, low)
    target.write_register(Reg.WINDOW_LIMIT, high)
    register = BASE_REGISTERS[kind]
    before = target.read_memory(high + 1, 64)
    for pointer, code in (
        (low, 0), (high + 1 - 2 * size, 0), (low - size, ErrorCode.WINDOW),
        (high + 1 - size, ErrorCode.WINDOW), (high + 1, ErrorCode.WINDOW),
    ):
        if kind == ACC_8BIT and pointer % target.config.tile_bytes(ACC):
            continue
        target.write_register(register, pointer)
        it = Store(x_size=2) if kind == OUT else Load(memory_type=kind, x_size=2)
        put(target, IDLE, it, Finish(), at=low + 0x800)
        status = go(target)
        assert target.read_register(Reg.ERROR_CODE) == code, hex(pointer)
        assert status == (Status.FINISH | Status.ERROR if code else Status.FINISH)
        assert target.read_register(Reg.ERROR_INDEX) == (1 if code else 0)
        refused = pointer if pointer < low else max(high + 1, pointer)
        expected = refused & -target.config.bus_bytes if code else 0
        assert target.read_register(Reg.ERROR_ADDRESS) == expected
    assert target.read_memory(high + 1, 64) == before
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@MEMORIES
def test_bus_error(device, target, kind):
    """Inside the window, but no memory answers there: BUS, and the next launch is clean."""
    target.write_register(Reg.WINDOW_LIMIT, END + 0xFFFF)
    target.write_register(BASE_REGISTERS[kind], END + 0x1000)
    it = Store(x_size=3) if kind == OUT else Load(memory_type=kind, x_size=3)
    put(target, IDLE, IDLE, it, Finish())
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.BUS
    assert target.read_register(Reg.ERROR_INDEX) == 2
    assert target.read_register(Reg.ERROR_ADDRESS) == END + 0x1000
    clean(target)
    put(target, Finish())
    assert go(target) == Status.FINISH


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_bus_error_of_the_fetch(target):
    target.write_register(Reg.WINDOW_LIMIT, END + 0xFFFF)
    target.write_register(Reg.INSN_BASE, END)
    target.write_register(Reg.INSN_COUNT, 4)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.BUS
    assert target.read_register(Reg.ERROR_INDEX) == 0
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_reset_and_window_lock(device, target):
    """RESET without a launch does nothing; the lock is set once, here on a device of its own."""
    put(target, Finish())
    assert go(target) == Status.FINISH
    target.write_register(Reg.RESET, 1)
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    assert target.read_register(Reg.RESET) == 0
    if device.simulator is None:
        target = open_model(device.config)
        target.write_register(Reg.WINDOW_LOCK, 0xFFFF_FFFF)
        target.write_register(Reg.WINDOW_LOCK, 0)
        assert target.read_register(Reg.WINDOW_LOCK) == 1
        target.write_register(Reg.WINDOW_BASE, 0)
        target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
        assert target.read_register(Reg.WINDOW_BASE) == BASE
        assert target.read_register(Reg.WINDOW_LIMIT) == END - 1


@pytest.mark.parametrize("device", SIMULATED, indirect=True)
def test_registers_are_locked_while_a_launch_runs(device, target):
    """Pointers, count and window do not move in a running launch; neither does CONTROL.

    (The model runs a launch inside the write that starts it.)
    """
    put(target, *[Load(memory_type=INP, x_size=200)] * 6, *[Store(x_size=200)] * 2, Finish())
    target.write_register(Reg.INP_BASE, BASE)
    target.write_register(Reg.OUT_BASE, BASE + 0x8000)
    target.write_register(Reg.CONTROL, Status.LAUNCH)
    locked = (Reg.INSN_COUNT, Reg.INSN_BASE, Reg.INP_BASE, Reg.OUT_BASE, Reg.WINDOW_BASE,
              Reg.WINDOW_LIMIT, Reg.WATCHDOG)
    values = {register: target.read_register(register) for register in locked}
    for register in locked:
        target.write_register(register, 0xFFFF_F000)
        assert target.read_register(register) == values[register]
    target.write_register(Reg.WINDOW_LOCK, 1)
    assert target.read_register(Reg.WINDOW_LOCK) == 0
    target._write(Reg.CONTROL, 0)
    assert target._read(Reg.CONTROL) == Status.LAUNCH
    target._write(Reg.CONTROL, Status.LAUNCH)
    for _ in range(100):
        if target.read_register(Reg.CONTROL) == Status.FINISH:
            break
    assert target.read_register(Reg.CONTROL) == Status.FINISH
    assert target.read_register(Reg.INSTRUCTIONS) == 9
    clean(target)
