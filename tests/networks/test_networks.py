"""The published networks of examples/networks: compiled, run on the model, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from network_files import MEMORY, build

from myvta.compiler.compile import compile_model
from myvta.compiler.layout.memory_plan import integer_name
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver import open_target

pytestmark = [pytest.mark.networks, pytest.mark.timeout(0)]

NETWORKS = ("resnet18", "resnet34", "resnet50", "mobilenet_v1", "mobilenet_v2", "alexnet", "dcgan",
            "style_transfer", "yolov3_tiny")
SMALL = ("1x4x4", "1x8x8", "2x8x8", "1x16x16_int4", "base", "2x16x16", "1x32x32")
HOST = {"Softmax", "ArgMax"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("networks")


@pytest.mark.parametrize(("config", "size"), [
    ("default", None), *((config, 64) for config in SMALL),
])
@pytest.mark.parametrize("name", NETWORKS)
def test_network_matches_the_reference(
    name: str, config: str, size: int | None, folder: Path
) -> None:
    path = build(name, folder, size)
    with np.load(path.with_suffix(".npz")) as file:
        images = dict(file)
    made = compile_model(path, images, config, memory=MEMORY)
    hosted = {node.op: node.reason for node in made.report.nodes if node.where == "host"}
    assert set(hosted) <= HOST, hosted
    image = {key: value[: made.report.images] for key, value in images.items()}
    expected = evaluate(made.quantized, image)
    with open_target(f"model://?mem=0x0:{MEMORY}", made.program.config) as target:
        found = Session(made.program, target).run(image, capture=True, timeout=3600)
    compared = [name for name in expected if integer_name(name) in found]
    kept_packed = [  # a Tanh keeps the packed lanes of a tile: these are never unpacked
        node for node in made.quantized.nodes
        if node.op == "Tanh" and integer_name(node.inputs[0]) not in found
    ]
    assert len(compared) + len(kept_packed) >= len([  # of two computed together one is stored
        node for node in made.report.nodes
        if node.where == "accelerator" and "computed in" not in node.reason
    ])
    assert all(integer_name(name) in found for name in made.quantized.outputs)
    for name in compared:
        value = found[integer_name(name)]
        np.testing.assert_array_equal(value.reshape(expected[name].shape), expected[name], name)
