"""Host steps that need numpy alone: real numbers to integers and back, pixels to lanes and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ...isa.config import Config
from ..errors import HostStepError
from ..program.lane_packing import InputPacking, OutputPacking
from ..program.program import HostStep, Program, ProgramTensor
from ..program.tensor_layout import lane_bits

__all__ = ["HOST_CONVERSIONS", "dequantize", "quantize"]


def quantize(
    values: np.ndarray, tensor: ProgramTensor, config: Config, width: int | None = None
) -> np.ndarray:
    """Return ``values`` in a tensor's scale: round half up, saturate to its lanes' range.

    ``width`` is the range in bits where it is not that of the tensor's lanes.

    Raises
    ------
    HostStepError
        The tensor has no scale, or a value is not a number.
    """
    if np.isnan(values).any():
        raise HostStepError(f"tensor {tensor.name!r} cannot hold NaN")
    bits = width or 8 * np.dtype(tensor.dtype).itemsize
    if width is None and tensor.memory_type is not None:
        bits = lane_bits(tensor.memory_type, config)
    scaled = np.floor(values.astype(np.float64) / _scale(tensor) + 0.5) + tensor.zero_point
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return np.asarray(np.clip(scaled, low, high), dtype=tensor.dtype)


def dequantize(values: np.ndarray, tensor: ProgramTensor) -> np.ndarray:
    """Return the real values (float32) of a tensor's integers."""
    real = (values.astype(np.float64) - tensor.zero_point) * _scale(tensor)
    return np.asarray(real, dtype=np.float32)


def _scale(tensor: ProgramTensor) -> np.ndarray:
    if not tensor.scale:
        raise HostStepError(f"tensor {tensor.name!r} has no scale")
    if len(tensor.scale) == 1:
        return np.array(tensor.scale[0])
    shape = [1] * len(tensor.shape)
    shape[tensor.axis] = -1
    return np.array(tensor.scale, dtype=np.float64).reshape(shape)


def _quantize(step: HostStep, values: list[np.ndarray], program: Program) -> list[np.ndarray]:
    return [
        quantize(value, program.tensor(name), program.config)
        for name, value in zip(step.outputs, values, strict=True)
    ]


def _quantize_width(
    step: HostStep, values: list[np.ndarray], program: Program
) -> list[np.ndarray]:
    """Quantize to the width that the step says, with rows of features [N, T, K] as [N, K, T]."""
    width = int(step.attributes["width"])
    results = []
    for name, value in zip(step.outputs, values, strict=True):
        integers = quantize(value, program.tensor(name), program.config, width)
        results.append(integers.swapaxes(1, 2) if step.attributes.get("transposed") else integers)
    return results


def _quantize_packed(
    step: HostStep, values: list[np.ndarray], program: Program
) -> list[np.ndarray]:
    width = int(step.attributes["width"])
    packing = InputPacking.from_json(step.attributes)
    tensors = [program.tensor(name) for name in step.outputs]
    return [
        packing.pack(quantize(value, tensor, program.config, width), tensor.zero_point)
        for value, tensor in zip(values, tensors, strict=True)
    ]


def _unpack(step: HostStep, values: list[np.ndarray], program: Program) -> list[np.ndarray]:
    return [OutputPacking.from_json(step.attributes).unpack(values[0])]


def _dequantize(step: HostStep, values: list[np.ndarray], program: Program) -> list[np.ndarray]:
    return [
        dequantize(value, program.tensor(name))
        for name, value in zip(step.inputs, values, strict=True)
    ]


def _dequantize_reshaped(
    step: HostStep, values: list[np.ndarray], program: Program
) -> list[np.ndarray]:
    (reals,) = _dequantize(step, values, program)
    if step.attributes.get("transposed"):  # rows of features [N, T, K] are stored as [N, K, T]
        reals = reals.swapaxes(1, 2)
    return [reals.reshape(program.tensor(step.outputs[0]).shape)]


HOST_CONVERSIONS: dict[
    str, Callable[[HostStep, list[np.ndarray], Program], Sequence[npt.ArrayLike]]
] = {
    "quantize": _quantize,
    "quantize_narrow": _quantize_width,
    "quantize_packed": _quantize_packed,
    "unpack": _unpack,
    "dequantize": _dequantize,
    "dequantize_flat": _dequantize_reshaped,
}
"""The driver's own host steps by name: ``f(step, inputs, program) -> outputs``, in step order."""
