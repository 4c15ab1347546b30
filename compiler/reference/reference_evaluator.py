"""Integer reference evaluator: the oracle of every layer, in plain numpy.

It knows nothing of tiles, scratchpads, instructions or targets; it evaluates a
:class:`~.quantized.QuantizedGraph` by the definitions of :mod:`.arithmetic`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frontend.front_ends import run_host_images
from ..ir.arrays import check_arrays
from ..ir.fixed_point import requantize, wrap
from ..ir.quantized_graph import QuantizedGraph, QuantizedNode
from .reference_operators import OPERATORS

__all__ = [
    "accumulate_conv", "accumulate_gemm", "accumulate_transposed", "evaluate", "evaluate_node",
]

_ELEMENTS = 1 << 25  # of the windows gathered at a time


def evaluate(graph: QuantizedGraph, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Evaluate a network on float inputs, any multiple of its own number of images.

    Returns
    -------
    dict
        Every activation by name: int64 where it is quantized, float where it lives on the host.
        Graph outputs that are quantized are integers too: ``graph.tensors[name].reals``.  What has
        no dimension of images (``graph.alone``) has axis 0 for evaluations.
    """
    reals: dict[str, np.ndarray] = {}
    integers: dict[str, np.ndarray] = {}
    wanted = {name: (graph.tensors[name].shape, graph.tensors[name].dtype)
              for name in graph.inputs}
    for name, value in check_arrays(inputs, wanted, "inputs").items():
        tensor, reals[name] = graph.tensors[name], value
        if tensor.exponent is not None:
            integers[name] = tensor.integers(value, graph.inp_width)
    for node in graph.nodes:
        if node.op == "Host":
            feeds = {
                name: reals[name] if name in reals
                else graph.tensors[name].reals(integers[name]).astype(np.float32)
                for name in node.inputs
            }
            assert node.payload is not None
            made = run_host_images(node.payload, feeds, graph.images, graph.alone)
            for name, value in made.items():
                reals[name] = value
                tensor = graph.tensors[name]
                if tensor.exponent is not None:
                    integers[name] = tensor.integers(value, graph.inp_width)
        else:
            values = [integers[name] for name in node.inputs]
            integers[node.outputs[0]] = evaluate_node(node, values, graph.inp_width)
    return {**reals, **integers}


def evaluate_node(node: QuantizedNode, values: list[np.ndarray], width: int) -> np.ndarray:
    """Evaluate one accelerator node on integer inputs."""
    x = values[0].astype(np.int64)
    if node.op == "Conv":
        return _requantize(node, accumulate_conv(x, node.weight, node.attrs, node.padding), width)
    if node.op == "ConvTranspose":
        return _requantize(node, accumulate_transposed(x, node.weight, node.attrs), width)
    if node.op == "Gemm":
        if "axis" in node.attrs:
            return _dense_rows(node, x, width)
        features = _requantize(node, accumulate_gemm(x, node.weight), width)
        return features.reshape(len(x), *node.attrs.get("unflatten", features.shape[1:]))
    if node.op in OPERATORS:
        return OPERATORS[node.op](node, [value.astype(np.int64) for value in values], width)
    raise AssertionError(f"no reference for {node.op}")


