"""Programs: sizes of tensors, code of launches, and every contradiction that is refused."""

import re

import pytest
from driver_programs import CONFIG, INP

from myvta.driver import (
    HostStep,
    LaunchStep,
    Program,
    ProgramError,
    ProgramTensor,
    Segment,
    StreamBuilder,
)
from myvta.isa.opcodes import MemoryType

CODE = StreamBuilder(CONFIG).finish().code


def program(**changes):
    values = {
        "name": "p", "config": CONFIG, "size": 4096,
        "segments": (Segment("code", 64, CODE),),
        "tensors": (ProgramTensor(name="a", shape=(1, 4), offset=128, memory_type=INP),
                    ProgramTensor(name="h", shape=(2,), dtype="float32")),
        "steps": (LaunchStep(layer="l", code=64, count=1, inputs=("a",)),),
        "inputs": ("a",), "outputs": ("a",),
    }
    return Program(**{**values, **changes})


def one(**changes):
    return (ProgramTensor(**{**vars(program().tensors[0]), **changes}),)


def test_valid_program_is_accepted():
    assert program().code(program().launches[0]) == CODE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"segments": (Segment("a", 0, bytes(65)), Segment("b", 64, CODE))},
         "segments 'a' and 'b' overlap"),
        ({"size": 70}, "segment 'code' ends at 80, past the size 70"),
        ({"tensors": one() * 2}, "two tensors have the same name"),
        ({"tensors": one(dtype="object")}, "tensor 'a' has dtype 'object'; known: bool, int8"),
        ({"tensors": one(shape=(0, 4))}, "tensor 'a' has the empty shape (0, 4)"),
        ({"tensors": one(shape=(4,))}, "tensor 'a': a tiled tensor has at least two axes"),
        ({"tensors": one(scale=(-1.0,))}, "scale that is not positive"),
        ({"tensors": one(scale=(float("nan"),))}, "scale that is not positive"),
        ({"tensors": one(scale=(1.0, 1.0))}, "has 2 scales, not one per axis index"),
        ({"tensors": one(offset=None)}, "tensor 'a' has tiles but no offset"),
        ({"tensors": one(dtype="int32")}, "tensor 'a': INP does not hold int32"),
        ({"tensors": one(memory_type=MemoryType.UOP)}, "tensor 'a' cannot be UOP"),
        ({"tensors": one(offset=130)}, "not a multiple of 4"),
        ({"tensors": one(offset=4096)}, "at 4096..4100 is outside 0..4096"),
        ({"tensors": one(offset=-4)}, "is outside 0..4096"),
        ({"tensors": one(offset=76)}, "tensor 'a' overlaps segment 'code'"),
        ({"inputs": ("z",)}, "program 'p' has no tensor 'z'"),
        ({"inputs": ()}, "step 0 (l) reads 'a' before a step produces it"),
        ({"outputs": ("h",)}, "no step makes the output 'h'"),
        ({"steps": (LaunchStep(layer="l", code=64, count=2),)}, "bytes 0x40 + 32 are in no segm"),
        ({"steps": (LaunchStep(layer="l", code=65, count=1),)}, "code must be a multiple of 16"),
        ({"steps": (LaunchStep(layer="l", code=64, count=0),)}, "count positive"),
        ({"steps": (LaunchStep(layer="l", code=64, count=1, uops=8192),)}, "micro-ops at 8192"),
        ({"steps": (LaunchStep(layer="l", code=64, count=1, notes=("a", "b")),)},
         "launch 'l' has 2 notes for 1 instructions"),
        ({"steps": (LaunchStep(layer="l", code=64, count=1, outputs=("h",)),)},
         "launch 'l' uses 'h', which is not in device memory"),
        ({"steps": (HostStep(layer="l", op="x", outputs=("q",)),)}, "has no tensor 'q'"),
    ],
)
def test_contradictory_fields_are_refused(changes, message):
    with pytest.raises(ProgramError, match=re.escape(message)):
        program(**changes)


@pytest.mark.parametrize(("tensor", "size"), [
    # 6 channels are 2 tiles of 4
    (ProgramTensor(name="a", shape=(1, 6, 1, 2), memory_type=INP), 2 * 2 * 4),
    (ProgramTensor(name="a", shape=(3, 5), dtype="int32", memory_type=MemoryType.ACC),
     3 * 2 * 4 * 4),
    (ProgramTensor(name="a", shape=(3, 5), dtype="float64"), 3 * 5 * 8),
    (ProgramTensor(name="a", shape=(), dtype="int16"), 2),
])
def test_bytes_of_a_tensor_include_padding_lanes_only_in_tiles(tensor, size):
    assert tensor.nbytes(CONFIG) == size


def test_launches_are_the_steps_of_the_accelerator_alone():
    made = program(steps=(
        HostStep(layer="first", op="x", outputs=("h",)), LaunchStep(layer="l", code=64, count=1),
    ))
    assert [step.layer for step in made.launches] == ["l"]
