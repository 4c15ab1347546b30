"""Kernels, and the cache against a buffer simulated word by word."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from myvta.driver import StreamError, make_kernel
from myvta.driver.stream.kernels import Kernel, KernelCache
from myvta.isa.config import named
from myvta.isa.instructions import Uop, encode_uop

CONFIG = named("1x4x4")  # 256 micro-ops


def test_encoding_is_the_isa_s():
    uops = [Uop(1, 2, 3), Uop(255, 254, 127), Uop()]
    want = b"".join(encode_uop(uop, CONFIG).to_bytes(4, "little") for uop in uops)
    assert make_kernel(uops, CONFIG) == Kernel(want)
    assert make_kernel([(1, 2, 3), (255, 254, 127), (0,)], CONFIG) == Kernel(want)
    table = np.array([[1, 2, 3], [255, 254, 127], [0, 0, 0]], dtype=np.int32)
    assert make_kernel(table, CONFIG) == Kernel(want)
    assert len(Kernel(want)) == 3


@pytest.mark.parametrize(
    ("uops", "message"),
    [
        ([], r"a kernel holds 1\.\.256 micro-ops, not 0"),
        ([(0, 0, 0)] * 257, r"a kernel holds 1\.\.256 micro-ops, not 257"),
        ([(256, 0, 0)], r"micro-op dst must be 0\.\.255, not 256"),
        ([(0, 256, 0)], r"micro-op src must be 0\.\.255"),
        ([(0, 0, 128)], r"micro-op wgt must be 0\.\.127"),
        ([(0, -1, 0)], r"micro-op src must be 0\.\.255, not -1"),
        (np.zeros((2, 2), int), "integer array"),
        (np.zeros((2, 3)), "integer array"),
    ],
)
def test_malformed_kernels_are_refused(uops, message):
    with pytest.raises(StreamError, match=message):
        make_kernel(uops, CONFIG)


def kernel(number, size):
    return make_kernel([(number, step % 256, number % 128) for step in range(size)], CONFIG)


class Buffer:
    """The micro-op buffer, loaded as the cache says."""

    def __init__(self, cache):
        self.cache, self.words, self.loads = cache, [None] * cache.depth, 0

    def require(self, kernels):
        for load in self.cache.require(kernels):
            self.loads += 1
            assert load.sram >= 0
            assert load.sram + load.size <= self.cache.depth
            for at in range(load.size):
                position = 4 * (load.dram + at)
                self.words[load.sram + at] = self.cache.image[position : position + 4]
        for item in kernels:
            start = self.cache.address(item)
            assert b"".join(self.words[start : start + len(item)]) == item.data


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from((1, 7, 30, 64, 100))), min_size=1,
             max_size=4),
    max_size=60,
))
def test_required_kernels_are_on_chip(groups):
    buffer, seen = Buffer(KernelCache(CONFIG)), set()
    for group in groups:
        kernels = [kernel(*item) for item in group]
        if sum(map(len, set(kernels))) > 256:
            with pytest.raises(StreamError, match="exceed the buffer of 256"):
                buffer.cache.require(kernels)
            continue
        buffer.require(kernels)
        seen |= set(kernels)
    assert len(buffer.cache.image) == sum(len(item.data) for item in seen)  # each once


def test_resident_kernels_are_not_loaded_again():
    buffer = Buffer(KernelCache(CONFIG))
    kernels = [kernel(number, 32) for number in range(8)]  # exactly full
    for item in kernels * 3:
        buffer.require([item])
    assert buffer.loads == 8
    buffer.require([kernel(8, 1)])  # takes the place of the oldest only
    for item in kernels[1:]:
        buffer.require([item])
    assert buffer.loads == 9
    buffer.require([kernels[0]])
    assert buffer.loads == 10


def test_a_group_is_one_load():
    buffer = Buffer(KernelCache(CONFIG))
    buffer.require([kernel(number, 10) for number in range(20)])
    assert buffer.loads == 1


def test_group_evicting_its_own_member_is_loaded_whole():
    buffer = Buffer(KernelCache(CONFIG))
    old = kernel(0, 100)
    buffer.require([old])
    buffer.require([kernel(1, 100)])
    buffer.require([old, kernel(2, 100)])
    assert buffer.loads == 4  # the two before, then both: no longer neighbours in the image
