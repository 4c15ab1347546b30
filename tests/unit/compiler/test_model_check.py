"""The check of a model before it is compiled: every node accounted for, every problem found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled, random_network, save
from onnx import helper, numpy_helper

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.model_check import check_model


def everything() -> NetworkBuilder:
    """Return a network whose nodes end in every way there is."""
    build = NetworkBuilder(3)
    x = build.relu(build.batch_norm(build.conv(build.input((1, 3, 8, 8)), 8, bias=False)))
    shape = build.shapes[x]
    y = build.node("LeakyRelu", [x], shape, alpha=0.1)
    z = build.node("Dropout", [build.add(x, y)], shape)
    half = build.node("Neg", [build.constant(np.full(1, -0.5))], (1,))
    z = build.node("Mul", [z, half], shape)
    build.node("Sigmoid", [z], shape)  # nothing reads it
    sizes = "sizes"
    build.constants.append(numpy_helper.from_array(np.array([3, 5]), sizes))
    build.nodes.append(helper.make_node(
        "Split", [z, sizes], ["left", "right"], name="split", axis=1,
    ))
    build.shapes |= {"left": (1, 3, 8, 8), "right": (1, 5, 8, 8)}
    z = build.node("Concat", ["right", "left"], shape, axis=1)
    z = build.gemm(build.flatten(build.average(z)), 10)
    build.node("Softmax", [z], (1, 10))
    return build


def test_every_node_is_accounted_for(tmp_path: Path) -> None:
    found = check_model(save(everything(), tmp_path / "n.onnx"), "1x4x4")
    assert found.compiles
    assert [(node.name, node.where, node.reason) for node in found.nodes] == [
        ("conv0", "accelerator", "sums over taps and channel blocks"),
        ("batchnormalization1", "folded", "part of conv0"),
        ("relu2", "folded", "part of conv0"),
        ("leakyrelu3", "host", "its slope 0.1 is not 2^-k with k in 0..16"),
        ("add4", "accelerator", "GEMM with scaled identities, requantized"),
        ("dropout5", "folded", "does nothing"),
        ("neg6", "folded", "constant: computed when the network is compiled"),
        ("mul7", "accelerator", "GEMM with diagonal matrices, requantized per channel"),
        ("sigmoid8", "folded", "no node reads its result"),
        ("split", "accelerator", "in 2 parts: GEMM with matrices that choose channels"),
        ("concat10", "accelerator",
         "GEMM with matrices that choose channels, requantized where scales differ"),
        ("globalaveragepool11", "accelerator",
         "GEMM with the identity over all pixels, requantized"),
        ("flatten12", "accelerator", "a view: no work"),
        ("gemm13", "accelerator", "GEMM over feature blocks"),
        ("softmax14", "host", "no lowering for Softmax"),
    ]
    assert (found.count("accelerator"), found.count("host"), found.count("folded")) == (8, 2, 5)
    assert found.nodes[0].shape == (1, 8, 8, 8)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["default", "1x4x4_base", "2x8x8"])
@pytest.mark.parametrize("seed", range(4))
def test_check_agrees_with_the_compiler(tmp_path: Path, seed: int, config: str) -> None:
    build = everything() if seed == 0 else random_network(seed)
    made = compiled(build, tmp_path, config)
    found = check_model(tmp_path / "network.onnx", config)
    where = {node.name: (node.where, node.reason) for node in found.nodes}
    for node in made.report.nodes:
        if node.name in where:  # parts of a Split have names of their own
            assert where[node.name][0] == node.where
            assert node.reason.startswith(where[node.name][1])


def test_all_problems_are_reported_at_once(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.input((1, 4)))
    y = build.node("Neg", [build.constant(np.ones(3))], (3,))
    path = save(build, tmp_path / "n.onnx", x, y)
    found = check_model(path, "2x8x8", memory=1)
    assert not found.compiles
    assert [problem.split(":")[0] for problem in found.problems] == [
        "output 'neg1' is a constant",
        "its weights and activations take 32 bytes of device memory, more than 1",
    ]
    assert len(found.nodes) == 2


def test_partial_batch_tile_is_reported(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.input((1, 4)))
    build.node("ReduceMax", [x], (4,), axes=[0], keepdims=0)
    path = save(build, tmp_path / "n.onnx")
    (problem,) = check_model(path, "2x8x8").problems
    assert problem.startswith("host tensor 'reducemax1' [4] has no dimension of images: compile")
    with pytest.raises(CompileError, match="host tensor 'reducemax1'"):
        compiled(build, tmp_path, "2x8x8")
    assert check_model(path, "1x8x8").compiles


def test_other_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"nothing")
    found = check_model(tmp_path / "n.onnx")
    assert not found.compiles
    assert not found.nodes
    assert found.problems[0].endswith("not an ONNX file (protobuf does not parse)")


def test_dynamic_shapes_are_reported(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.relu(build.input(("n", 2, "h", 4)))
    path = save(build, tmp_path / "n.onnx")
    assert "has a dynamic shape [n, 2, h, 4]: give its sizes" in check_model(path).problems[0]
    assert check_model(path, shapes={"input": (1, 2, 3, 4)}).compiles
