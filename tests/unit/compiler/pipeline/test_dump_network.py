"""Dumps of three small networks after every pass, against files.

``MYVTA_UPDATE_GOLDEN=1 pytest`` rewrites the files.  The networks' weights are small whole numbers,
so that nothing depends on the rounding of a processor.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, save
from golden_files import compare_with_file
from onnx import numpy_helper

from myvta.compiler.compile import PASSES, runner
from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.pipeline.dump import dump_text
from myvta.compiler.pipeline.model_passes import CompileRequest
from myvta.compiler.quantize.quantization_search import QuantizationOptions
from myvta.isa.config import named

GOLDEN = Path(__file__).parent / "golden"


def residual(b: NetworkBuilder) -> None:
    """Build an Add that is computed in a convolution, and an epilogue."""
    x = b.relu(b.input((1, 6, 4, 4)))
    x = b.add(b.conv(x, 6), x)
    b.node("LeakyRelu", [x], b.shapes[x], alpha=0.125)


def classifier(b: NetworkBuilder) -> None:
    """Build a packed first layer, a pooling, a dense layer and a node of the host."""
    x = b.max_pool(b.relu(b.conv(b.input((1, 1, 6, 6)), 5)))
    b.node("Softmax", [b.gemm(b.flatten(x), 4)], (1, 4))


def upsampling(b: NetworkBuilder) -> None:
    """Build a transposed convolution with packed outputs and a depthwise one."""
    x = b.relu(b.input((1, 8, 3, 3)))
    b.conv_transpose(b.conv(x, 8, group=8), 1)


NETWORKS: dict[str, Callable[[NetworkBuilder], None]] = {
    "residual": residual, "classifier": classifier, "upsampling": upsampling}


@pytest.mark.parametrize("name", NETWORKS)
def test_dumps_equal_the_golden_files(tmp_path: Path, name: str) -> None:
    build = NetworkBuilder(1)
    NETWORKS[name](build)
    for constant in build.constants:
        values = np.sign(numpy_helper.to_array(constant)) / 4
        constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    shape = build.shapes["input"]
    images = (np.arange(2 * np.prod(shape)) % 9 - 4).reshape(2, *shape[1:]) / 4
    work = runner(CompileRequest(
        save(build, tmp_path / f"{name}.onnx"), {"input": images.astype(np.float32)},
        TargetDescription(named("1x4x4")),
        quantization=QuantizationOptions("power-of-two", "minmax", "off")))
    work.run()
    text = "".join(
        f"# after {item.name}\n{dump_text(item.dump(work.results[item.name]))}\n"
        for item in PASSES)
    compare_with_file(GOLDEN / f"{name}.txt", text)
