"""Rows of loads and stores against the contents of memory, worked by hand."""

import numpy as np
import pytest

from myvta.isa.check.findings import FindingKind
from myvta.isa.check.footprints import Footprints
from myvta.isa.check.memory_accesses import MemoryAccesses
from myvta.isa.check.memory_map import MemoryMap, MemoryRegion, Rows
from myvta.isa.config import named
from myvta.isa.instructions import Load, Store, encode
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")
FOOTPRINTS = Footprints(CONFIG)
LOAD = FOOTPRINTS.decode(encode(Load(memory_type=MemoryType.INP, x_size=1), CONFIG))
STORE = FOOTPRINTS.decode(encode(Store(x_size=1), CONFIG))
WEIGHTS = (0x100, np.arange(16, dtype="<u4").tobytes(), "weights")  # 0x100 .. 0x13f
FIRST_PAGE = 640


class Bench:
    """Memory of one launch and its findings."""

    def __init__(self, stores=(), **memory):
        self.found = []
        memory.setdefault("contents", (WEIGHTS,))
        self.accesses = MemoryAccesses(MemoryMap(**memory), CONFIG, FIRST_PAGE, self.add)
        self.accesses.prepare(stores)

    def add(self, kind, index, text, fix, other=None):
        self.found.append((kind, index, text))
        return True

    def kinds(self):
        return [(kind, index) for kind, index, _ in self.found]


def test_known_memory_gives_words_of_constants():
    accesses = Bench().accesses
    assert accesses.constant_words(Rows(0x108, 8, 16, 2)).tolist() == [[2, 3], [6, 7]]
    assert accesses.constant_words(Rows(0x13C, 8, 0, 1)) is None
    assert accesses.constant_words(Rows(0xF0, 4, 0, 1)) is None


@pytest.mark.parametrize(("start", "inside"), [(0x80, True), (0x7C, False), (0xFFC, True),
                                               (0x1000, False)])
def test_rows_outside_the_window_are_reported(start, inside):
    bench = Bench(window=(0x80, 0xF80))
    assert bench.accesses.access(4, LOAD, Rows(start, 4, 0, 1)) is inside
    assert bench.kinds() == ([] if inside else [(FindingKind.WINDOW, 4)])


def test_stores_over_constants_kept_data_and_the_stream_are_reported():
    bench = Bench(kept=(MemoryRegion(0x200, 0x210, "tensor 'y'"),))
    bench.accesses.place(0x300, 2)
    for index, start in enumerate((0x13C, 0x140, 0x20C, 0x210, 0x31C, 0x320)):
        bench.accesses.access(index, STORE, Rows(start, 4, 0, 1))
    assert bench.kinds() == [(FindingKind.OVERLAP, index) for index in (0, 2, 4)]
    assert "overwrites weights at 0x13c..0x13f" in bench.found[0][2]
    assert "overwrites tensor 'y' at 0x20c..0x20f" in bench.found[1][2]
    assert "overwrites the instructions at 0x31c..0x31f" in bench.found[2][2]


def test_loads_of_unwritten_memory_are_reported():
    rows = Rows(0x400, 4, 16, 2)
    bench = Bench(stores=[rows], inputs=(MemoryRegion(0x200, 0x210, "x"),))
    accesses = bench.accesses
    accesses.access(0, LOAD, Rows(0x200, 16, 0, 1))
    accesses.access(1, LOAD, Rows(0x100, 64, 0, 1))
    accesses.access(2, LOAD, rows)
    accesses.access(3, STORE, rows)
    accesses.access(4, LOAD, rows)
    accesses.access(5, LOAD, Rows(0x40C, 4, 0, 1))
    assert bench.kinds() == [(FindingKind.UNWRITTEN, 2), (FindingKind.UNWRITTEN, 5)]
    assert "a row of 4 bytes at 0x400" in bench.found[0][2]


def test_without_inputs_all_of_memory_may_hold_data():
    bench = Bench()
    bench.accesses.access(0, LOAD, Rows(0x9000, 4, 0, 1))
    assert bench.found == []


def test_pages_cover_stored_memory_alone():
    accesses = Bench(stores=[Rows(0x1000, 0x3000, 0, 1)]).accesses
    assert accesses.pages(Rows(0x0, 0x1000, 0, 1)) == 0
    assert accesses.pages(Rows(0x1000, 1, 0, 1)) == 1 << FIRST_PAGE
    assert accesses.pages(Rows(0x1FFF, 2, 0, 1)) == 0b11 << FIRST_PAGE
    assert accesses.pages(Rows(0x3000, 0x9000, 0, 1)) == 0b100 << FIRST_PAGE


def test_stream_must_be_aligned_and_inside_the_window():
    bench = Bench(window=(0, 0x1000))
    bench.accesses.place(0xFE8, 2)
    assert bench.kinds() == [(FindingKind.ALIGNMENT, 0), (FindingKind.WINDOW, 0)]
