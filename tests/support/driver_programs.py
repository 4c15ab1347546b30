"""Small programs written by hand, and their results."""

import numpy as np

from myvta.driver import ProgramBuilder, ProgramTensor, StreamBuilder
from myvta.driver.program.tensor_layout import pack_tensor
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode, MemoryType

__all__ = [
    "CONFIG", "INP", "OUT", "SHAPE", "WEIGHT", "WGT", "dense", "dense_stream", "negate", "network",
    "program", "racing_stream",
]

CONFIG = named("1x4x4")
INP, WGT, OUT = MemoryType.INP, MemoryType.WGT, MemoryType.OUT
SHAPE = (2, 8)
WEIGHT = np.random.default_rng(1).integers(-8, 8, (8, 8))


def dense_stream(x, weight, y):
    """Return ``clip((x @ w.T) >> 2)`` of 2 x 8 by 8 x 8, as instructions."""
    unit = CONFIG.tile_bytes
    stream = StreamBuilder(CONFIG, serial=True)
    stream.note("dense")
    stream.load_2d(INP, 0, x // unit(INP), 4)
    stream.load_2d(WGT, 0, weight // unit(WGT), 4)
    stream.gemm([(0, 0, 0)], iter_in=4, dst_factor=(0, 1), reset=True)
    for inner in range(2):
        stream.gemm([(0, inner, inner), (1, inner, inner + 2)], iter_in=2, dst_factor=(0, 2),
                    src_factor=(0, 2))
    for opcode, imm in ((AluOpcode.SHR, 2), (AluOpcode.MAX, -128), (AluOpcode.MIN, 127)):
        stream.alu([(0, 0)], opcode, imm=imm, iter_in=4, dst_factor=(0, 1))
    stream.store_2d(0, y // unit(OUT), 4)
    return stream.finish()


def dense(x):
    return np.clip((x @ WEIGHT.T) >> 2, -128, 127)


def network(name="net"):
    """Return quantize, two dense layers, a host negation, dequantize."""
    builder = ProgramBuilder(name, CONFIG)
    weight = builder.constant("weight", pack_tensor(WEIGHT, WGT, CONFIG))
    for label in ("image", "logits"):
        builder.add(ProgramTensor(name=label, shape=SHAPE, dtype="float32"))
    x, a, b, c = (
        builder.tensor(label, SHAPE, INP, scale=[0.5], layer=label[:2]) for label in
        ("x", "d1.out", "d2.out", "neg.out")
    )
    builder.host("in", "quantize", ["image"], ["x"])
    builder.launch("d1", dense_stream(x.offset, weight, a.offset), ["x"], ["d1.out"])
    builder.launch("d2", dense_stream(a.offset, weight, b.offset), ["d1.out"], ["d2.out"])
    builder.host("neg", "negate", ["d2.out"], ["neg.out"], payload=b"\x00op",
                 attributes={"by": 1}, reason="no NEG")
    builder.host("out", "dequantize", ["neg.out"], ["logits"])
    assert c.offset is not None
    return builder.build(["image"], ["logits"], info={"made": "by hand"},
                         attachments={"calib.npz": b"123"})


def negate(step, inputs, program):
    assert (step.op, step.payload, step.attributes) == ("negate", b"\x00op", {"by": 1})
    assert program.tensor("x").scale == (0.5,)
    return [np.clip(-inputs[0].astype(int), -128, 127)]


def racing_stream():
    stream = StreamBuilder(CONFIG)
    stream.note("conv1")
    stream.load_2d(INP, 0, 0, 1)
    stream.load_2d(WGT, 0, 0, 1)
    stream.gemm([(0, 0, 0)], reset=True)
    stream.gemm([(0, 0, 0)])
    return stream.finish()


def program(stream, *, inputs=("x",), outputs=(), later=()):
    """Return a program of one launch and tensors x, y (128 bytes each) and constant w."""
    builder = ProgramBuilder("one", CONFIG)
    places = {name: builder.tensor(name, (2, 8), INP).offset for name in "xyz"}
    weight = builder.constant("w", pack_tensor(np.zeros((8, 8), int), WGT, CONFIG))
    builder.launch("first", stream(weight=weight, **places), inputs, outputs)
    return builder.build(["x", *later], [*outputs, *later])
