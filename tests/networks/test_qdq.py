"""Published networks as onnxruntime quantizes them: each layer within a step, the same answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import check_every_layer
from network_files import MEMORY, build
from qdq_models import integer_values, quantized_model, same_inputs, within_a_step

from myvta.compiler.compile import compile_model
from myvta.compiler.reference.reference_evaluator import evaluate

pytestmark = [pytest.mark.networks, pytest.mark.timeout(0)]

LAYERS = {"resnet18": 30, "mobilenet_v1": 29, "mobilenet_v2": 64}
"""Convolutions, dense layers and sums: 21 + 1 + 8, 27 + 1, 52 + 1 + 10, and the mean."""

IMAGES = 8
CLEAR = 16
"""Steps between onnxruntime's best and second value: more than rounding can change."""


@pytest.mark.parametrize(("kind", "size"), [
    ("int8", 64), ("uint8", 64), ("symmetric", 64), ("uint8", None),
])
@pytest.mark.parametrize("name", LAYERS)
def test_network_matches_the_reference(
    name: str, kind: str, size: int | None, tmp_path: Path
) -> None:
    path = build(name, tmp_path, size, IMAGES)
    with np.load(path.with_suffix(".npz")) as file:
        images = dict(file)
    model = quantized_model(path, tmp_path, images, kind)
    made = compile_model(model, images, "default", memory=MEMORY)
    assert {node.where for node in made.report.nodes} == {"accelerator"}

    apart = same_inputs(made, model, images["input"])
    assert len(apart) >= LAYERS[name]
    assert within_a_step(apart)
    for node in made.quantized.nodes:  # no tie but of means: a step is off next to never
        if node.op in ("Conv", "ScaledAdd", "Gemm") and node.name in apart:
            assert apart[node.name][1] < 5e-4, node.name

    (output,) = made.quantized.outputs
    wanted = integer_values(model, images["input"])[output]
    ordered = np.sort(wanted, axis=1)
    assert (ordered[:, -1] - ordered[:, -2]).min() >= CLEAR
    found = evaluate(made.quantized, images)[output]
    np.testing.assert_array_equal(found.argmax(1), wanted.argmax(1))
    assert made.report.same_argmax == {output: (IMAGES, IMAGES)}
    check_every_layer(made, {name: value[:1] for name, value in images.items()})
