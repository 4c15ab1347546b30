"""The runtime on a device, each result against numpy; the same suite on every target."""

import textwrap
from pathlib import Path

import numpy as np
import pytest
from runtime_values import accumulators, as_out, random_lanes

from myvta.driver import (
    AllocationError,
    DeviceError,
    OutOfMemoryError,
    Runtime,
    StreamError,
    TargetTimeout,
    open_target,
)
from myvta.driver.errors import IdentityError
from myvta.isa.instructions import Alu, Load
from myvta.isa.opcodes import AluOpcode, ErrorCode, MemoryType, Module

INP, WGT, ACC = MemoryType.INP, MemoryType.WGT, MemoryType.ACC
LOAD, COMPUTE, STORE = Module


def sizes(config):
    """Return rows, inner and columns of a product that is 3 x 4 x 2 tiles with ragged edges."""
    block, batch = config.block_in, config.batch
    return 3 * batch - (batch > 1), 4 * block - 1, 2 * block - 3


def record_matmul(runtime, x, w, out, shift):
    """Record ``clip((x @ w.T) >> shift)`` for operands of ``sizes``."""
    m, k, n = 3, 4, 2
    runtime.load(INP, 0, x, m * k)
    runtime.load(WGT, 0, w, n * k)
    runtime.gemm([(0, 0, 0)], iter_out=m, iter_in=n, dst_factor=(n, 1), reset=True)
    kernel = [(column, 0, column * k) for column in range(n)]
    runtime.gemm(kernel, iter_out=m, iter_in=k, dst_factor=(n, 0), src_factor=(k, 1),
                 wgt_factor=(0, 1))
    half = 1 << (runtime.config.out_width - 1)
    for opcode, imm in (
        (AluOpcode.SHR, shift), (AluOpcode.MAX, -half), (AluOpcode.MIN, half - 1)
    ):
        runtime.alu([(0, 0)], opcode, imm=imm, iter_out=m * n, dst_factor=(1, 0))
    runtime.store(0, out, m * n)


def expected_matmul(x, w, shift, config):
    half = 1 << (config.out_width - 1)
    return np.clip((x @ w.T) >> shift, -half, half - 1)


def test_tiled_matmul_equals_numpy(runtime):
    config = runtime.config
    rows, inner, columns = sizes(config)
    x = random_lanes(1, (rows, inner), config.inp_width)
    w = random_lanes(2, (columns, inner), config.wgt_width)
    shift = config.inp_width - 2
    out = runtime.room((rows, columns), MemoryType.OUT)
    record_matmul(runtime, runtime.put(x, INP), runtime.put(w, WGT), out, shift)
    report = runtime.sync()
    assert np.array_equal(runtime.get(out, (rows, columns)), expected_matmul(x, w, shift, config))
    assert report.counters["GEMM_STEPS"] == 3 * 4 * 2
    assert report.counters["ALU_STEPS"] == 3 * 6
    assert report.counters["OUT_BYTES"] == 6 * config.tile_bytes(MemoryType.OUT)
    assert report.warnings == ()


def test_overwrite_needs_no_reset(runtime):
    config = runtime.config
    if not config.overwrite:
        with pytest.raises(StreamError, match="overwrite is not in configuration"):
            runtime.gemm([(0, 0, 0)], overwrite=True)
        return
    x = random_lanes(3, (config.batch, config.block_in), 4)
    w = random_lanes(4, (config.block_out, config.block_in), 4)
    out = runtime.room((config.batch, config.block_out), MemoryType.OUT)
    runtime.load(INP, 0, runtime.put(x, INP), 1)
    runtime.load(WGT, 0, runtime.put(w, WGT), 1)
    for _ in range(2):
        runtime.gemm([(0, 0, 0)], overwrite=True)
    runtime.store(0, out, 1)
    runtime.sync()
    assert np.array_equal(
        runtime.get(out, (config.batch, config.block_out)), as_out(x @ w.T, config)
    )


