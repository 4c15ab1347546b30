"""Sessions: any number of images, launches filled with zeros, and host steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled, float_values

from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.session import Session, host
from myvta.driver import open_target
from myvta.driver.program.program import HostStep, Program


@pytest.fixture(scope="module")
def build() -> NetworkBuilder:
    """Relu on the accelerator, Softmax on the host."""
    network = NetworkBuilder(2)
    x = network.relu(network.input((1, 6)))
    network.node("Softmax", [x], (1, 6))
    return network


@pytest.fixture(scope="module")
def program(build: NetworkBuilder, tmp_path_factory: pytest.TempPathFactory) -> Program:
    return compiled(build, tmp_path_factory.mktemp("net"), "2x8x8").program


@pytest.fixture
def session(program: Program) -> Iterator[Session]:
    with open_target(f"model://?config=2x8x8&mem=0:{program.size}") as target:
        yield Session(program, target)


@pytest.mark.parametrize(("images", "launches"), [(1, 1), (2, 1), (5, 3)])
def test_images_fill_launches_and_only_theirs_come_back(
    session: Session, build: NetworkBuilder, images: int, launches: int
) -> None:
    """Two images are one launch of this configuration."""
    x = np.random.default_rng(images).integers(-64, 64, (images, 6)).astype(np.float32) / 32
    actual = session.run({"input": x}, capture=True)
    assert session.images == 2
    assert len(session.reports) == launches
    (name,) = session.program.outputs
    (wanted,) = float_values(build.model(name), [name], x)
    assert actual[name].shape == wanted.shape
    np.testing.assert_allclose(actual[name], wanted, atol=0.02)
    np.testing.assert_array_equal(actual["input.q"] >= 0, x >= 0)


def test_outputs_alone_come_back_without_capture(session: Session) -> None:
    assert set(session.run({"input": np.zeros((1, 6), np.float32)})) == set(
        session.program.outputs)


@pytest.mark.parametrize(("inputs", "message"), [
    ({"input": np.zeros((1, 7), np.float32)}, r"given: .*input.*\[images, 6\]"),
    ({"input": np.full((1, 6), np.nan, np.float32)}, "given: "),
    ({}, r"given: no array for input 'input' \[images, 6\]"),
])
def test_other_inputs_are_refused_with_their_name(
    session: Session, inputs: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(CompileError, match=message):
        session.run(inputs, where="given")


def test_host_steps_of_no_front_end_are_refused(program: Program) -> None:
    step = HostStep(layer="soft", op="caffe")
    with pytest.raises(CompileError, match="host step 'soft': unknown operation 'caffe'"):
        host(step, [], program)


def test_the_host_computes_a_step_on_whole_launches(program: Program) -> None:
    (step,) = [item for item in program.steps if isinstance(item, HostStep) and item.op == "onnx"]
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    (actual,) = host(step, [x], program)
    wanted = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    np.testing.assert_allclose(actual, wanted, rtol=1e-5)
