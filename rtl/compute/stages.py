"""Stages of the compute pipeline: the number of each, derived from the one before it.

A step is in stage ``n`` in the n-th cycle after its micro-op arrived, plus the cycles it waited in
``schedule``, the only stage that waits.  ALU operations read ACC early, from ``schedule`` on, and
pass operand selection, adder, multiplier and shifter one after another; a GEMM reads ACC[dst] late
(``accumulate``), as close to ``write`` as its data permits.  Both meet in ``merge``; RED joins them
there from a tree of its own that begins in ``operand``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...isa.config import Config
from .lookup import TABLE_LATENCY
from .mac_array import mac_latency
from .multiply_lane import MULTIPLIER_LATENCY

__all__ = ["Stages"]


@dataclass(frozen=True)
class Stages:
    """Stage numbers of one configuration; depth follows from its latencies.

    Attributes
    ----------
    multiplier_latency : int
        Stages from the operands of the long multiplier to its product.
    mac_latency : int
        Stages from operand tiles to dot products.
    table_latency : int
        Stages from RQT's value to the entry of a table; 0 without tables.
    """

    multiplier_latency: int
    mac_latency: int
    table_latency: int

    uop: ClassVar[int] = 0  # the micro-op arrives from its memory
    index: ClassVar[int] = 1  # micro-op plus loop offsets
    check: ClassVar[int] = 2  # range of the indices; hazards and bank needs compared
    schedule: ClassVar[int] = 3  # waits; ALU: reads ACC[dst], and ACC[src] of the other bank
    arrive: ClassVar[int] = 4  # their data; reads ACC[src] of the same bank
    capture: ClassVar[int] = 5  # the data registered
    align: ClassVar[int] = 6  # ACC[src] of the same bank registered
    operand: ClassVar[int] = 7  # both operands: sum or difference
    select: ClassVar[int] = 8  # sum, minimum or maximum, and its multiplier

    @classmethod
    def of(cls, config: Config) -> Stages:
        """Return the stages of a configuration."""
        return cls(
            MULTIPLIER_LATENCY, mac_latency(config), TABLE_LATENCY if config.lookup else 0)

    @property
    def product(self) -> int:
        """The product, which is shifted."""
        return self.select + self.multiplier_latency

    @property
    def shift(self) -> int:
        """The product shifted by the low bits of its amount, which is shifted by the others."""
        return self.product + 1

    @property
    def round(self) -> int:
        """The shifted value: rounding and zero point of RQT."""
        return self.shift + 1

    @property
    def clamp(self) -> int:
        """RQT's clamp; its value addresses the tables."""
        return self.round + 1

    @property
    def merge(self) -> int:
        """Results of the ALU, entries of tables and dot products become one addend."""
        return self.clamp + self.table_latency

    @property
    def add(self) -> int:
        """The addend plus ACC[dst] of a GEMM."""
        return self.merge + 1

    @property
    def write(self) -> int:
        """The result is written to ACC: the last stage."""
        return self.add + 1

    @property
    def accumulate(self) -> int:
        """A GEMM reads ACC[dst]: its data takes a cycle to arrive and one to be registered."""
        return self.add - 3

    @property
    def dot(self) -> int:
        """Dot products are complete."""
        return self.merge - 1

    @property
    def tiles(self) -> int:
        """Operand tiles of a GEMM arrive from INP and WGT."""
        return self.dot - self.mac_latency

    @property
    def read(self) -> int:
        """INP and WGT are read."""
        return self.tiles - 1
