"""Base pointers, memory window and bus errors on model and RTL (byte address: rule D21 of
docs/device.md)."""

import numpy as np
import pytest
from device_programs import (
    ACC,
    ACC_8BIT,
    BASE,
    INP,
    OUT,
    UOP,
    WGT,
    Program,
    lanes_of,
    load,
)
from device_registers import END, STREAM, clean, go, put
from device_run import EVERYWHERE, launch_on
from device_tokens import IDLE

from myvta.isa.instructions import Alu, Finish, Load, Store, Uop, encode_stream
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import BASE_REGISTERS, Reg, Status

MEMORIES = pytest.mark.parametrize(
    "kind", [UOP, WGT, INP, ACC, ACC_8BIT, OUT], ids=lambda kind: kind.name
)


@pytest.fixture
def target(device):
    """The simulator, or the model where that is the backend: registers by hand."""
    found = device.simulator or device.model
    clean(found)
    return found


@pytest.mark.parametrize("kind", [WGT, INP, ACC, ACC_8BIT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_each_type_has_its_own_base_pointer(device, kind):
    """One dram_base under two pointers reads two places: the address is their sum (rule D21)."""
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
def test_the_stream_may_start_at_any_aligned_address(target, at):
    """Across 4 KiB, and up to the last byte of the window."""
    put(target, *[IDLE] * 7, Finish(), at=at)
    assert go(target) == Status.FINISH
    assert target.read_register(Reg.INSTRUCTIONS) == 8


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_misaligned_stream_is_a_fault(target):
    for offset in (1, 2, 4, 8):
        target.write_register(Reg.INSN_COUNT, 1)
        target.write_register(Reg.INSN_BASE, STREAM + offset)
        assert go(target) == Status.FINISH | Status.ERROR
        assert target.read_register(Reg.ERROR_CODE) == ErrorCode.ALIGNMENT
        assert target.read_register(Reg.ERROR_INDEX) == 0
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_fetch_outside_the_window_is_a_fault(target):
    """A stream that runs out of the window, and one outside it."""
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
def test_closed_window_refuses_every_access(target):
    """Base above limit, as after reset: not even the stream can be read."""
    put(target, Finish())
    target.write_register(Reg.WINDOW_BASE, 0xFFFF_F000)
    target.write_register(Reg.WINDOW_LIMIT, 0)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.WINDOW
    clean(target)


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
@pytest.mark.filterwarnings("ignore::myvta.model.model_errors.UnwrittenReadWarning")
@MEMORIES
def test_smaller_window_refuses_accesses_outside(target, kind):
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
        item = Store(x_size=2) if kind == OUT else Load(memory_type=kind, x_size=2)
        put(target, IDLE, item, Finish(), at=low + 0x800)
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
def test_bus_error_ends_the_launch(device, target, kind):
    """Inside the window, but no memory answers there: BUS, and the next launch is clean."""
    target.write_register(Reg.WINDOW_LIMIT, END + 0xFFFF)
    target.write_register(BASE_REGISTERS[kind], END + 0x1000)
    item = Store(x_size=3) if kind == OUT else Load(memory_type=kind, x_size=3)
    put(target, IDLE, IDLE, item, Finish())
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.BUS
    assert target.read_register(Reg.ERROR_INDEX) == 2
    assert target.read_register(Reg.ERROR_ADDRESS) == END + 0x1000
    clean(target)
    put(target, Finish())
    assert go(target) == Status.FINISH


@pytest.mark.parametrize("device", EVERYWHERE, indirect=True)
def test_bus_error_of_the_fetch_ends_the_launch(target):
    target.write_register(Reg.WINDOW_LIMIT, END + 0xFFFF)
    target.write_register(Reg.INSN_BASE, END)
    target.write_register(Reg.INSN_COUNT, 4)
    assert go(target) == Status.FINISH | Status.ERROR
    assert target.read_register(Reg.ERROR_CODE) == ErrorCode.BUS
    assert target.read_register(Reg.ERROR_INDEX) == 0
    clean(target)
