"""A product of two random matrices, which the tests of links run on the connected device."""

import numpy as np

from myvta.driver import RunReport, Runtime, Target
from myvta.isa.opcodes import MemoryType


def multiply(target: Target, seed: int = 1) -> RunReport:
    """Multiply on the device (1x4x4), compare, and return the report of the launch."""
    random = np.random.default_rng(seed)
    x = random.integers(-8, 8, (1, 8), dtype=np.int8)
    w = random.integers(-8, 8, (4, 8), dtype=np.int8)
    run = Runtime(target, serial=True)
    left, right = run.put(x, MemoryType.INP), run.put(w, MemoryType.WGT)
    out = run.room((1, 4), MemoryType.OUT)
    run.load(MemoryType.INP, 0, left, 2)
    run.load(MemoryType.WGT, 0, right, 2)
    run.gemm([(0, 0, 0)], reset=True)
    run.gemm([(0, 0, 0)], iter_in=2, src_factor=(0, 1), wgt_factor=(0, 1))
    run.store(0, out, 1)
    report = run.sync()
    expected = (x.astype(np.int32) @ w.T.astype(np.int32)).astype(np.int8)
    assert np.array_equal(run.get(out, (1, 4)), expected)
    return report