def test_kernels_beyond_the_buffer_are_reloaded(runtime):
    config = runtime.config
    depth, count = config.depth(MemoryType.UOP), 5
    size = depth // 4
    tiles = 4
    want = np.zeros((config.batch, config.block_out, tiles), dtype=np.int64)
    runtime.load(ACC, 0, runtime.put(want.astype(int), ACC), tiles)
    kernels = [
        np.stack([(np.arange(size) * (number + 1) + number) % tiles, np.full(size, number),
                  np.zeros(size, int)], axis=1)
        for number in range(count)
    ]
    order = [0, 1, 2, 3, 3, 2, 4, 0, 4, 1]
    for number in order:
        runtime.alu(kernels[number], AluOpcode.ADD, imm=number + 1)
        np.add.at(want, (slice(None), slice(None), kernels[number][:, 0]), number + 1)
    report = runtime.sync()
    # 0 1 2 3 fill the buffer, 4 takes 0's place, 0 takes 1's, 1 takes 2's
    assert report.counters["UOP_BYTES"] == 4 * size * 7
    assert np.array_equal(accumulators(runtime, tiles), want)


def double_buffered(runtime, x, w, out, tiles):
    """Add up ``tiles`` products per column with two halves of INP and WGT in turn."""
    half_inp = runtime.config.depth(INP) // 2
    half_wgt = runtime.config.depth(WGT) // 2
    runtime.gemm([(0, 0, 0)], reset=True)
    for _ in range(2):
        runtime.push(COMPUTE, LOAD)
    for step in range(tiles):
        side = step % 2
        runtime.pop(COMPUTE, LOAD)
        runtime.load(INP, side * half_inp, x, 1, offset=step)
        runtime.load(WGT, side * half_wgt, w, 1, offset=step)
        runtime.push(LOAD, COMPUTE)
        runtime.pop(LOAD, COMPUTE)
        runtime.gemm([(0, side * half_inp, side * half_wgt)])
        if step < tiles - 2:
            runtime.push(COMPUTE, LOAD)
    runtime.push(COMPUTE, STORE)
    runtime.pop(COMPUTE, STORE)
    runtime.store(0, out, 1)


@pytest.mark.parametrize("serial", [False, True])
def test_double_buffered_loads_give_the_same_result(target, serial):
    config, tiles = target.config, 9
    runtime = Runtime(target, serial=serial)
    x = random_lanes(12, (config.batch, tiles * config.block_in), 4)
    w = random_lanes(13, (config.block_out, tiles * config.block_in), 4)
    shape = (config.batch, config.block_out)
    out = runtime.room(shape, MemoryType.OUT)
    double_buffered(runtime, runtime.put(x, INP), runtime.put(w, WGT), out, tiles)
    report = runtime.sync()
    assert report.warnings == ()
    assert np.array_equal(runtime.get(out, shape), as_out(x @ w.T, config))


def test_tokens_left_over_are_a_warning(target):
    runtime = Runtime(target)
    runtime.push(COMPUTE, LOAD)
    assert runtime.sync().warnings == ("dependency tokens were unconsumed at FINISH",)
    assert runtime.sync().warnings == ()


def test_deadlock_is_an_error_and_the_device_stays_usable(target):
    runtime = Runtime(target, check=False)
    buffer = runtime.put(np.zeros((1, 1), int), INP)
    runtime.pop(COMPUTE, LOAD)
    runtime.load(INP, 0, buffer, 1)
    runtime.push(LOAD, COMPUTE)
    runtime.pop(LOAD, COMPUTE)
    runtime.alu([(0, 0)], AluOpcode.ADD, imm=0)
    runtime.push(COMPUTE, LOAD)
    with pytest.raises(DeviceError, match="DEADLOCK at instruction 0") as caught:
        runtime.sync()
    assert caught.value.code == ErrorCode.DEADLOCK
    assert len(runtime) == 0
    assert runtime.sync().counters["INSTRUCTIONS"] == 1


