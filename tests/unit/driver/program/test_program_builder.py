"""Programs put together: offsets, constants of launches, steps in order, and the limit."""

import pytest
from driver_programs import CONFIG, INP

from myvta.driver import (
    OutOfMemoryError,
    ProgramBuilder,
    ProgramError,
    ProgramTensor,
    StreamBuilder,
)


def test_memory_is_taken_from_offset_0_in_whole_pages():
    builder = ProgramBuilder("p", CONFIG)
    assert builder.constant("w", b"abc") == 0
    assert builder.constant("v", b"de", 4) == 4
    x = builder.tensor("x", (1, 6, 1, 2), INP)
    assert (x.offset, x.dtype, x.nbytes(CONFIG)) == (4096, "int8", 16)
    program = builder.build(["x"], ["x"])
    assert program.size == 8192
    assert [(item.name, item.offset, item.data) for item in program.segments] == [
        ("w", 0, b"abc"), ("v", 4, b"de"),
    ]


def test_freed_memory_is_taken_again_and_the_size_is_the_maximum():
    builder = ProgramBuilder("p", CONFIG)
    first = builder.reserve(3 * 4096)
    builder.allocator.free(first)
    assert builder.reserve(16) == 0
    assert builder.build([], []).size == 3 * 4096


def test_a_tensor_at_an_offset_shares_memory_and_counts_for_the_size():
    builder = ProgramBuilder("p", CONFIG)
    x = builder.tensor("x", (1, 4), INP)
    far = builder.tensor("far", (1, 8), INP, offset=8188)
    view = builder.tensor("view", (1, 4), INP, offset=x.offset, scale=[0.5], layer="flat")
    assert (view.offset, view.scale, view.layer) == (x.offset, (0.5,), "flat")
    assert far.offset == 8188
    assert builder.build(["x"], []).size == 12288  # 8188 + 8 bytes reach into a third page


def test_a_launch_makes_constants_of_its_instructions_and_micro_ops():
    builder = ProgramBuilder("p", CONFIG)
    stream = StreamBuilder(CONFIG, serial=True)
    stream.gemm([(0, 0, 0)], reset=True)
    built = stream.finish()
    step = builder.launch("l", built)
    program = builder.build([], [])
    assert [item.name for item in program.segments] == ["l.code", "l.uops"]
    assert (program.code(step), step.count) == (built.code, len(built))
    assert step.uops == program.segments[1].offset and program.segments[1].data == built.uops
    assert step.notes == ()  # none of the instructions has one


def test_a_launch_without_micro_ops_has_no_segment_for_them():
    builder = ProgramBuilder("p", CONFIG)
    step = builder.launch("empty", StreamBuilder(CONFIG).finish())
    assert (step.uops, step.count) == (0, 1)
    assert [item.name for item in builder.build([], []).segments] == ["empty.code"]


def test_steps_keep_their_order_and_attributes_are_copied():
    builder, attributes = ProgramBuilder("p", CONFIG), {"axis": 1}
    builder.add(ProgramTensor(name="h", shape=(2,), dtype="float32"))
    builder.host("soft", "onnx", [], ["h"], payload=b"m", attributes=attributes, reason="no exp")
    builder.launch("l", StreamBuilder(CONFIG).finish())
    attributes["axis"] = 2
    soft, launch = builder.build([], ["h"]).steps
    assert (soft.op, soft.payload, soft.attributes) == ("onnx", b"m", {"axis": 1})
    assert (soft.reason, launch.layer) == ("no exp", "l")


def test_a_program_over_its_limit_is_refused_with_the_name_of_the_part():
    builder = ProgramBuilder("p", CONFIG, limit=4096)
    builder.constant("first", bytes(4000))
    with pytest.raises(OutOfMemoryError, match="second"):
        builder.constant("second", bytes(100))


def test_contradictions_are_refused_by_build():
    with pytest.raises(ProgramError, match="program 'p' has no tensor 'x'"):
        ProgramBuilder("p", CONFIG).build(["x"], [])
