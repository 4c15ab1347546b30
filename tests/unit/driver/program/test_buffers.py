"""Allocator and buffers."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from myvta.driver import AllocationError, Allocator, OutOfMemoryError, WindowError, open_target
from myvta.driver.program.buffers import Buffer
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType


def test_first_fit_alignment_and_merging():
    allocator = Allocator(0x1000, 0x4000)
    first = allocator.allocate(100, 64)
    second = allocator.allocate(100, 64)
    third = allocator.allocate(0x1000, 0x1000)
    assert (first, second, third) == (0x1000, 0x1080, 0x2000)
    allocator.free(first)
    assert allocator.allocate(64, 64) == 0x1000
    allocator.free(0x1000)
    allocator.free(third)
    allocator.free(second)
    assert allocator.largest == allocator.free_bytes == 0x4000
    assert allocator.blocks == {}


def test_out_of_memory_error_states_the_free_memory():
    allocator = Allocator(0, 0x3000)
    blocks = [allocator.allocate(0x1000) for _ in range(3)]
    allocator.free(blocks[0])
    allocator.free(blocks[2])
    with pytest.raises(OutOfMemoryError) as caught:
        allocator.allocate(0x1800, what="weights of conv1")
    assert str(caught.value) == (
        "out of device memory for weights of conv1: asked for 6144 bytes, 8192 free, "
        "largest piece 4096"
    )
    assert (caught.value.asked, caught.value.free, caught.value.largest) == (6144, 8192, 4096)


@pytest.mark.parametrize(
    ("size", "alignment", "message"),
    [(0, 64, "size must be positive, not 0"), (-1, 64, "size must be positive"),
     (4, 3, "alignment must be a power of two, not 3"), (4, 0, "power of two, not 0")],
)
def test_impossible_requests_are_refused(size, alignment, message):
    with pytest.raises(AllocationError, match=message):
        Allocator(0, 4096).allocate(size, alignment)


def test_double_free_is_refused():
    allocator = Allocator(0, 4096)
    address = allocator.allocate(16)
    allocator.free(address)
    with pytest.raises(AllocationError, match="no block is allocated at 0x0: freed twice"):
        allocator.free(address)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.data())
def test_never_overlaps_and_loses_nothing(data):
    base, size = 0x3000, 0x4000
    allocator, live = Allocator(base, size), {}
    for _ in range(data.draw(st.integers(1, 40))):
        if live and data.draw(st.booleans()):
            address = data.draw(st.sampled_from(sorted(live)))
            allocator.free(address)
            del live[address]
            continue
        asked = data.draw(st.integers(1, 0x900))
        alignment = 1 << data.draw(st.integers(0, 12))
        try:
            address = allocator.allocate(asked, alignment)
        except OutOfMemoryError:
            continue
        assert address % alignment == 0
        assert base <= address
        assert address + asked <= base + size
        for other, length in live.items():
            assert address + asked <= other or other + length <= address
        live[address] = asked
        assert allocator.free_bytes == size - sum(live.values())
    for address in list(live):
        allocator.free(address)
    assert allocator.largest == size


@pytest.fixture
def buffer():
    with open_target("model://?mem=0x1000:8K&config=1x4x4") as target:
        yield Buffer(target, 0x1040, 64)


def test_written_arrays_are_read_back(buffer):
    values = np.arange(-8, 8, dtype=np.int32).reshape(4, 4)
    buffer.write(values)
    assert np.array_equal(buffer.read(np.int32, (4, 4)), values)
    assert np.array_equal(buffer.read("<i2", offset=60), [7, 0])
    assert buffer.read().shape == (64,)
    buffer.write(values.astype(">i4").T)
    assert np.array_equal(buffer.read(np.int32, (4, 4)), values.T)


def test_accesses_outside_the_buffer_are_refused(buffer):
    buffer.write(np.zeros(64, np.uint8))
    for offset, array in ((1, np.ones(64, np.uint8)), (-1, np.ones(4, np.uint8))):
        with pytest.raises(WindowError, match="outside a buffer of 64 bytes"):
            buffer.write(array, offset)
    with pytest.raises(WindowError, match=r"bytes 0\.\.127 are outside"):
        buffer.read(np.int32, (32,))
    assert not buffer.read().any()


def test_element_addresses(buffer):
    config = named("1x4x4")
    assert buffer.element(MemoryType.ACC, config, 0x1000) == 4
    assert buffer.element(MemoryType.INP, config, 0) == 0x1040 // 4
    odd = Buffer(buffer.target, 0x1044, 4)
    with pytest.raises(WindowError, match="not aligned to ACC elements of 16 bytes"):
        odd.element(MemoryType.ACC, config, 0x1000)
