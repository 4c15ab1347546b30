"""Beats, bursts, padding and reads of single instructions, worked by hand (64-bit memory)."""

import pytest

from myvta.isa.config import named
from myvta.isa.instructions import Alu, Finish, Gemm, Instruction, Load, Store
from myvta.isa.opcodes import MemoryType, Module
from myvta.model.timing.timing_work import Work, WorkReader

CONFIG = named("default")  # tiles: INP 16 bytes, ACC 64, OUT 16; beats of 8 bytes, 16 per burst
INP, ACC, UOP = MemoryType.INP, MemoryType.ACC, MemoryType.UOP


def work(item: Instruction) -> Work:
    return WorkReader(CONFIG, b"").read(item)


@pytest.mark.parametrize(
    ("item", "kind", "beats", "bursts", "slots"),
    [
        (Load(memory_type=INP, x_size=16), "load", 32, 2, 32),
        (Load(memory_type=INP, x_size=16, dram_base=1), "load", 32, 3, 32),  # bytes 16 .. 271
        (Load(memory_type=INP, x_size=1, y_size=3, x_stride=5), "load", 6, 3, 6),
        (Load(memory_type=INP, x_size=2, x_pad_0=3), "load", 4, 1, 4 + 3 - 2),  # 2 beside the data
        (Load(memory_type=ACC, x_size=2, x_pad_1=12), "fill", 16, 1, 16 + 12 - 8),
        (Load(memory_type=ACC, x_size=2, y_size=0, y_pad_0=1), "fill", 0, 0, 2),
        (Load(memory_type=UOP, x_size=3), "fill", 2, 1, 2),
        (Load(memory_type=INP), "nothing", 0, 0, 0),
    ],
)
def test_load_work_counts_rows_and_beats(
    item: Load, kind: str, beats: int, bursts: int, slots: int
) -> None:
    result = work(item)
    assert (result.kind, result.beats, result.bursts, result.slots) == (kind, beats, bursts, slots)


def test_padding_of_inputs_in_banks_is_zeroed_beside_the_data() -> None:
    """A tile of 8 bytes is one beat, and INP four banks with depthwise."""
    item = Load(memory_type=INP, x_size=8, x_pad_0=3)
    small = named("1x8x8")
    assert WorkReader(small, b"").read(item).slots == 8 + 3
    assert WorkReader(small.replace(depthwise=True), b"").read(item).slots == 8


@pytest.mark.parametrize(("fields", "beats", "slots"), [
    ({"x_size": 2}, 128, 512), ({"x_size": 1, "x_pad_1": 1, "y_size": 2}, 128, 1024),
    ({"x_size": 1, "y_size": 0, "y_pad_0": 3}, 0, 768),
])
def test_tables_are_written_one_entry_per_cycle(
    fields: dict[str, int], beats: int, slots: int
) -> None:
    reader = WorkReader(CONFIG, b"")
    result = reader.read(Load(memory_type=MemoryType.LUT, **fields))
    assert (result.kind, result.beats, result.slots) == ("fill", beats, slots)


def test_store_reads_one_tile_per_cycle() -> None:
    result = work(Store(x_size=4, y_size=2, x_stride=4))
    assert (result.module, result.kind, result.beats, result.reads) == (
        Module.STORE, "store", 16, 8)
    assert work(Store(x_size=4, y_size=0)).kind == "nothing"


def test_work_of_steps_and_finish_is_counted() -> None:
    assert (work(Gemm(iter_in=9)).kind, work(Gemm(iter_in=9)).steps) == ("steps", 9)
    assert work(Alu(iter_in=5, use_imm=1, dst_factor_in=1)).steps == 5
    assert work(Finish()).kind == "finish"


def test_queues_follow_the_flags() -> None:
    result = work(Gemm(pop_prev=1, push_next=1))
    assert [str(queue) for queue in result.pops] == ["load->compute"]
    assert [str(queue) for queue in result.pushes] == ["compute->store"]
