"""Random programs: the fast model against the scalar reference, bit by bit."""

from dataclasses import replace

import numpy as np
import pytest
import scalar_reference as reference
from hypothesis import HealthCheck, given, settings, strategies as st

from myvta.isa.alu_operations import ALU_OPERATIONS
from myvta.isa.config import named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.instructions import Alu, Dwc, Finish, Gemm, Load, Store, Uop, encode_uop, route
from myvta.isa.legality import forwards_to_weights
from myvta.isa.opcodes import AluOpcode, MemoryType, Module
from myvta.model.device import Device
from myvta.model.model_errors import DeviceFault

MEMORY = 1 << 15
CONFIGS = {name: named(name) for name in ("1x4x4", "2x8x8", "1x4x4_int4", "1x4x4_base")}
CONFIGS |= {
    f"{name} with all": CONFIGS[name].replace(**dict.fromkeys(EXTENSION_NAMES, True))
    for name in ("1x4x4", "2x8x8")
}
CONFIGS["1x4x4_int4 with all"] = CONFIGS["1x4x4_int4"].replace(
    **{name: name != "weights4" for name in EXTENSION_NAMES})
PROGRAMS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@st.composite
def loads(draw, config, kind):
    depth, element = config.depth(kind), config.tile_bytes(kind)
    pads = [draw(st.integers(0, 2)) for _ in range(4)]
    x_size, y_size = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    if kind == MemoryType.LUT:  # there are four tables
        pads, x_size, y_size = [0, pads[1] // 2, 0, pads[3] // 2], min(x_size, 1), min(y_size, 1)
    tiles = (pads[2] + x_size + pads[3]) * (pads[0] + y_size + pads[1])
    x_stride = draw(st.integers(0, 6))
    span = (y_size * x_stride + x_size) * element
    return Load(
        memory_type=kind, sram_base=draw(st.integers(0, depth - tiles)),
        dram_base=draw(st.integers(0, (MEMORY - span) // element)),
        y_size=y_size, x_size=x_size, x_stride=x_stride,
        y_pad_0=pads[0], y_pad_1=pads[1], x_pad_0=pads[2], x_pad_1=pads[3],
    )


@st.composite
def stores(draw, config):
    depth, element = config.depth(MemoryType.OUT), config.tile_bytes(MemoryType.OUT)
    x_size, y_size = draw(st.integers(0, 4)), draw(st.integers(0, 3))
    x_stride = draw(st.integers(0, 6))
    span = (y_size * x_stride + x_size) * element
    return Store(
        sram_base=draw(st.integers(0, depth - x_size * y_size)),
        dram_base=draw(st.integers(0, (MEMORY - span) // element)),
        y_size=y_size, x_size=x_size, x_stride=x_stride,
    )


@st.composite
def forwards(draw, config):
    kinds = [MemoryType.INP, *[MemoryType.WGT] * forwards_to_weights(config)]
    kind = draw(st.sampled_from(kinds))
    places = config.depth(kind) * (config.block_out if kind == MemoryType.WGT else 1)
    x_size, y_size, x_stride = (draw(st.integers(0, n)) for n in (4, 3, 6))
    return Store(
        memory_type=kind, sram_base=draw(st.integers(0, 40)), y_size=y_size, x_size=x_size,
        x_stride=x_stride, dram_base=draw(st.integers(0, min(80, places - 40))),
    )


@st.composite
def steps(draw, config):
    """Loop fields over the first uops; small trip counts, factors that often collide."""
    begin = draw(st.integers(0, 3))
    factor = st.sampled_from((0, 0, 1, 1, 2, 3, 5))
    return {
        "uop_bgn": begin, "uop_end": draw(st.integers(0, 12)),
        "iter_out": draw(st.integers(0, 3)), "iter_in": draw(st.integers(0, 4)),
        "dst_factor_out": draw(factor), "dst_factor_in": draw(factor),
        "src_factor_out": draw(factor), "src_factor_in": draw(factor),
    }


@st.composite
def gemms(draw, config):
    factor = st.sampled_from((0, 0, 1, 1, 2, 3))
    overwrite = draw(st.booleans()) if config.overwrite else 0
    return Gemm(
        **draw(steps(config)), reset=int(draw(st.integers(0, 5)) == 0), overwrite=int(overwrite),
        wgt_factor_out=draw(factor), wgt_factor_in=draw(factor),
    )


@st.composite
def dwcs(draw, config):
    return Dwc(
        **draw(steps(config)), reset=int(draw(st.integers(0, 5)) == 0),
        overwrite=int(config.overwrite and draw(st.booleans())),
        row_pitch=draw(st.integers(0, 9)), window=draw(st.integers(0, config.taps - 1)),
    )


@st.composite
def alus(draw, config):
    opcodes = [row.opcode for row in ALU_OPERATIONS.values() if row.supported(config)]
    opcode = draw(st.sampled_from(opcodes))
    if opcode == AluOpcode.RED:
        return Alu(**draw(steps(config)), alu_opcode=opcode, imm=draw(st.integers(0, 2)))
    rqt = opcode == AluOpcode.RQT
    edge = st.sampled_from((0, 1, -1, 31, 32, -31, -32, -33, 32767, -32768))
    tables = st.integers(0x800, 0x3FFF) if config.lookup else st.nothing()
    imm = draw(st.integers(0, 0x7FF) | tables if rqt else st.one_of(edge, st.integers(-40, 40)))
    return Alu(
        **draw(steps(config)), alu_opcode=opcode, imm=imm,
        use_imm=1 if rqt else draw(st.integers(0, 1)),
    )


@st.composite
def programs(draw, config):
    instruction = st.one_of(
        *(loads(config, kind) for kind in (MemoryType.INP, MemoryType.WGT, MemoryType.ACC)),
        loads(config, MemoryType.ACC_8BIT), stores(config),
        *[gemms(config)] * 4, *[alus(config)] * 4, *[dwcs(config)] * (3 * config.depthwise),
        *[forwards(config)] * (2 * config.forward),
        *[loads(config, MemoryType.LUT)] * config.lookup,
        *[loads(config, MemoryType.WGT_4BIT)] * config.weights4,
    )
    index = st.integers(0, 11)
    uops = draw(st.lists(st.builds(Uop, dst=index, src=index, wgt=index), min_size=12, max_size=12))
    body = draw(st.lists(instruction, min_size=1, max_size=12))
    seed = draw(st.integers(0, 2**32 - 1))
    return uops, body, seed


def prepare(config, uops, body, seed):
    """Return stream and memory: random bytes, uops at 0, most RQT parameters in range."""
    rng = np.random.default_rng(seed)
    memory = bytearray(rng.integers(0, 256, MEMORY, np.uint8).tobytes())
    words = b"".join(encode_uop(uop, config).to_bytes(4, "little") for uop in uops)
    memory[: len(words)] = words
    tile = config.lanes * 4
    parameters = MEMORY // 2
    values = rng.integers(-(2**31), 2**31, (32, config.lanes))
    values[1::3] = rng.integers(0, 2**31, values[1::3].shape)
    values[2::3] = rng.integers(0, 32, values[2::3].shape)
    memory[parameters : parameters + 32 * tile] = values.astype("<i4").tobytes()
    first = [
        Load(memory_type=MemoryType.UOP, x_size=12),
        Load(memory_type=MemoryType.ACC, x_size=32, dram_base=parameters // tile),
        Load(memory_type=MemoryType.INP, x_size=16, dram_base=7),
        Load(memory_type=MemoryType.WGT, x_size=16, dram_base=3),
    ]
    last = Store(x_size=64, dram_base=0)
    return [*first, *body, last, Finish()], memory


def serialize(stream):
    """Chain every instruction to the next with tokens through compute."""
    idle = Load(memory_type=MemoryType.UOP, x_size=0)
    out = []
    for instruction in stream:
        module = route(instruction)
        if module == Module.LOAD:
            out += [
                replace(idle, push_prev=1), replace(instruction, pop_next=1, push_next=1),
                replace(idle, pop_prev=1),
            ]
        elif module == Module.STORE:
            out += [
                replace(idle, push_next=1), replace(instruction, pop_prev=1, push_prev=1),
                replace(idle, pop_next=1),
            ]
        else:
            out.append(instruction)
    return out


def agree(config, stream, memory, seed):
    """Run both; every memory must be equal, or both must stop for the same reason."""
    device = Device(config, memory_size=MEMORY, seed=seed)
    device.open_window()
    device.memory.write(0, memory)
    scalar = reference.ScalarDevice(config, memory)
    stopped = None
    try:
        scalar.run(stream)
    except reference.Stopped as stop:
        stopped = stop.args[0]
    if stopped:
        with pytest.raises(DeviceFault, match=f"^{stopped} at instruction"):
            device.run_stream(serialize(stream))
        return
    device.run_stream(serialize(stream))
    lanes = config.lanes
    assert device.pads.uop.tolist() == scalar.uop
    assert device.pads.inp.reshape(-1, config.batch * config.block_in).tolist() == scalar.inp
    assert device.pads.wgt.reshape(len(scalar.wgt), -1).tolist() == scalar.wgt
    assert device.pads.acc.reshape(-1, lanes).tolist() == scalar.acc
    assert device.pads.lut.tolist() == scalar.lut
    assert device.memory.read(0, MEMORY) == bytes(memory)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_random_programs_equal_the_scalar_reference(name):
    config = CONFIGS[name]

    @PROGRAMS
    @given(programs(config))
    def check(program):
        uops, body, seed = program
        stream, memory = prepare(config, uops, body, seed)
        agree(config, stream, memory, seed % 3 or None)

    check()
