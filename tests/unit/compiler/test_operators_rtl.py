"""One network of every cheap operator on the RTL, each layer bit for bit the reference's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled
from compiler_steps import BUILD

from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.schedule.select_tiling import ScheduleOptions
from myvta.compiler.session import Session
from myvta.driver import open_target


def network() -> tuple[NetworkBuilder, str]:
    """Return a network and its output."""
    build = NetworkBuilder(3)

    def add(kind: str, *inputs: str, **args: Any) -> list[str]:
        return BUILD[kind](build, list(inputs), **args)

    x = build.conv(build.input((1, 6, 6, 5)), 7)
    (x,) = add("clip", x, low=-0.7, high=0.9)
    (x,) = add("leaky", x, alpha=0.25)
    left, right = add("split", x, sizes=(3, 4))
    (x,) = add("concat", right, left, left)
    (x,) = add("batch_norm", x)
    (x,) = add("pool", x, op="AveragePool", kernel=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))
    (x,) = add("resize", x, factors=(2, 3), way=1)
    (x,) = add("pad", x, pads=(1, 0, 2, 3), value=-0.5)
    (x,) = add("constant", x, op="Add", form="whole", gain=1.0, first=False)
    (x,) = add("pool", x, op="MaxPool", kernel=(3, 2), strides=(1, 2), pads=(1, 1, 2, 0),
               dilations=(2, 1))
    (x,) = add("global", x, op="ReduceMean")
    (x,) = add("view", build.gemm(x, 12), channels=3, size=(2, 2))
    return build, build.relu(x)


@pytest.mark.verilator
@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_base"])
def test_every_operator_on_the_rtl_equals_the_reference(tmp_path: Path, config: str) -> None:
    build, output = network()
    made = compiled(build, tmp_path, config, output, schedule=ScheduleOptions(fuse="off"))
    assert [(node.op, node.where) for node in made.report.nodes] == [
        (op, "accelerator") for op in (
            "Conv", "LeakyRelu", "Slice", "Slice", "Concat", "Affine", "AveragePool", "Resize",
            "Pad", "Add", "MaxPool", "GlobalAveragePool", "Gemm")]
    inputs = build.samples(1)
    expected = evaluate(made.quantized, inputs)
    with open_target(f"verilator://?config={config}&mem=0x0:1M&latency=7") as target:
        found = Session(made.program, target).run(inputs, capture=True)
    compared = {name[:-2]: value for name, value in found.items() if name.endswith(".q")}
    assert set(compared) >= {name for node in made.quantized.nodes for name in node.outputs}
    for name, value in compared.items():
        np.testing.assert_array_equal(value.reshape(expected[name].shape), expected[name], name)
