"""One layer alone on a target: its inputs, its launch, the memory afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...isa.config import Config
from ...isa.opcodes import INSTRUCTION_BYTES
from ..errors import OutOfMemoryError
from ..program.launch_partition import LaunchLayer
from ..program.program import LaunchStep, Program, ProgramTensor
from ..program.program_check import launch_bases
from ..program.tensor_layout import unpack_tensor
from ..run.launch import RunReport, launch
from ..run.program_runner import LoadedProgram

__all__ = ["example_inputs", "read", "run_layer", "until", "values"]


def example_inputs(program: Program, seed: int = 0) -> dict[str, np.ndarray]:
    """Return example inputs for a program: normal reals, integers of all sizes."""
    random = np.random.default_rng(seed)
    inputs = {}
    for name in program.inputs:
        tensor = program.tensor(name)
        kind = np.dtype(tensor.dtype)
        if kind.kind == "f":
            inputs[name] = random.normal(0, 1, tensor.shape).astype(kind)
        elif kind.kind == "b":
            inputs[name] = random.integers(0, 2, tensor.shape).astype(kind)
        else:
            minimum = max(np.iinfo(kind).min, -8 if tensor.memory_type else -128)
            maximum = min(np.iinfo(kind).max, 7 if tensor.memory_type else 127)
            inputs[name] = random.integers(minimum, maximum + 1, tensor.shape).astype(kind)
    return inputs


def run_layer(
    loaded: LoadedProgram, step: LaunchStep, layer: LaunchLayer, timeout: float
) -> RunReport:
    """Run a layer of a launch alone, on the present contents of memory.

    Its code is placed after the program or, if there is no room, over the launch's code, which is
    restored.

    Raises
    ------
    OutOfMemoryError
        There is no room for it in either place.
    """
    target, base, size = loaded.target, loaded.base, len(layer.code)
    end = target.window[0] + target.window[1]
    address, old = base + loaded.program.size, b""
    if address + size > end:
        address, own = base + step.code, step.count * INSTRUCTION_BYTES
        if size > own:
            raise OutOfMemoryError(
                size, end - base - loaded.program.size, own, f"layer {layer.name!r} alone"
            )
        old = target.read_memory(address, size)
    target.write_memory(address, layer.code)
    try:
        return launch(
            target, address, layer.count, bases=launch_bases(step, base), timeout=timeout,
            notes=(layer.name,) * layer.count,
        )
    finally:
        if old:
            target.write_memory(address, old)


def until(layer: LaunchLayer, place: int) -> LaunchLayer:
    """Return a layer that ends after one of its instructions."""
    end = (place + 1) * INSTRUCTION_BYTES
    code = layer.code[:end] + layer.code[-INSTRUCTION_BYTES:]
    return replace(layer, code=code, indices=(*layer.indices[: place + 1], layer.indices[-1]))


def read(loaded: LoadedProgram, area: tuple[int, int]) -> bytes:
    """Return the bytes ``start .. end - 1`` from a program's base."""
    return loaded.target.read_memory(loaded.base + area[0], area[1] - area[0])


def values(data: bytes, tensor: ProgramTensor, config: Config) -> np.ndarray:
    """Return a tensor from its bytes in memory."""
    if tensor.memory_type is None:
        kind = np.dtype(tensor.dtype).newbyteorder("<")
        return np.frombuffer(data, kind).reshape(tensor.shape)
    return unpack_tensor(data, tensor.shape, tensor.memory_type, config)
