"""Both simulated targets with the copying device: data, timing of the memory, errors, life."""

import numpy as np
import pytest
from copy_core import (
    BASE,
    MEMORIES,
    SIZE,
    Fault,
    copy,
    on_both,
    open_copy_core,
    pattern,
    start_copy,
)

from myvta.cosim.cosim_errors import BuildError, SimulatorError
from myvta.cosim.rules import Counter
from myvta.driver.errors import TargetError, TargetTimeout, WindowError
from myvta.driver.target.protocol import Target
from myvta.isa.register_map import Reg, Status


@on_both
@pytest.mark.parametrize("bus", [64, 128, 256])
@pytest.mark.parametrize("memory", MEMORIES, ids=str)
def test_copy_writes_only_its_destination(scheme, bus, memory, tmp_path):
    count = 41  # an odd number of 16-byte pieces: the last beat of a wide bus is partial
    with open_copy_core(scheme, tmp_path, bus=bus, **memory) as target:
        target.write_memory(BASE, pattern(SIZE // 16, seed=2))
        target.write_memory(BASE + 0x1000, pattern(count))
        expected = target.memory.copy()
        expected[0x80000:0x80000 + 16 * count] = np.frombuffer(pattern(count), np.uint8)
        copy(target, count)
        assert target.read_register(Reg.CONTROL) == Status.FINISH
        assert np.array_equal(target.memory, expected)
        beats = -(-16 * count // (bus // 8))
        counters = target.counters()
        assert counters[Counter.READ_BEATS] == counters[Counter.WRITE_BEATS] == beats
        assert counters[Counter.READ_BYTES] == beats * bus // 8
        assert counters[Counter.WRITE_BYTES] == 16 * count
        assert counters[Counter.READ_BURSTS] == counters[Counter.WRITE_BURSTS] == -(-beats // 16)
        assert counters[Counter.OUTSIDE] == 0


@on_both
def test_target_satisfies_the_protocol(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        assert isinstance(target, Target)
        assert target.window == (BASE, SIZE)
        assert target.config.bus_width == 64
        assert target.read_register(Reg.WINDOW_BASE) == BASE
        assert target.read_register(Reg.WINDOW_LIMIT) == BASE + SIZE - 1
        assert target.read_register(Reg.IDENTITY) == int.from_bytes(b"MVTA", "little")


@on_both
def test_memory_outside_the_window_is_refused_whole(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        for address, size in ((BASE - 1, 1), (BASE + SIZE - 1, 2), (BASE, SIZE + 1), (BASE, -1)):
            with pytest.raises(WindowError, match=r"outside the memory 0x40000000\.\.0x400fffff"):
                target.read_memory(address, size)
        with pytest.raises(WindowError):
            target.write_memory(BASE + SIZE - 2, b"abc")
        assert target.read_memory(BASE + SIZE - 2, 2) == b"\0\0"
        target.write_memory(BASE + SIZE - 3, np.array([[1, 2, 3]], np.uint8))
        assert target.read_memory(BASE + SIZE - 3, 3) == b"\1\2\3"
        assert target.read_memory(BASE, 0) == b""


@on_both
def test_impossible_register_accesses_are_refused(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        for offset in (-4, 2, 0x10000):
            with pytest.raises(ValueError, match="multiple of 4 below 0x10000"):
                target.read_register(offset)
        with pytest.raises(ValueError, match="32 bits"):
            target.write_register(Reg.INSN_COUNT, 1 << 32)


@on_both
@pytest.mark.parametrize(("source", "destination"), [(-0x2000, 0x8000), (0x8000, SIZE)])
def test_accesses_outside_memory_are_decode_errors(scheme, source, destination, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.memory[:] = 7
        copy(target, 40, source, destination)
        assert target.read_register(Reg.CONTROL) == Status.FINISH | Status.ERROR
        assert target.counters()[Counter.OUTSIDE] == 5
        assert (np.delete(target.memory, np.s_[0x8000:0x8000 + 640]) == 7).all()


@on_both
def test_a_write_is_visible_with_its_response_and_not_before(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path, latency=50) as target:
        target.write_memory(BASE + 0x1000, pattern(1))
        start_copy(target, 1)
        while target.counters()[Counter.WRITE_BEATS] < 2:
            target.run(1)
        target.run(45)
        assert target.read_memory(BASE + 0x80000, 16) == bytes(16)
        target.run(10)
        assert target.read_memory(BASE + 0x80000, 16) == pattern(1)


@on_both
def test_reset_during_a_launch_leaves_a_working_device(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path, latency=20) as target:
        target.write_memory(BASE + 0x1000, pattern(64))
        start_copy(target, 64)
        target.run(30)
        target.reset()
        assert target.read_register(Reg.CONTROL) == 0
        assert target.read_register(Reg.WINDOW_BASE) == BASE
        copy(target, 64)
        assert target.read_memory(BASE + 0x80000, 1024) == pattern(64)


@on_both
def test_interrupt_wire_follows_the_end_of_a_launch(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.write_register(Reg.INTERRUPT_ENABLE, 1)
        with pytest.raises(TargetTimeout, match="waited 50 cycles for the interrupt wire"):
            target.run_until_interrupt(50)
        start_copy(target, 8)
        target.run_until_interrupt(500)
        assert target.read_register(Reg.CONTROL) == Status.FINISH


@on_both
def test_endless_launch_times_out(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path, max_cycles=3000) as target:
        with pytest.raises(TargetTimeout, match=(
            r"waited 30\d\d cycles \(max_cycles=3000\) for FINISH of the launch of 8 "
            r"instructions at 0x40001000; CONTROL is 0x1, 0 reads and 0 writes are in flight"
        )):
            copy(target, 8, fault=Fault.HANG)
        target.reset()
        copy(target, 8)


@on_both
def test_polling_returns_between_slices(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.chunk = 100
        target.write_memory(BASE + 0x1000, pattern(400))
        start_copy(target, 400)
        looks = 0
        while target.read_register(Reg.CONTROL) & Status.LAUNCH:
            looks += 1
        assert 6 <= looks <= 8  # about 821 cycles
        assert target.read_memory(BASE + 0x80000, 6400) == pattern(400)


@on_both
def test_unanswered_register_access_is_an_error(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.write_register(Reg.UOP_BASE, Fault.SILENT_REGISTER)
        with pytest.raises(TargetTimeout, match="reading register 0x4: .*waited for s_axi_rvalid"):
            target.read_register(Reg.CYCLES)


@on_both
def test_refused_register_access_is_an_error(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.write_register(Reg.UOP_BASE, Fault.REFUSE_READ)
        with pytest.raises(SimulatorError, match="register 0x4 was answered with response 2"):
            target.read_register(Reg.CYCLES)


@on_both
def test_self_terminating_simulation_is_an_error(scheme, tmp_path):
    with open_copy_core(scheme, tmp_path) as target:
        target.memory[5] = 9
        with pytest.raises(SimulatorError):
            copy(target, 8, fault=Fault.END_ITSELF)
        assert target.read_memory(BASE + 5, 1) == b"\x09"


@on_both
def test_closed_targets_refuse_accesses(scheme, tmp_path):
    target = open_copy_core(scheme, tmp_path)
    target.close()
    target.close()
    for call, arguments in (
        (target.read_register, [0]), (target.run, [1]), (target.reset, []),
        (target.read_memory, [BASE, 4]),
    ):
        with pytest.raises(TargetError, match="closed"):
            call(*arguments)


@pytest.mark.slow
@on_both
def test_simulation_prints_nothing(scheme, tmp_path, capfd):
    with open_copy_core(scheme, tmp_path, wave=tmp_path / "w.vcd", wave_cycles=5) as target:
        copy(target, 4)
    assert capfd.readouterr() == ("", "")


@on_both
def test_the_wrong_port_width_is_named(scheme, tmp_path):
    with pytest.raises(BuildError, match=(
        r"the design's port m_axi_\w+ has 128 bits, the configuration says 64; bus=64, 128 or 256"
    )):
        open_copy_core(scheme, tmp_path, bus=128, width=64)
    with open_copy_core(scheme, tmp_path, bus=128) as target:
        copy(target, 4)