@pytest.mark.verilator
def test_abandoned_launch_keeps_its_code():
    with open_target("verilator://?config=1x4x4&mem=0:64K") as target:
        runtime = Runtime(target, serial=True, check=False)
        for _ in range(2):  # 600,000 steps; then the device is still busy
            runtime.alu([(0, 0)], AluOpcode.ADD, imm=1, iter_out=1000, iter_in=600)
            with pytest.raises(TargetTimeout, match="launch to end; CONTROL reads 0x1, CYCLES"):
                runtime.sync(timeout=0)
        assert len(runtime.allocator.blocks) == 4
        runtime.alu([(0, 0)], AluOpcode.ADD, imm=1)
        assert runtime.sync().counters["ALU_STEPS"] == 1
        assert runtime.allocator.blocks == {}


def test_a_fault_quotes_the_note(unchecked):
    depth = unchecked.config.depth(ACC)
    unchecked.alu([(0, 0)], AluOpcode.ADD, imm=1)
    unchecked.note("layer 7, tile 3")
    unchecked.alu([(depth - 1, 0)], AluOpcode.ADD, imm=1, iter_in=2, dst_factor=(0, 1))
    with pytest.raises(DeviceError) as caught:
        unchecked.sync()
    error = caught.value
    assert (error.code, error.note) == (ErrorCode.STEP_INDEX, "layer 7, tile 3")
    assert error.instruction.startswith("alu ")


def test_raw_instructions_reach_the_device(unchecked):
    unchecked.emit(Alu(alu_opcode=5))
    with pytest.raises(DeviceError, match="ALU_OPCODE at instruction 0"):
        unchecked.sync()
    unchecked.emit(Load(memory_type=MemoryType.OUT, x_size=1))
    with pytest.raises(DeviceError, match="MEMORY_TYPE at instruction 0"):
        unchecked.sync()


def test_a_load_outside_the_window_is_refused_by_the_device(unchecked):
    base, size = unchecked.target.window
    unit = unchecked.config.tile_bytes(INP)
    unchecked.load_2d(INP, 0, size // unit, 1)
    with pytest.raises(DeviceError, match="WINDOW at instruction 0"):
        unchecked.sync()


def test_memory_of_a_launch_is_freed(runtime):
    runtime.gemm([(0, 0, 0)], reset=True)
    runtime.sync()
    assert runtime.allocator.blocks == {}
    buffer = runtime.allocate(64)
    runtime.free(buffer)
    with pytest.raises(AllocationError, match="freed twice"):
        runtime.free(buffer)
    assert runtime.allocator.free_bytes == runtime.target.window[1]


def test_too_little_memory_for_code_is_refused(runtime):
    hog = runtime.allocate(runtime.target.window[1])
    with pytest.raises(OutOfMemoryError, match="instructions and micro-ops: asked for 16 bytes, 0"):
        runtime.sync()
    runtime.free(hog)
    assert runtime.sync().counters["INSTRUCTIONS"] == 1


def test_another_device_is_refused():
    class Other:
        """A target that says it has another configuration than its device."""

        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

    with open_target("model://?config=1x4x4&mem=0:4K") as inner, open_target(
        "model://?config=1x8x8&mem=0:4K"
    ) as wanted:
        other = Other(inner)
        other.config = wanted.config
        with pytest.raises(IdentityError, match="it is '1x4x4': LOG_BLOCK expected 3, device 2"):
            Runtime(other)


def test_documented_example_runs(capsys):
    text = (Path(__file__).parents[4] / "docs" / "runtime.md").read_text(encoding="utf-8")
    example = text.split("## The JIT runtime\n\n")[1].split("\n\n`Runtime` is")[0]
    inputs = random_lanes(20, (1, 64), 8)
    weights = random_lanes(21, (16, 64), 8)
    exec(textwrap.dedent(example), {"inputs": inputs, "weights": weights})
    want = (inputs @ weights.T) >> 10
    assert np.abs(want).max() < 128
    assert capsys.readouterr().out == f"{want.astype(np.int8)} 0\n"