def accumulate_conv(
    x: np.ndarray, weight: np.ndarray | None, attrs: dict[str, Any], padding: int = 0
) -> np.ndarray:
    """Return the 32-bit accumulators of a convolution of [N, C, H, W] with [M, C / G, KH, KW]."""
    assert weight is not None
    (sy, sx), (dy, dx), (top, left, bottom, right) = (
        attrs["strides"], attrs["dilations"], attrs["pads"]
    )
    kind, most = _exact(x, weight)
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    x = np.pad(x.astype(kind), around, constant_values=padding)
    m, _, kh, kw = weight.shape
    oh = (x.shape[2] - dy * (kh - 1) - 1) // sy + 1
    ow = (x.shape[3] - dx * (kw - 1) - 1) // sx + 1
    total = np.zeros((x.shape[0], m, oh, ow))  # float64: exact far beyond 32 bits
    most = max(1, min(most, _ELEMENTS // (x.shape[0] * x.shape[1] * oh * ow)))
    taps = [(ky, kx) for ky in range(kh) for kx in range(kw)]
    for start in range(0, len(taps), most):
        some = taps[start : start + most]
        windows = [
            x[:, :, ky * dy : ky * dy + (oh - 1) * sy + 1 : sy,
              kx * dx : kx * dx + (ow - 1) * sx + 1 : sx] for ky, kx in some
        ]
        parts = [weight[:, :, ky, kx].astype(kind) for ky, kx in some]
        total += _multiply_channels(np.stack(windows, 2), np.stack(parts, 2))
    return wrap(total.astype(np.int64))


def accumulate_transposed(
    x: np.ndarray, weight: np.ndarray | None, attrs: dict[str, Any]
) -> np.ndarray:
    """Return the 32-bit accumulators of a transposed convolution with [M, C / G, KH, KW].

    Every input pixel adds its products to the outputs it reaches.
    """
    assert weight is not None
    (sy, sx), (dy, dx), (top, left, bottom, right) = (
        attrs["strides"], attrs["dilations"], attrs["pads"]
    )
    (m, _, kh, kw), (n, _, h, w) = weight.shape, x.shape
    rows = (h - 1) * sy + dy * (kh - 1) + 1 + attrs["output_padding"][0]
    columns = (w - 1) * sx + dx * (kw - 1) + 1 + attrs["output_padding"][1]
    total = np.zeros((n, m, rows, columns))  # float64: exact far beyond 32 bits
    kind, _ = _exact(x, weight)
    x = x.astype(kind)[:, :, None]
    for ky in range(kh):
        for kx in range(kw):
            part = _multiply_channels(x, weight[:, :, None, ky, kx].astype(kind))
            y, z = ky * dy, kx * dx
            total[:, :, y : y + (h - 1) * sy + 1 : sy, z : z + (w - 1) * sx + 1 : sx] += part
    return wrap(total[:, :, top : rows - bottom, left : columns - right].astype(np.int64))


def _exact(x: np.ndarray, weight: np.ndarray) -> tuple[type[np.floating[Any]], int]:
    """Return floats that hold the sums of one tap exactly, and of how many taps they do.

    float32 where that is one at least: no sum leaves 24 bits.
    """
    peaks = int(np.abs(x).max(initial=1)) * int(np.abs(weight.astype(int)).max(initial=1))
    most = (1 << 24) // max(1, peaks * weight.shape[1])
    return (np.float32, most) if most else (np.float64, 1 << 20)


def _multiply_channels(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return [N, M, H, W] of taps [M, C / G, T] and the pixels [N, C, T, H, W] each of them meets.

    Group by group of the channels.
    """
    (n, c, t, h, w), (m, each, _) = x.shape, weight.shape
    groups = c // each
    pixels = x.reshape(n, groups, each * t, h * w)
    return np.asarray((weight.reshape(groups, m // groups, each * t) @ pixels).reshape(n, m, h, w))


def accumulate_gemm(x: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """Return the 32-bit accumulators of ``x @ weight.T``."""
    assert weight is not None
    return wrap((x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64))


def _dense_rows(node: QuantizedNode, x: np.ndarray, width: int) -> np.ndarray:
    """Evaluate a dense layer of [N, T, K] (axis 2) or [N, K, T] (axis 1)."""
    rows = x if node.attrs["axis"] == 2 else x.swapaxes(1, 2)
    features = accumulate_gemm(rows, node.weight).swapaxes(1, 2)
    found = _requantize(node, features, width)
    return found.swapaxes(1, 2) if node.attrs["axis"] == 2 else found


def _requantize(node: QuantizedNode, accumulator: np.ndarray, width: int) -> np.ndarray:
    assert node.requant is not None
    return requantize(accumulator, node.requant, width)
