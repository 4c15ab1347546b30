"""ALU operations of the runtime, each against numpy."""

import numpy as np
import pytest
from runtime_values import accumulators, random_lanes, wrap32

from myvta.driver import StreamError, rqt_immediate
from myvta.isa.opcodes import AluOpcode, MemoryType

ACC = MemoryType.ACC


def shift_right(values, amount):
    wide = values.astype(object)
    moved = np.where(
        amount >= 0, wide >> np.minimum(np.maximum(amount, 0), 31).astype(object),
        wide << np.minimum(np.maximum(-amount, 0), 32).astype(object),
    )
    return wrap32(moved).astype(np.int64)


ALU = {
    AluOpcode.MIN: np.minimum, AluOpcode.MAX: np.maximum,
    AluOpcode.ADD: lambda p, q: wrap32(p + q), AluOpcode.SHR: shift_right,
    AluOpcode.MUL: lambda p, q: wrap32(p * q),
}


def test_chain_of_every_operation_equals_numpy(runtime):
    config = runtime.config
    tiles = 8
    shape = (config.batch, config.block_out, tiles)
    values = random_lanes(9, shape, 32)
    runtime.load(ACC, 0, runtime.put(values, ACC), tiles)
    want = values.astype(np.int64)
    for opcode, imm in (
        (AluOpcode.ADD, -3), (AluOpcode.MUL, 77), (AluOpcode.SHR, 3), (AluOpcode.SHR, -2),
        (AluOpcode.MAX, -30000), (AluOpcode.ADD, 32767), (AluOpcode.MUL, -9),
    ):
        runtime.alu([(0, 0)], opcode, imm=imm, iter_out=2, iter_in=4, dst_factor=(4, 1))
        want = ALU[opcode](want, np.int64(imm))
    for opcode in ALU:  # tile d takes tile d + 4, which is unchanged
        runtime.alu([(0, 4), (1, 5)], opcode, iter_out=2, dst_factor=(2, 0), src_factor=(2, 0))
        want[:, :, :4] = ALU[opcode](want[:, :, :4], want[:, :, 4:])
    runtime.sync()
    assert np.array_equal(accumulators(runtime, tiles), want)


def test_steps_of_one_instruction_are_sequential(runtime):
    config = runtime.config
    values = random_lanes(10, (config.batch, config.block_out, 6), 20)
    runtime.load(ACC, 0, runtime.put(values, ACC), 6)
    runtime.alu([(1, 0)], AluOpcode.ADD, iter_in=5, dst_factor=(0, 1), src_factor=(0, 1))
    runtime.sync()
    assert np.array_equal(accumulators(runtime, 6), np.cumsum(values, axis=2))


def test_rqt_equals_the_reference(runtime):
    config = runtime.config
    if not config.requantize:
        with pytest.raises(StreamError, match="RQT is not in configuration"):
            runtime.alu([(0, 0)], AluOpcode.RQT, imm=0)
        return
    shape, tiles, rng = (config.batch, config.block_out), 12, np.random.default_rng(11)
    values = rng.integers(-(1 << 20), 1 << 20, (*shape, tiles))
    bias = rng.integers(-(1 << 16), 1 << 16, shape)
    multiplier = rng.integers(1 << 29, 1 << 31, shape)
    right = rng.integers(18 - config.out_width, 22 - config.out_width, shape)
    runtime.load(ACC, 0, runtime.put(values, ACC), tiles)
    runtime.load(ACC, tiles, runtime.put(np.stack([bias, multiplier, right], 2), ACC), 3)
    runtime.alu([(0, tiles)], AluOpcode.RQT, imm=rqt_immediate(-2, relu=True), iter_in=tiles,
                dst_factor=(0, 1))
    out = runtime.room((*shape, tiles), MemoryType.OUT)
    runtime.store(0, out, tiles)
    runtime.sync()
    high, want = (1 << (config.out_width - 1)) - 1, np.zeros((*shape, tiles), int)
    for at in np.ndindex(want.shape):
        lane = at[:2]
        q = ((int(values[at]) + int(bias[lane])) * int(multiplier[lane]) + (1 << 30)) >> 31
        n = int(right[lane])
        want[at] = min(max(((q + (1 << n >> 1)) >> n) - 2, -2), high)
    assert {-2, high} < set(want.flat)
    assert np.array_equal(runtime.get(out, want.shape), want)
