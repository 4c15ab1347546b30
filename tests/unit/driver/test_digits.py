"""The digits network, every tensor of it, bit for bit the same on every kind of target."""

import numpy as np
import pytest
from every_target import TARGETS, marked

from myvta.cli.demo_run import load_digits
from myvta.compiler.compile import compile_model
from myvta.compiler.session import host
from myvta.driver import open_target, run_program

BASE, SIZE = 0x3000, 0x24000
SLOW = "icarus"  # a minute


@pytest.fixture(scope="module")
def digits():
    """The program, images, and the model's results: every tensor for each image."""
    found = load_digits()
    program = compile_model(found.model, found.calibration, "1x4x4").program
    images = found.inputs[[0, 17]]
    with open_target(f"model://?config=1x4x4&mem={BASE:#x}:{SIZE}&strict=1") as target:
        return program, images, [everything(program, target, image) for image in images]


def everything(program, target, image):
    """Return outputs, captured tensors and counters of one image."""
    result = run_program(
        program, target, {"image": image[np.newaxis]}, host=host, capture=True, timeout=600
    )
    return result.outputs, result.tensors, [report.counters for _, report in result.reports]


def same(one, other):
    assert one.keys() == other.keys() and one
    for name, values in one.items():
        assert values.dtype == other[name].dtype and np.array_equal(values, other[name]), name


@pytest.mark.slow
@pytest.mark.parametrize("name", [
    marked(name, *([pytest.mark.soak] if name == SLOW else ())) for name in TARGETS
])
def test_every_tensor_equals_the_model_s(digits, name):
    program, images, expected = digits
    count = 1 if "uart_top" in name else 2
    with TARGETS[name](BASE, SIZE) as target:
        for image, wanted in zip(images[:count], expected, strict=False):
            outputs, tensors, counters = everything(program, target, image)
            same(wanted[0], outputs)
            same(wanted[1], tensors)
            assert counters == wanted[2]
