"""Which element of which tensor a wrong byte belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..program.program import ProgramTensor
from ..run.program_runner import LoadedProgram
from .run_layer import read, values
from .validate_report import Mismatch

__all__ = ["locate"]


def locate(
    reference: LoadedProgram, dut: LoadedProgram, address: int, count: int,
    places: Sequence[ProgramTensor],
) -> Mismatch:
    """Say which element a wrong byte belongs to, and its expected value.

    Parameters
    ----------
    address : int
        Of the first wrong byte, from the program's base.
    count : int
        Wrong bytes in all.
    places : sequence of ProgramTensor
        Candidates.
    """
    config = reference.program.config
    for tensor in places:
        start = tensor.offset or 0
        size = tensor.nbytes(config)
        if not start <= address < start + size:
            continue
        want = read(reference, (start, start + size))
        have = bytearray(want)
        at = address - start
        have[at] = read(dut, (address, address + 1))[0]
        expected, actual = (values(data, tensor, config) for data in (want, bytes(have)))
        wrong = np.argwhere(expected != actual)
        if wrong.size:
            index = tuple(int(axis) for axis in wrong[0])
            return Mismatch(
                tensor.name, index, int(expected[index]), int(actual[index]), address, count
            )
        return Mismatch(
            f"{tensor.name} (a padding lane)", None, want[at], have[at], address, count
        )
    byte = address, address + 1
    return Mismatch("", None, read(reference, byte)[0], read(dut, byte)[0], address, count)
