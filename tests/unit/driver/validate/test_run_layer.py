"""run_layer: example inputs, a layer alone after the program or in its place, values."""

import numpy as np
import pytest
from driver_programs import CONFIG, INP, OUT, dense, negate, network

from myvta.driver import LoadedProgram, OutOfMemoryError, ProgramBuilder, ProgramTensor, open_target
from myvta.driver.program.launch_partition import split
from myvta.driver.program.tensor_layout import pack_tensor
from myvta.driver.validate.run_layer import example_inputs, read, run_layer, until, values
from myvta.isa.instructions import Finish, decode_stream
from myvta.isa.opcodes import INSTRUCTION_BYTES


def test_example_inputs_are_of_the_dtype_and_range_of_each_tensor():
    builder = ProgramBuilder("p", CONFIG)
    kinds = ("float32", "bool", "uint8", "int64")
    for kind in kinds:
        builder.add(ProgramTensor(name=kind, shape=(500,), dtype=kind))
    builder.tensor("tiles", (1, 400), INP)
    program = builder.build([*kinds, "tiles"], [])
    actual = example_inputs(program)
    assert {name: actual[name].dtype.name for name in kinds} == dict(zip(kinds, kinds, strict=True))
    ranges = {name: (int(actual[name].min()), int(actual[name].max())) for name in kinds[1:]}
    assert ranges == {"bool": (0, 1), "uint8": (0, 127), "int64": (-128, 127)}
    assert (actual["tiles"].min(), actual["tiles"].max()) == (-8, 7)
    again, other = example_inputs(program), example_inputs(program, 1)
    assert all(np.array_equal(actual[name], again[name]) for name in actual)
    assert not np.array_equal(actual["float32"], other["float32"])


@pytest.fixture
def loaded():
    """A program on a target without further memory, its first tensor written."""
    program = network()
    with open_target(f"model://?config=1x4x4&mem=0x10000:{program.size}") as target:
        loaded = LoadedProgram(program, target, negate)
        loaded.write("x", np.arange(-8, 8).reshape(2, 8))
        yield loaded


def test_layer_without_room_after_the_program_replaces_the_launch(loaded):
    step = loaded.program.launches[0]
    (layer,) = split(loaded.program, step)
    before = loaded.target.read_memory(loaded.base + step.code, step.count * INSTRUCTION_BYTES)
    run_layer(loaded, step, layer, 10)
    np.testing.assert_array_equal(
        loaded.read("d1.out"), dense(np.arange(-8, 8).reshape(2, 8)))
    after = loaded.target.read_memory(loaded.base + step.code, step.count * INSTRUCTION_BYTES)
    assert after == before == loaded.program.code(step)


def test_a_layer_longer_than_both_places_is_refused(loaded):
    step = loaded.program.launches[0]
    (layer,) = split(loaded.program, step)
    longer = type(layer)(layer.name, layer.code * 2, layer.indices * 2, (), ())
    with pytest.raises(OutOfMemoryError, match="layer 'dense' alone"):
        run_layer(loaded, step, longer, 10)


def test_layer_is_placed_after_the_program_where_it_fits():
    program = network()
    with open_target(f"model://?config=1x4x4&mem=0x10000:{program.size + 8192}") as target:
        loaded = LoadedProgram(program, target, negate)
        loaded.write("x", np.ones((2, 8), int))
        step = program.launches[0]
        (layer,) = split(program, step)
        run_layer(loaded, step, layer, 10)
        assert target.read_memory(loaded.base + program.size, len(layer.code)) == layer.code


def test_a_layer_can_end_after_each_of_its_instructions():
    program = network()
    (layer,) = split(program, program.launches[0])
    cut = until(layer, 3)
    *body, last = decode_stream(cut.code, CONFIG)
    assert (len(body), last) == (4, Finish())
    assert cut.indices == (0, 1, 2, 3, layer.indices[-1])


def test_values_are_those_of_raw_and_of_tiled_memory(loaded):
    raw = ProgramTensor(name="r", shape=(3,), dtype="int16", offset=0)
    np.testing.assert_array_equal(values(b"\1\0\xff\xff\0\2", raw, CONFIG), [1, -1, 512])
    tiled, array = ProgramTensor(name="t", shape=(2, 6), offset=0, memory_type=OUT), np.arange(12)
    data = pack_tensor(array.reshape(2, 6), OUT, CONFIG)
    np.testing.assert_array_equal(values(data, tiled, CONFIG), array.reshape(2, 6))
    place = loaded.program.tensor("x").offset
    assert read(loaded, (place, place + 4)) == bytes([248, 249, 250, 251])
