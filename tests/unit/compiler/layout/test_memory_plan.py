"""memory_plan: addresses, shapes and names of tensors; constants after them."""

from __future__ import annotations

import numpy as np
import pytest
from quantized_graphs import chain

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.layout.memory_plan import TensorMemory, integer_name
from myvta.compiler.layout.packed_network import PackedNetwork
from myvta.driver import OutOfMemoryError
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType


def placed(name: str = "1x4x4", memory: int = 1 << 20) -> TensorMemory:
    """Return the memory of the chain, its tensors placed."""
    actual = TensorMemory(
        PackedNetwork(chain(), {}, {}), TargetDescription(named(name), memory_bytes=memory))
    actual.place()
    return actual


def test_activations_have_pages_of_their_own_and_a_flatten_shares() -> None:
    """A page is 1024 tiles; z [9, 3, 4] are three blocks of 12 pixels."""
    actual = placed()
    first, last = ChannelLayout(6, 3, 4), ChannelLayout(9, 3, 4)
    assert actual.activations == {
        "x": Activation(0, 2, 2, first), "y": Activation(1024, 2, 2, first),
        "z": Activation(2048, 2, 3, last), "flat": Activation(2048, 2, 3, last),
    }


def test_tensors_of_the_program_have_the_scale_and_the_layer() -> None:
    tensors = placed().builder.tensors
    assert set(tensors) == {"x", "x.q", "y.q", "z.q", "flat.q"}
    assert (tensors["x"].dtype, tensors["x"].offset, tensors["x"].shape) == (
        "float32", None, (2, 6, 3, 4))
    assert (tensors["z.q"].scale, tensors["z.q"].layer) == ((2.0**-5,), "conv")
    assert (tensors["z.q"].shape, tensors["z.q"].offset) == ((2, 9, 3, 4), 8192)
    assert tensors["flat.q"].offset == 8192
    assert integer_name("z") == "z.q"


def test_images_are_whole_tiles_of_the_batch() -> None:
    actual = placed("2x8x8")
    assert (actual.images, actual.activations["x"].groups) == (2, 1)


def test_constants_are_placed_by_tiles() -> None:
    actual = placed()
    tiles = np.arange(32).reshape(2, 4, 4)
    first = actual.constant("w", tiles, MemoryType.WGT)
    (segment,) = actual.builder.segments
    assert (segment.name, segment.offset, len(segment.data)) == ("w", first * 16, 32)
    assert segment.offset >= 8192 + 2 * 3 * 12 * 4


def test_float_tensors_are_added_once() -> None:
    actual = placed()
    actual.float_tensor("real")
    actual.float_tensor("real")
    assert actual.builder.tensors["real"].shape == (2, 108)


def test_too_little_memory_is_refused() -> None:
    with pytest.raises(OutOfMemoryError, match="z.q"):
        placed(memory=8192)
