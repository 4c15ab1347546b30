"""The static checker before launches: programs, runtimes, kept verdicts, switching it off."""

import time

import numpy as np
import pytest
from driver_programs import CONFIG, dense_stream, network, program, racing_stream

from myvta.driver import (
    CheckError,
    LoadedProgram,
    Runtime,
    StreamBuilder,
    check_program,
    open_target,
    run_program,
)
from myvta.driver.errors import DeviceError
from myvta.isa.check.findings import FindingKind
from myvta.isa.opcodes import AluOpcode, MemoryType, Module

INP, WGT, OUT = MemoryType.INP, MemoryType.WGT, MemoryType.OUT
LOAD, COMPUTE = Module.LOAD, Module.COMPUTE
MODEL = "model://?config=1x4x4&mem=0:64K"


def kinds(built):
    return [finding.kind for verdict in check_program(built) for finding in verdict.findings]


def test_built_programs_are_accepted():
    assert all(not verdict.findings for verdict in check_program(network()))


def test_a_verdict_is_kept_with_the_program():
    built = network()
    assert check_program(built) is check_program(built)
    assert check_program(network()) is not check_program(built)


def test_a_racing_program_is_refused_before_anything_is_loaded():
    built = program(lambda **at: racing_stream())
    with open_target(MODEL) as target:
        with pytest.raises(CheckError, match=r"\[conv1\] data race at instruction") as caught:
            LoadedProgram(built, target)
        assert set(target.read_memory(0, built.size)) == {0}
        assert {FindingKind.RACE} <= {it.kind for it in caught.value.findings}
        run_program(built, target, {"x": np.zeros((2, 8), int)}, check=False)


def dense(x, y):
    """Return a function of the places: a dense layer from tensor to tensor."""
    return lambda weight, **at: dense_stream(at[x], weight, at[y])


def test_reads_of_undeclared_inputs_are_reported():
    assert kinds(program(dense("x", "y"), outputs=["y"])) == []
    assert kinds(program(dense("z", "y"), outputs=["y"])) == [FindingKind.UNWRITTEN]


def test_stores_over_data_needed_later_are_reported():
    assert kinds(program(dense("x", "y"), outputs=["y"], later=["z"])) == []
    assert kinds(program(dense("x", "z"), later=["z"])) == [FindingKind.OVERLAP]


def test_stores_over_an_input_need_a_declared_output():
    assert kinds(program(dense("x", "x"))) == [FindingKind.OVERLAP]
    assert kinds(program(dense("x", "x"), outputs=["x"])) == []


def test_stores_over_constants_are_reported():
    built = program(lambda x, y, z, weight: dense_stream(x, weight, weight))
    assert kinds(built) == [FindingKind.OVERLAP]


def record_race(runtime):
    runtime.load_2d(INP, 0, 0, 1)
    runtime.load_2d(WGT, 0, 0, 1)
    runtime.gemm([(0, 0, 0)], reset=True)
    runtime.gemm([(0, 0, 0)])


def test_a_runtime_refuses_a_race_and_goes_on():
    with open_target(MODEL) as target:
        runtime = Runtime(target)
        record_race(runtime)
        with pytest.raises(CheckError, match="WGT.0.") as caught:
            runtime.sync()
        assert caught.value.findings[0].other is not None
        assert runtime.allocator.blocks == {} and len(runtime) == 0
        record_race(runtime)
        runtime.clear()
        assert runtime.sync().counters["INSTRUCTIONS"] == 1
        unchecked = Runtime(target, check=False)
        record_race(unchecked)
        unchecked.sync()


def test_data_of_an_earlier_sync_may_be_read():
    with open_target(MODEL) as target:
        runtime = Runtime(target, serial=True)
        out = runtime.allocate(64)
        runtime.store(0, out, 1)
        with pytest.raises(CheckError, match="nothing has written"):
            runtime.sync()
        runtime.gemm([(0, 0, 0)], reset=True)
        runtime.sync()
        runtime.store(0, out, 1)
        runtime.sync()
        other = Runtime(target, serial=True)  # knows nothing of it
        other.store(0, out, 1)
        with pytest.raises(CheckError, match="nothing has written"):
            other.sync()


def test_failed_launch_leaves_only_earlier_data_known():
    with open_target(MODEL) as target:
        runtime = Runtime(target, serial=True)
        runtime.gemm([(0, 0, 0)], reset=True)
        runtime.sync()
        runtime.gemm([(4, 0, 0)], reset=True, iter_in=3, dst_factor=(0, 1))
        runtime.alu([(4, 0)], AluOpcode.ADD, imm=-1, iter_in=3, dst_factor=(0, 1))
        runtime.alu([(0, 4)], AluOpcode.RQT, imm=0)  # shift -1: the device refuses it
        with pytest.raises(DeviceError, match="RQT_PARAMETER"):
            runtime.sync()
        runtime.store(4, runtime.allocate(64), 1)
        with pytest.raises(CheckError, match="nothing has written"):
            runtime.sync()
        runtime.store(0, runtime.allocate(64), 1)
        runtime.sync()


def test_a_repeated_stream_is_not_checked_again():
    with open_target(MODEL) as target:
        runtime = Runtime(target, serial=True)
        seen = []
        inner = runtime._checker._checker
        check = inner.check
        inner.check = lambda *given, **named: (seen.append(1), check(*given, **named))[1]
        for _ in range(5):
            runtime.gemm([(0, 0, 0)], reset=True)
            runtime.sync()
        assert len(seen) == 2  # the second time ACC[0] was written before


def test_an_empty_launch_costs_little():
    with open_target(MODEL) as target:
        runtime = Runtime(target)
        runtime.sync()
        verdict = []
        stream = StreamBuilder(CONFIG).finish()
        bases = dict.fromkeys(MemoryType, 0)
        started = time.perf_counter()
        for _ in range(1000):
            verdict.append(runtime._checker.require(
                stream, 0, bases, target.window, runtime._chip
            ))
        assert (time.perf_counter() - started) / 1000 < 100e-6
        assert len(set(map(id, verdict))) == 1
