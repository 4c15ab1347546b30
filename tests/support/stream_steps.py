"""Streams of a few loads, products and stores, without tokens; each step by a function."""

from __future__ import annotations

from collections.abc import Callable

from myvta.driver.stream.instruction_stream import InstructionStream
from myvta.driver.stream.stream import StreamBuilder
from myvta.isa.config import Config, named
from myvta.isa.opcodes import MemoryType, Module

__all__ = ["ACC", "COMPUTE", "CONFIG", "Emit", "INP", "LOAD", "STORE", "WGT", "gemm", "load",
           "store", "stream"]

CONFIG = named("1x4x4")
INP, WGT, ACC = MemoryType.INP, MemoryType.WGT, MemoryType.ACC
LOAD, COMPUTE, STORE = Module.LOAD, Module.COMPUTE, Module.STORE
Emit = Callable[[StreamBuilder], None]


def stream(*steps: Emit, config: Config = CONFIG) -> InstructionStream:
    """Return the steps one after another, without tokens."""
    builder = StreamBuilder(config)
    for step in steps:
        step(builder)
    return builder.finish()


def load(memory_type: MemoryType, sram: int, dram: int, count: int = 1) -> Emit:
    """Return a load of neighbouring tiles."""
    return lambda builder: builder.load_2d(memory_type, sram, dram, count)


def store(sram: int, dram: int, count: int = 1) -> Emit:
    """Return a store of neighbouring tiles."""
    return lambda builder: builder.store_2d(sram, dram, count)


def gemm(dst: int, src: int, wgt: int, count: int = 1) -> Emit:
    """Return a GEMM of neighbouring tiles with one weight tile."""
    return lambda builder: builder.gemm(
        [(dst, src, wgt)], iter_in=count, dst_factor=(0, 1), src_factor=(0, 1))
