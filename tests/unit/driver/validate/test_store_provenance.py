"""store_provenance: the last STORE over a byte, and the last writer of the tile it took."""

import pytest
from driver_programs import CONFIG, INP, program

from myvta.driver import StreamBuilder
from myvta.driver.program.launch_partition import whole
from myvta.driver.validate.store_provenance import last_writers
from myvta.isa.instructions import Alu, Gemm, Store, decode_stream
from myvta.isa.opcodes import AluOpcode

TILE = 4


@pytest.fixture
def built():
    """Tiles 0..3 reset, 1 and 3 changed; 0 and 1 stored apart to y, 2 and 3 to z, 0 to y."""
    def stream(x, y, z, weight):
        builder = StreamBuilder(CONFIG, serial=True)
        builder.gemm([(0, 0, 0)], reset=True, iter_in=4, dst_factor=(0, 1))
        builder.alu([(1, 1)], AluOpcode.ADD, imm=5, iter_in=2, dst_factor=(0, 2))
        builder.store_2d(0, y // TILE, 1, 2, 3)
        builder.store_2d(2, z // TILE, 2)
        builder.store_2d(0, y // TILE, 1)
        return builder.finish()

    return program(stream)


def writers(built, name, byte):
    """Return position of the STORE among all, and types of both instructions."""
    (step,) = built.launches
    address = built.tensor(name).offset + byte
    index, store, compute = last_writers(built, step, whole(built, step), address)
    code = decode_stream(built.code(step), CONFIG)
    stores = [n for n, item in enumerate(code) if isinstance(item, Store)]
    assert store.index == index
    assert store.text.startswith("store out")
    return stores.index(index), type(code[compute.index])


@pytest.mark.parametrize(("name", "byte", "store", "compute"), [
    ("y", 0, 2, Gemm), ("y", 3, 2, Gemm), ("y", 12, 0, Alu), ("y", 15, 0, Alu),
    ("z", 3, 1, Gemm), ("z", 4, 1, Alu),
])
def test_last_store_and_last_writer_of_a_byte_are_found(built, name, byte, store, compute):
    assert writers(built, name, byte) == (store, compute)


@pytest.mark.parametrize(("name", "byte"), [("x", 0), ("y", 4), ("y", 16), ("z", 8)])
def test_byte_without_a_store_is_reported(built, name, byte):
    (step,) = built.launches
    address = built.tensor(name).offset + byte
    assert last_writers(built, step, whole(built, step), address) == (None, None, None)


def test_the_text_has_the_address_from_the_base_of_the_program(built):
    (step,) = built.launches
    place = built.tensor("z").offset
    _, store, _ = last_writers(built, step, whole(built, step), place)
    assert str(place // TILE) in store.text or hex(place // TILE) in store.text
    assert built.tensor("z").memory_type == INP
