"""Entries of lookup tables: rounding, saturation, undefined values."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from myvta.compiler.ir.lookup_table import rounded_entries, table_integers


def by_integer(table: np.ndarray) -> dict[int, int]:
    """Return the entry of each int8."""
    return {value: int(table[value & 255]) for value in range(-128, 128)}


def test_entries_belong_to_the_low_eight_bits() -> None:
    table = by_integer(table_integers(8))
    assert table == {value: value for value in range(-128, 128)}
    narrow = by_integer(table_integers(4))
    assert {v: narrow[v] for v in range(-8, 8)} == {v: v for v in range(-8, 8)}
    assert (narrow[-128], narrow[127]) == (-8, 7)


def test_halves_are_rounded_to_even_and_values_saturate() -> None:
    reals = np.zeros(256)
    reals[:9] = (0.25, 0.75, 1.25, -0.25, 64.0, 63.5, -64.5, 1e30, -np.inf)
    entries = rounded_entries(reals, 0.5, 0, 8)
    assert entries.dtype == np.int16
    assert entries[:9].tolist() == [0, 2, 2, 0, 127, 127, -128, 127, -128]
    assert rounded_entries(reals, 0.5, 3, 8)[:5].tolist() == [3, 5, 5, 3, 127]
    assert rounded_entries(reals, 0.5, 0, 4)[4:7].tolist() == [7, 7, -8]


@pytest.mark.parametrize(("scale", "zero_point"), [(1 / 255, -128), (0.0372, 11), (2.0**-7, 0)])
def test_entries_are_those_of_onnxruntimes_quantizelinear(scale: float, zero_point: int) -> None:
    reals = np.random.default_rng(1).normal(0, 2, 256).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"])], "q",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [256])],
        [helper.make_tensor_value_info("y", TensorProto.INT8, [256])],
        [helper.make_tensor("scale", TensorProto.FLOAT, [], [scale]),
         helper.make_tensor("zero", TensorProto.INT8, [], [zero_point])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": reals})[0]
    np.testing.assert_array_equal(rounded_entries(reals, scale, zero_point, 8), wanted)


def test_undefined_entries_are_those_of_the_nearest_integer() -> None:
    integers = table_integers(8)
    with np.errstate(all="ignore"):
        logarithm = by_integer(rounded_entries(np.log(integers / 16), 1 / 16, 0, 8))
        root = by_integer(rounded_entries(np.sqrt(integers.astype(float)), 1.0, 0, 8))
        inverse = by_integer(rounded_entries(1 / integers, 2.0**-7, 0, 8))
    assert logarithm[0] == logarithm[-1] == logarithm[-128] == -128  # that of -inf
    assert logarithm[16] == 0
    assert root[-1] == root[-128] == root[0] == 0
    assert (inverse[0], inverse[1], inverse[-1], inverse[2]) == (127, 127, -128, 64)
    gap = np.where(np.abs(integers) < 3, np.nan, integers)
    filled = by_integer(rounded_entries(gap, 1.0, 0, 8))
    assert (filled[2], filled[1], filled[-1], filled[-2]) == (3, 3, -3, -3)


def test_function_without_values_is_refused() -> None:
    with pytest.raises(ValueError, match="no value at any integer"):
        rounded_entries(np.full(256, np.nan), 1.0, 0, 8)
