"""Published networks as onnxruntime quantizes them: every layer within a step, on the model too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import check_every_layer
from qdq_models import quantized_model
from test_networks import MEMORY, build

from myvta.compiler.compile import compile_model

pytestmark = [pytest.mark.networks, pytest.mark.timeout(0)]


@pytest.mark.parametrize("kind", ["int8", "uint8", "symmetric"])
@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v1", "mobilenet_v2"])
def test_network(name: str, kind: str, tmp_path: Path) -> None:
    path = build(name, tmp_path, 64)
    with np.load(path.with_suffix(".npz")) as file:
        images = dict(file)
    made = compile_model(
        quantized_model(path, tmp_path, images, kind), images, "default", memory=MEMORY)
    assert {node.where for node in made.report.nodes} == {"accelerator"}
    apart = {node.name: node.deviation for node in made.report.nodes if node.deviation}
    assert len(apart) >= 28
    assert max(steps for steps, _ in apart.values()) <= 1
    check_every_layer(made, {name: value[:1] for name, value in images.items()})
