"""Single instructions and the counters they move, worked by hand."""

import numpy as np
import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Finish, Gemm, Load, Store
from myvta.isa.opcodes import AluOpcode, MemoryType
from myvta.isa.register_map import BASE_REGISTERS, Reg
from myvta.model.dram import Dram, Window
from myvta.model.executor import BYTE_COUNTERS, Executor

CONFIG = named("1x4x4")  # tiles: INP 4 bytes, ACC 16


@pytest.fixture
def executor():
    executor = Executor(CONFIG, Dram(0, 4096))
    executor.start(Window(0, 4095), dict.fromkeys(BASE_REGISTERS.values(), 0))
    executor.pads.uop[:] = 0
    return executor


def moved(executor):
    return {register.name: count for register, count in executor.counters.items() if count}


@pytest.mark.parametrize(
    ("instruction", "counters"),
    [
        (Load(memory_type=MemoryType.INP, y_size=2, x_size=3, x_pad_0=1), {"INP_BYTES": 24}),
        (Load(memory_type=MemoryType.ACC_8BIT, x_size=5), {"ACC_8BIT_BYTES": 20}),
        (Load(memory_type=MemoryType.ACC, y_size=0, x_size=3, y_pad_0=1), {}),
        (Store(x_size=2, y_size=2, x_stride=2), {"OUT_BYTES": 16}),
        (Store(x_size=0), {}),
        (Gemm(iter_out=2, iter_in=3), {"GEMM_STEPS": 6, "ACC_WRITES": 6}),
        (Gemm(iter_in=3, reset=1), {"ACC_WRITES": 3}),
        (Alu(iter_in=4, use_imm=1), {"ALU_STEPS": 4, "ACC_WRITES": 4}),
        (Gemm(iter_out=0), {}),
        (Finish(), {}),
    ],
)
def test_counters_of_one_instruction(executor, instruction, counters):
    executor.execute(instruction)
    assert moved(executor) == counters


def test_a_launch_starts_its_counters_at_zero_and_keeps_the_scratchpads(executor):
    executor.pads.acc[0] = 5
    executor.execute(Alu(alu_opcode=AluOpcode.ADD, use_imm=1, imm=2))
    executor.completed()
    assert moved(executor) == {"INSTRUCTIONS": 1, "ALU_STEPS": 1, "ACC_WRITES": 1}
    executor.start(Window(0, 4095), {})
    assert moved(executor) == {}
    np.testing.assert_array_equal(executor.pads.acc[0], np.full((1, 4), 7))


def test_every_memory_type_has_a_byte_counter():
    assert set(BYTE_COUNTERS) == set(MemoryType)
    assert len(set(BYTE_COUNTERS.values())) == len(BYTE_COUNTERS)
    assert BYTE_COUNTERS[MemoryType.OUT] == Reg.OUT_BYTES
