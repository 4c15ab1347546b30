"""2-D transfers as instructions: one where the fields allow it, else several that do the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...isa.instructions import FORWARD_TYPES, Load, Store
from ...isa.opcodes import MemoryType
from ..errors import StreamError

__all__ = ["forward_instructions", "load_instructions", "store_instructions"]

_SIZE_LIMIT = (1 << 16) - 1  # x_size, y_size, x_stride
_PAD_LIMIT = (1 << 4) - 1
_NOT_LOADABLE = (MemoryType.UOP, MemoryType.OUT)  # UOP: by kernels
_LOADABLE = tuple(kind for kind in MemoryType if kind not in _NOT_LOADABLE)


def load_instructions(
    memory_type: MemoryType, sram: int, dram: int, x_size: int, y_size: int,
    x_stride: int | None, x_pad: tuple[int, int], y_pad: tuple[int, int],
) -> Iterator[Load]:
    """Return the LOADs of ``StreamBuilder.load_2d``, in on-chip order."""
    stride = x_size if x_stride is None else x_stride
    _check_sizes({
        "x_size": x_size, "y_size": y_size, "x_stride": stride, "left x_pad": x_pad[0],
        "right x_pad": x_pad[1], "top y_pad": y_pad[0], "bottom y_pad": y_pad[1],
    })
    if memory_type not in _LOADABLE:
        known = ", ".join(kind.name for kind in _LOADABLE)
        raise StreamError(f"load_2d loads one of {known}, not {memory_type!r}")
    if not any((*x_pad, *y_pad)):
        x_size, y_size, stride = _merged(x_size, y_size, stride)
    stride = stride if y_size > 1 else x_size  # one row: the stride does not matter
    if max(*x_pad, *y_pad) <= _PAD_LIMIT and max(x_size, y_size, stride) <= _SIZE_LIMIT:
        yield Load(
            memory_type=memory_type, sram_base=sram, dram_base=dram, x_size=x_size,
            y_size=y_size, x_stride=stride, x_pad_0=x_pad[0], x_pad_1=x_pad[1],
            y_pad_0=y_pad[0], y_pad_1=y_pad[1],
        )
        return
    width = x_pad[0] + x_size + x_pad[1]
    yield from _zeros(memory_type, sram, y_pad[0] * width)
    sram += y_pad[0] * width
    for row in range(y_size):
        yield from _zeros(memory_type, sram, x_pad[0])
        for start, size in _parts(x_size):
            yield Load(
                memory_type=memory_type, sram_base=sram + x_pad[0] + start, x_size=size,
                x_stride=size, dram_base=dram + row * stride + start,
            )
        yield from _zeros(memory_type, sram + x_pad[0] + x_size, x_pad[1])
        sram += width
    yield from _zeros(memory_type, sram, y_pad[1] * width)


def store_instructions(
    sram: int, dram: int, x_size: int, y_size: int, x_stride: int | None,
) -> Iterator[Store]:
    """Return the STOREs of ``StreamBuilder.store_2d``."""
    stride = x_size if x_stride is None else x_stride
    _check_sizes({"x_size": x_size, "y_size": y_size, "x_stride": stride})
    x_size, y_size, stride = _merged(x_size, y_size, stride)
    stride = stride if y_size > 1 else x_size
    if max(x_size, y_size, stride) <= _SIZE_LIMIT:
        yield Store(
            sram_base=sram, dram_base=dram, x_size=x_size, y_size=y_size, x_stride=stride
        )
        return
    for row in range(y_size):
        for start, size in _parts(x_size):
            yield Store(
                sram_base=sram + row * x_size + start, x_size=size, x_stride=size,
                dram_base=dram + row * stride + start,
            )


def forward_instructions(
    memory_type: MemoryType, sram: int, first: int, x_size: int, y_size: int, x_stride: int | None,
) -> Iterator[Store]:
    """Return the STOREs of ``StreamBuilder.forward_2d``: as those of ``store_2d``."""
    if memory_type not in FORWARD_TYPES:
        known = " or ".join(kind.name for kind in FORWARD_TYPES)
        raise StreamError(f"forward_2d writes {known}, not {memory_type!r}")
    for store in store_instructions(sram, first, x_size, y_size, x_stride):
        yield replace(store, memory_type=memory_type)


def _merged(x_size: int, y_size: int, stride: int) -> tuple[int, int, int]:
    """Merge contiguous rows into one long row, which the device moves in longer bursts."""
    if stride == x_size and y_size > 1 and x_size * y_size <= _SIZE_LIMIT:
        return x_size * y_size, 1, x_size * y_size
    return x_size, y_size, stride


def _parts(size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, _SIZE_LIMIT):
        yield start, min(_SIZE_LIMIT, size - start)


def _zeros(memory_type: MemoryType, sram: int, count: int) -> Iterator[Load]:
    """Clear ``count`` elements: a padding row above no rows (rule D13, docs/device.md)."""
    for start, size in _parts(count):
        yield Load(
            memory_type=memory_type, sram_base=sram + start, x_size=size, y_size=0,
            x_stride=size, y_pad_0=1,
        )


def _check_sizes(named: dict[str, int]) -> None:
    for name, value in named.items():
        minimum = 1 if name == "x_size" else 0
        if value < minimum:
            raise StreamError(f"{name} must be at least {minimum}, not {value}")
