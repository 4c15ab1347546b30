"""Scales by calibration: of values, and of activations that only a table reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save

from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.ir.qdq_scales import TensorScale
from myvta.compiler.partition.front_end import canonicalize_model
from myvta.compiler.quantize.activation_scales import Grid
from myvta.compiler.quantize.calibrate import calibrate
from myvta.compiler.quantize.calibrated_scales import CalibratedScales, ScaleMemo
from myvta.isa.config import named

ANY = Grid(8, any_scale=True)


def scales(folder: Path, grid: Grid, both: bool = False) -> CalibratedScales:
    """Return the scales of ``y = Sigmoid(x)``; with ``both`` x has another reader."""
    build = NetworkBuilder()
    x = build.input((1, 4, 3, 3))
    build.node("Sigmoid", [x], (1, 4, 3, 3))
    if both:
        build.relu(x)
    graph, model = import_model(save(build, folder / "n.onnx", *(
        node.output[0] for node in build.nodes)))
    canonicalize_model(graph, named("default"))
    samples = {x: np.linspace(-40, 90, 8 * 36, dtype=np.float32).reshape(8, 4, 3, 3)}
    names = [name for name, tensor in graph.tensors.items() if not tensor.constant]
    return CalibratedScales(graph, calibrate(model, graph, samples, names), grid, "minmax")


@pytest.mark.parametrize("grid", [ANY, Grid(8)])
def test_table_decides_the_range_of_what_only_it_reads(tmp_path: Path, grid: Grid) -> None:
    found, memo = scales(tmp_path, grid), ScaleMemo()
    scale = found.scale("input", memo)
    assert scale.scale < 20 / 127  # beyond 10 a Sigmoid is flat
    assert memo.tables == {"input": scale}
    memo.tables["input"] = TensorScale(3.0)
    assert found.scale("input", memo) == TensorScale(3.0)


def test_values_with_another_reader_have_their_own_range(tmp_path: Path) -> None:
    found = scales(tmp_path, ANY, both=True)
    assert found.scale("input", ScaleMemo()) == TensorScale(90 / 127)


def test_constants_have_a_scale_of_the_same_method(tmp_path: Path) -> None:
    assert scales(tmp_path, ANY).constant(np.array([[0.5, -1.0]])) == 1 / 127
    assert scales(tmp_path, Grid(8)).constant(np.array([[0.5, -1.0]])) == 2.0**-6
