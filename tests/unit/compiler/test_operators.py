"""Cheap operators on the model: each in the forms that differ on the device, bit for bit.

The fuzz (test_fuzz) draws from the same builders; here are the shapes that need many
tiles, parts of a window, several parts of the parameters, and whole networks made of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled
from compiler_steps import BUILD, NetworkCase, Step
from tiers import slow

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.isa.config import Config, named


def case(shape: tuple[int, ...], *steps: tuple[str, tuple[int, ...], dict[str, object]]
         ) -> NetworkCase:
    """Return a network of steps (operator, operands, arguments)."""
    return NetworkCase(shape, tuple(
        Step(op, operands, tuple(args.items())) for op, operands, args in steps
    ), 1)


POOL = {"op": "AveragePool", "strides": (1, 1)}
CASES = {
    "affine of many blocks": case((1, 150, 3, 3), ("batch_norm", (0,), {})),
    "affine of many pixels": case((1, 6, 40, 40), ("batch_norm", (0,), {})),
    "leaky of many pixels": case((1, 6, 30, 30), ("leaky", (0,), {"alpha": 0.125})),
    "leaky beyond what a weight holds": case((1, 5, 6, 6), ("leaky", (0,), {"alpha": 2.0**-12})),
    "relu6": case((1, 9, 5, 5), ("conv", (0,), {"channels": 9}),
                  ("clip", (1,), {"low": 0.0, "high": 0.75})),
    "constant of every value": case((1, 9, 20, 20), ("constant", (0,), {
        "op": "Add", "form": "whole", "gain": 1.0, "first": True})),
    "average of large windows": case((1, 3, 14, 15), ("pool", (0,), {
        **POOL, "kernel": (11, 10), "pads": (5, 4, 3, 6), "counted": 0})),
    "average of many tiles": case((1, 20, 17, 19), ("pool", (0,), {
        **POOL, "kernel": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1), "counted": 1})),
    "concat of many blocks": case(
        (1, 30, 9, 9), ("conv", (0,), {"channels": 21, "kernel": (1, 1), "pads": (0, 0, 0, 0)}),
        ("concat", (1, 0, 1), {})),
    "concat of scales far apart": case(
        (1, 5, 3, 3), ("constant", (0,), {
            "op": "Mul", "form": "scalar", "gain": 0.002, "first": False}),
        ("constant", (0,), {"op": "Mul", "form": "scalar", "gain": 0.00003, "first": False}),
        ("concat", (1, 0, 2), {})),
    "add of scales far apart": case(
        (1, 5, 3, 3), ("constant", (0,), {
            "op": "Mul", "form": "scalar", "gain": 0.002, "first": False}), ("add", (1, 0), {})),
    "concat of many small inputs": case(
        (1, 16, 4, 4), ("split", (0,), {"sizes": (1,) * 16}),
        ("concat", tuple(range(16, 0, -1)), {})),
    "slice across blocks": case((1, 70, 7, 7), ("slice", (0,), {
        "starts": (3,), "ends": (61,), "axes": (1,)})),
    "pad of many tiles": case((1, 5, 20, 20), ("pad", (0,), {
        "pads": (30, 2, 1, 17), "value": -1.5})),
    "crop": case((1, 5, 20, 20), ("slice", (0,), {
        "starts": (3, 4), "ends": (15, 20), "axes": (2, 3)})),
    "resize of many tiles": case((1, 10, 9, 13), ("resize", (0,), {"factors": (3, 4), "way": 0})),
    "resize of one pixel to many tiles": case(
        (1, 2, 1, 2), ("resize", (0,), {"factors": (20, 30), "way": 1})),
    "dilated max pool": case((1, 5, 9, 9), ("pool", (0,), {
        "op": "MaxPool", "kernel": (3, 3), "strides": (1, 2), "pads": (2, 2, 1, 2),
        "dilations": (2, 2)})),
    "rows as many as features": case(
        (2, 5, 5), ("rows", (0,), {"features": 5, "bias": True}), ("relu", (1,), {}),
        ("rows", (2,), {"features": 9, "bias": False})),
    "columns as many as features": case(
        (2, 5, 5), ("columns", (0,), {"features": 5}), ("view", (1,), {"size": (5, 1)}),
        ("conv", (2,), {"channels": 3, "kernel": (1, 1), "pads": (0, 0, 0, 0)})),
    "squeeze and excite": case(
        (2, 12, 6, 6), ("global", (0,), {"op": "ReduceMean"}),
        ("gemm", (1,), {"features": 4, "matmul": True}), ("leaky", (2,), {"alpha": 0.25}),
        ("gemm", (3,), {"features": 12, "matmul": False}), ("view", (4,), {"size": (1, 1)}),
        ("resize", (5,), {"factors": (6, 6), "way": 1}), ("concat", (0, 6), {})),
    "shuffle": case(
        (1, 12, 5, 5), ("split", (0,), {"sizes": (5, 7)}),
        ("conv", (1,), {"channels": 7}), ("add", (3, 2), {}), ("concat", (4, 1), {}),
        ("negative", (5,), {})),
}
SMALL = Config(
    log_block=4, log_uop_buff_size=6, log_inp_buff_size=8, log_wgt_buff_size=12,
    log_acc_buff_size=10, overwrite=True, requantize=True,
)
"""Sixteen tiles of every buffer: everything is done in the smallest parts."""


def check(made: NetworkCase, folder: Path, config: Config | str, seeds: range) -> None:
    network = NetworkBuilder()
    output = made.build(network)
    result = compiled(network, folder, config, output)
    assert {node.where for node in result.report.nodes} == {"accelerator"}
    inputs = network.samples(network.shapes["input"][0])
    check_every_layer(result, inputs, strict="1")
    for seed in seeds:
        check_every_layer(result, inputs, order=str(seed))


@pytest.mark.parametrize("config", ["2x8x8", *slow("1x4x4_base")])
@pytest.mark.parametrize("name", CASES)
def test_operator_equals_the_reference(tmp_path: Path, name: str, config: str) -> None:
    check(CASES[name], tmp_path, config, range(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CASES) - {"dilated max pool"}))
def test_smallest_buffers_give_the_same_result(tmp_path: Path, name: str) -> None:
    check(CASES[name], tmp_path, SMALL, range(1))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_integers_approximate_the_float_network(tmp_path: Path, name: str) -> None:
    """Factors, bounds and scales implement the operators within a few units of the output."""
    network = NetworkBuilder()
    output = CASES[name].build(network)
    made = compiled(network, tmp_path, "default", output, method="minmax")
    inputs = network.samples(network.shapes["input"][0])
    tensor = made.quantized.tensors[output]
    found = tensor.reals(evaluate(made.quantized, inputs)[output])
    model = import_model(tmp_path / "network.onnx")[1]
    wanted = model.evaluator([output])(inputs)[output]
    peak = np.abs(network.samples(1)["input"]).max()
    error = np.abs(found - wanted)
    assert np.percentile(error, 90) <= 2.5 * tensor.scale + 0.03 * min(peak, np.abs(wanted).max())


def test_concat_after_split_restores_the_input(tmp_path: Path) -> None:
    network = NetworkBuilder()
    x = network.input((1, 21, 4, 4))
    parts = BUILD["split"](network, [x], sizes=(6, 4, 11))
    output = BUILD["concat"](network, parts)[0]
    made = compiled(network, tmp_path, "1x4x4", output)
    found = check_every_layer(made, network.samples(1))
    np.testing.assert_array_equal(found[f"{output}.q"], found[f"{x}.q"])


def test_operators_without_arithmetic_keep_the_scale(tmp_path: Path) -> None:
    network = NetworkBuilder()
    x = network.input((1, 6, 4, 4))
    for op, args in (("pad", {"pads": (1, 1, 1, 1), "value": 0.5}), ("slice", {
            "starts": (1,), "ends": (5,), "axes": (1,)}), ("resize", {"factors": (2, 2), "way": 0}),
            ("clip", {"low": -1.0, "high": 1.0}), ("view", {"size": (144,)})):
        (x,) = BUILD[op](network, [x], **args)
    made = compiled(network, tmp_path, "1x4x4", x)
    assert len({tensor.scale for tensor in made.quantized.tensors.values()}) == 1
    assert all(node.requant is None for node in made.quantized.nodes)


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_per_channel_factors_keep_their_precision(tmp_path: Path, config: str) -> None:
    """Factors that differ by 2^10 are each exact to 7 bits."""
    network = NetworkBuilder()
    x = network.input((1, 8, 6, 6))
    factors = 2.0 ** np.linspace(-10, 0, 8)
    y = network.node("Mul", [x, network.constant(factors.reshape(8, 1, 1))], (1, 8, 6, 6))
    made = compiled(network, tmp_path, config, y)
    (node,) = made.quantized.nodes
    assert np.abs(node.attrs.factors).min() >= 64
    assert named(config).requantize or node.requant is not None
    check_every_layer(made, network.samples(1))


@pytest.mark.slow
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base", "2x8x8", "default"])
@pytest.mark.parametrize("size", [(4, 4), (3, 2), (6,)])
def test_dense_layer_into_a_feature_map_equals_the_reference(
    tmp_path: Path, size: tuple[int, ...], config: str
) -> None:
    """What begins a generator: one node on the device, batch normalization and Relu in it."""
    network = NetworkBuilder()
    x = network.gemm(network.input((1, 10)), 11 * int(np.prod(size)))
    (x,) = BUILD["view"](network, [x], channels=11, size=size)
    if len(size) == 2:
        x = network.relu(network.batch_norm(x))
        x = network.conv(x, 5)
    made = compiled(network, tmp_path, config, x)
    assert [(node.op, node.where) for node in made.report.nodes] == [
        ("Gemm", "accelerator"), ("Conv", "accelerator")][: len(size)]
    check_every_layer(made, network.samples(3), strict="1")
