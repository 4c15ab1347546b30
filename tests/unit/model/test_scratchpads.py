"""Scratchpads of a strict device report reads of tiles that nothing has written."""

import numpy as np
from model_device import launch, open_device

from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Load,
    Store,
)
from myvta.isa.opcodes import MemoryType

INP, WGT, UOP = MemoryType.INP, MemoryType.WGT, MemoryType.UOP


def test_strict_reports_reads_of_never_written_tiles():
    it = open_device(strict=True)
    it.memory.write(0, np.zeros(1, "<u4").tobytes())
    launch(it, [
        Load(memory_type=UOP, x_size=1), Load(memory_type=INP, x_size=1, push_next=1),
        Gemm(pop_prev=1), Alu(use_imm=1), Gemm(reset=1),
        Alu(iter_in=2, src_factor_in=3, push_next=1), Store(x_size=2, pop_prev=1), Finish(),
    ])
    assert sorted(it.pads.reports) == [
        "ALU reads never-written ACC [3]",
        "GEMM reads never-written ACC [0]",
        "GEMM reads never-written WGT [0]",
        "STORE reads never-written ACC [1]",
    ]
    launch(it, [Finish()])
    assert it.pads.reports == []


def test_strict_knows_padding_overwrite_and_uops():
    it = open_device(strict=True)
    launch(it, [
        Load(memory_type=INP, x_size=1, x_pad_1=1, y_pad_1=1),
        Load(memory_type=WGT, x_size=1, push_next=1),
        Load(memory_type=UOP, x_size=1, pop_prev=1),
        Gemm(overwrite=1, iter_in=4, src_factor_in=1, dst_factor_in=1, push_next=1),
        Store(x_size=4, pop_prev=1), Finish(),
    ])
    assert it.pads.reports == []
    launch(it, [Gemm(reset=1, uop_bgn=4, uop_end=20), Finish()])
    assert it.pads.reports == [
        "GEMM reads never-written UOP [4, 5, 6, 7, 8, 9, 10, 11, ...]"
    ]


def test_without_strict_nothing_is_reported():
    it = open_device()
    launch(it, [Store(x_size=1), Finish()])
    assert it.pads.reports == []
