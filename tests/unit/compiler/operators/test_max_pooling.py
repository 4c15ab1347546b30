"""MaxPool: windows that fit the buffers, a scale that stays."""

from __future__ import annotations

import numpy as np
from graph_cases import graph_of
from operator_rules import host_reason, quantize_node, quantize_qdq

from myvta.compiler.ir.attributes import SlidingWindow
from myvta.compiler.ir.graph import Graph, Node
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.reference.reference_evaluator import evaluate_node
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType


def pool(kernel: tuple[int, int], dilations: tuple[int, int] = (1, 1), size: int = 40) -> Graph:
    """Return a MaxPool with stride 1 and no padding."""
    attrs = {"kernel": kernel, "strides": (1, 1), "pads": (0, 0, 0, 0), "dilations": dilations}
    after = [size - dilations[a] * (kernel[a] - 1) for a in range(2)]
    return graph_of(Node("MaxPool", "n", ("x",), ("y",), attrs),
                    shapes={"x": (1, 2, size, size), "y": (1, 2, *after)})


def test_window_must_fit_half_the_buffers() -> None:
    config = named("1x4x4")
    room = min(config.depth(MemoryType.INP) // 2, config.depth(MemoryType.ACC) // 2 - 1)
    assert host_reason(pool((1, room), size=room), "1x4x4") == ""
    assert host_reason(pool((1, room + 1), size=room + 1), "1x4x4") == (
        f"a window of 1x{room + 1} does not fit half the buffers of 1x4x4")
    assert host_reason(pool((30, 30)), "1x4x4") == (
        "a window of 30x30 does not fit half the buffers of 1x4x4")
    assert host_reason(pool((2, 2), (38, 38)), "1x4x4") == (  # 39 x 39 pixels with gaps
        "a window of 2x2 does not fit half the buffers of 1x4x4")


def test_non_canonical_form_is_on_the_host() -> None:
    graph = graph_of(Node("MaxPool", "n", ("x",), ("y",)), shapes={"x": (1, 2, 5), "y": (1, 2, 3)})
    assert host_reason(graph) == (
        "this form of MaxPool (not 2-D, a second output, or column-major)")


def test_scale_is_kept_and_the_maximum_is_exact() -> None:
    node, exponent = quantize_node(pool((2, 3), (1, 2), 6), {"x": -4, "y": 3})
    assert node.attrs.window == SlidingWindow((2, 3), (1, 1), (0, 0, 0, 0), (1, 2))
    assert (node.requant, exponent) == (None, -4)
    x = np.random.default_rng(1).integers(-128, 128, (1, 2, 6, 6))
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 5), (2, 3))[..., ::2]
    np.testing.assert_array_equal(evaluate_node(node, [x], 8), windows.max((4, 5)))


def test_pre_quantized_scale_is_kept_or_changed_before() -> None:
    same = quantize_qdq(pool((2, 2), size=4), {"x": TensorScale(0.1, 5)})
    assert [node.op for node in same.nodes] == ["MaxPool"]
    other = quantize_qdq(pool((2, 2), size=4), {
        "x": TensorScale(0.1, 5), "y": TensorScale(0.2, -7)})
    assert [node.op for node in other.nodes] == ["ScaledAdd", "MaxPool"]
