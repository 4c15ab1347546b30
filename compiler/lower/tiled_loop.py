"""The loop over tiles that all layers share.

    for every tile                                                   a slot of ACC
        for every chunk of its sums
            load the inputs, unless a slot holds them                a slot of INP
            for every part of the tile
                load the weights, unless a slot holds them           a slot of WGT
                compute
                after the last chunk: finish the part, store it

A layer describes its tiles; only this module decides when buffers are filled.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise, product
from typing import Protocol

from ...driver.stream.stream import StreamBuilder
from ..codegen.lowering_context import Fill, LoweringContext
from ..codegen.scratchpad_lru import LruBuffers

__all__ = ["Chunk", "Compute", "Inputs", "Part", "Produced", "Tile", "TiledLoop"]


class Compute(Protocol):
    """``compute(builder, bases=...)``: a part's steps on its slots of ACC, INP and WGT."""

    def __call__(self, builder: StreamBuilder, bases: tuple[int, int, int]) -> None: ...


@dataclass(frozen=True, eq=False)
class Inputs:
    """The contents of a slot of INP, identified by ``key``."""

    key: Hashable
    load: Fill


@dataclass(frozen=True, eq=False)
class Produced:
    """The contents of a slot of INP that the layer computes itself, identified by ``key``.

    ``record(base)`` records the steps that write them from tile ``base`` on.  They are recorded
    before the steps of the chunk before, so that these do not wait for the results.
    """

    key: Hashable
    record: Callable[[int], None]


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a tile, computed at once.

    Attributes
    ----------
    load_weights
        Loads its weights; None: there are none.
    offset, weight_bytes
        Their first tile in the chunk's slot, and their size.
    """

    compute: Compute
    load_weights: Fill | None = None
    offset: int = 0
    weight_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Chunk:
    """A chunk of the sums of a tile, for each part of the tile.

    Attributes
    ----------
    weights
        The key of the slot of WGT with the weights of all parts.
    inputs
        None: nothing is read.
    """

    parts: Sequence[Part]
    weights: Hashable = None
    inputs: Inputs | Produced | None = None


@dataclass(frozen=True, eq=False)
class Tile:
    """A tile of outputs.

    Attributes
    ----------
    key
        Identifies the tile.
    chunks
        All with the same number of parts.
    finish
        ``finish(part, base)`` records the steps after the last chunk of a part, the store among
        them; the tile is in ACC from tile ``base`` on.
    prepare
        Records the steps before the first load.
    """

    key: Hashable
    chunks: Sequence[Chunk]
    finish: Callable[[int, int], None]
    prepare: Callable[[], None] = lambda: None


class TiledLoop:
    """Records the steps of a layer's tiles, in slots of the scratchpads.

    ``wgt``: default: the halves of WGT, whose keys must differ from those of other layers.
    """

    def __init__(
        self, ctx: LoweringContext, inp: LruBuffers, acc: LruBuffers,
        wgt: LruBuffers | None = None,
    ):
        self._ctx, self._inp, self._acc = ctx, inp, acc
        self._wgt = ctx.weights if wgt is None else wgt
        self._loaded: dict[int, set[int]] = {}  # parts whose weights are in a slot, by its base

    def run(
        self, axes: Mapping[str, Sequence[object]], tile: Callable[..., Tile], prefetched: int = 0
    ) -> None:
        """Record all tiles.

        Parameters
        ----------
        axes
            Positions along each axis by its name, the outermost first.
        tile
            Describes the tile at a position of every axis, ``tile(**positions)``.
        prefetched
            Bytes of weights that are loaded first.
        """
        tiles = (tile(**dict(zip(axes, places, strict=True))) for places in product(*axes.values()))
        for number, (item, following) in enumerate(pairwise(chain(tiles, [None]))):
            assert item is not None
            if number == 0 and prefetched:
                self._prefetch(item, prefetched)
            self._record(item, following)

    def _prefetch(self, tile: Tile, size: int) -> None:
        for chunk in tile.chunks[: len(self._wgt.slots)]:
            for index, part in enumerate(chunk.parts):
                size -= part.weight_bytes
                if size < 0:
                    return
                self._weights(chunk, index)

    def _record(self, tile: Tile, following: Tile | None) -> None:
        tile.prepare()
        acc = self._acc.take(tile.key).base
        ahead = iter([*tile.chunks[1:], *(() if following is None else following.chunks[:1])])
        for chunk in tile.chunks:
            last, after = chunk is tile.chunks[-1], next(ahead, None)
            if isinstance(chunk.inputs, Produced) and after is not None:
                self._inputs(chunk)
                self._inputs(after)
            for index, part in enumerate(chunk.parts):
                wgt, inp = self._weights(chunk, index), self._inputs(chunk)
                self._ctx.compute(partial(part.compute, bases=(acc, inp, wgt)))
                if last:
                    tile.finish(index, acc)

    def _inputs(self, chunk: Chunk) -> int:
        """Ensure that a chunk's inputs are on chip; return their base index."""
        inputs = chunk.inputs
        if inputs is None:
            return 0
        if isinstance(inputs, Inputs):
            return self._ctx.fill(self._inp, inputs.key, inputs.load).base
        slot = self._inp.find(inputs.key)
        if slot is None:
            slot = self._inp.take(inputs.key)
            inputs.record(slot.base)
        return slot.base

    def _weights(self, chunk: Chunk, index: int) -> int:
        """Ensure that a part's weights are on chip; return the base index of the chunk's."""
        part = chunk.parts[index]
        if part.load_weights is None:
            return 0
        slot = self._wgt.find(chunk.weights)
        if slot is None:
            slot = self._wgt.take(chunk.weights)
            self._loaded[slot.base] = set()
        loaded = self._loaded.setdefault(slot.base, set())
        if index not in loaded:
            loaded.add(index)
            self._ctx.load(partial(part.load_weights, base=slot.base + part.offset))
        return slot.base
