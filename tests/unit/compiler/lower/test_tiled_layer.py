"""Layers of every kind: random tilings of their spaces have the bits of the first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from conv_nodes import conv_node
from lowered_node import SMALL, integers, rule, run_lowered

from myvta.compiler.codegen.lowering_context import Activation
from myvta.compiler.codegen.tile_ops import every_tile
from myvta.compiler.ir.attributes import (
    Attributes,
    AveragePoolAttributes,
    GlobalAverageAttributes,
    MaxPoolAttributes,
    SlidingWindow,
)
from myvta.compiler.ir.fixed_point import Requant
from myvta.compiler.ir.layouts import ChannelLayout
from myvta.compiler.ir.quantized_graph import QuantizedNode
from myvta.compiler.lower.average_pool import average_pool_layer
from myvta.compiler.lower.block_gemm import BlockGemm, Term, identity_terms
from myvta.compiler.lower.conv.conv import group_layer
from myvta.compiler.lower.conv.fusion_group import FusionGroup
from myvta.compiler.lower.global_average_pool import global_average_layer
from myvta.compiler.lower.max_pool import max_pool_layer
from myvta.compiler.lower.pad_resize import pad_layer, resize_layer
from myvta.compiler.lower.pointwise import block_gemm_layer
from myvta.compiler.lower.tiled_layer import LayerOf
from myvta.compiler.schedule.problem_kinds import KINDS, tilings_of
from myvta.compiler.schedule.tiling_problem import Problem, Tiling
from myvta.driver import StreamBuilder
from myvta.isa.config import Config, named
from myvta.isa.opcodes import AluOpcode

Sizes = tuple[int, int, int]
WINDOW = SlidingWindow((3, 2), (2, 1), (1, 0, 1, 1))
CONFIGS = [SMALL, named("2x8x8")]


@dataclass(frozen=True, eq=False)
class Case:
    """A layer, its node, and the channels, rows and columns of its activations."""

    layer_of: LayerOf
    node: QuantizedNode
    inputs: dict[str, Sizes]
    out: Sizes
    spaces: dict[Config, list[Tiling]] = field(default_factory=dict)

    def problem(self, config: Config) -> Problem:
        """Return the problem for two images."""
        places = {
            name: Activation(
                0, 2 // config.batch, -(-sizes[0] // config.block_in), ChannelLayout(*sizes))
            for name, sizes in {**self.inputs, self.node.outputs[0]: self.out}.items()}
        return self.layer_of(self.node, places, config).problem

    def space(self, config: Config) -> list[Tiling]:
        """Return all tilings that fit."""
        if config not in self.spaces:
            self.spaces[config] = list(tilings_of(self.problem(config), config))
        return self.spaces[config]

    def run(self, config: Config, tiling: Tiling) -> np.ndarray:
        """Return the outputs of two random images."""
        values = {name: integers((2, *sizes), len(name)) for name, sizes in self.inputs.items()}
        return run_lowered(self.layer_of, self.node, values, (2, *self.out), config, tiling)


def node(attrs: Any = None, requant: Requant | None = None) -> QuantizedNode:
    return QuantizedNode("Any", "any", ("x",), ("y",), attrs or Attributes(), requant)


def block_gemm(block_gemm_for: Callable[[Config], BlockGemm]) -> LayerOf:
    return lambda node, places, config: block_gemm_layer(
        node, places, config, block_gemm_for(config))


def two_sums(config: Config) -> BlockGemm:
    """Return the sum of an input and its double, each in an accumulator of its own."""
    def post_op(builder: StreamBuilder, base: int, count: int, distance: int) -> None:
        every_tile(builder, AluOpcode.MIN, 90, base, count + distance)

    blocks = -(-12 // config.block_in)
    return BlockGemm(
        identity_terms(config, blocks, [(0, 1, 0), (0, 0, 1)]), rule(12, 1), post_op, 2)


def matrices(config: Config) -> BlockGemm:
    """Return sums of two blocks, through matrices and parameters that all differ."""
    size = config.block_in
    blocks = -(-12 // size)
    tiles = integers((blocks, 2, size, size), 3) // 4
    terms = [
        [Term(0, (block + k) % blocks, tiles[block, k]) for k in range(2)]
        for block in range(blocks)]
    shifts = np.arange(12) % 3 + 6
    return BlockGemm(terms, Requant(np.arange(12).astype(np.int32), shifts.astype(np.int32)))


def average(sizes: tuple[int, int]) -> QuantizedNode:
    factors = 1 + np.arange(sizes[0] * sizes[1]).reshape(sizes) % 3
    return node(AveragePoolAttributes(WINDOW, factors), rule(12, 4))


CASES = {
    "MaxPool": Case(max_pool_layer, node(MaxPoolAttributes(WINDOW)), {"x": (12, 9, 8)}, (12, 5, 8)),
    "AveragePool": Case(average_pool_layer, average((5, 8)), {"x": (12, 9, 8)}, (12, 5, 8)),
    "GlobalAveragePool": Case(
        global_average_layer, node(GlobalAverageAttributes(3, 4), rule(20, 8)), {"x": (20, 9, 9)},
        (20, 1, 1)),
    "Pad": Case(
        partial(pad_layer, pads=(2, -1, 5, 3), fill=-7), node(), {"x": (12, 6, 7)}, (12, 13, 9)),
    "Resize": Case(
        partial(resize_layer, factors=(2, 3)), node(), {"x": (12, 5, 4)}, (12, 10, 12)),
    "two sums": Case(block_gemm(two_sums), node(), {"x": (12, 7, 5)}, (12, 7, 5)),
    "matrices": Case(block_gemm(matrices), node(), {"x": (12, 5, 3)}, (12, 5, 3)),
    "Conv": Case(
        lambda node, places, config: group_layer(FusionGroup(node), places, config),
        conv_node((14, 10, 3, 2), WINDOW), {"x": (10, 9, 6)}, (14, 5, 6)),
}


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=["small", "2x8x8"])
@pytest.mark.parametrize("name", CASES)
def test_any_tiling_has_the_bits_of_the_first(name: str, config: Config) -> None:
    first, *others = CASES[name].space(config)
    expected = CASES[name].run(config, first)
    for number in np.random.default_rng(crc32(name.encode())).permutation(len(others))[:8]:
        tiling = others[number]
        np.testing.assert_array_equal(CASES[name].run(config, tiling), expected, str(tiling))


def test_cases_are_of_every_kind() -> None:
    assert {case.problem(SMALL).kind for case in CASES.values()} == set(KINDS)
    assert all(len(case.space(SMALL)) > 5 for case in CASES.values())
