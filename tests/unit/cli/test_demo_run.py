"""Running the digits: inputs, backends, and detection of every differing bit."""

from __future__ import annotations

import numpy as np
import pytest

from myvta.cli import demo_run
from myvta.cli.demo_run import DIGITS, count_macs, first_difference, load_digits, open_backend
from myvta.cli.input_errors import InputError
from myvta.compiler.frontend.front_ends import import_model
from myvta.cosim.cosim_errors import MissingTool
from myvta.driver.errors import UrlError
from myvta.driver.program.program import LaunchStep, Program, ProgramTensor, Segment
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named
from myvta.isa.instructions import Finish, encode

CONFIG = named("1x4x4")


def echo_program() -> Program:
    """Return a program whose only launch does nothing: its output has the address of its input."""
    code = encode(Finish(), CONFIG).to_bytes(16, "little")
    image = ProgramTensor(name="image", shape=(1, 10), offset=4096)
    logits = ProgramTensor(name="logits", shape=(1, 10), offset=4096, layer="echo")
    return Program(
        name="echo", config=CONFIG, size=8192, segments=(Segment("code", 0, code),),
        tensors=(image, logits), inputs=("image",), outputs=("logits",),
        steps=(LaunchStep(layer="echo", code=0, count=1, inputs=("image",), outputs=("logits",)),),
    )


def one_hot(label: int) -> np.ndarray:
    return np.eye(10, dtype=np.int8)[[label]]


def test_run_images_compares_every_image_with_every_oracle():
    labels = [3, 1, 4, 1]
    inputs = np.concatenate([one_hot(label) for label in labels])
    right = [{"logits": one_hot(label)} for label in labels]
    wrong = [dict(tensors) for tensors in right]
    wrong[2] = {"logits": one_hot(5)}
    advanced = []
    with open_target("model://", CONFIG) as target:
        run = demo_run.run_images(target, echo_program(), inputs,
                                  list(zip(right, wrong, strict=True)),
                                  lambda: advanced.append(None))
    assert run.predictions == labels
    assert run.different == {2: "logits"}
    assert run.accuracy(np.array([3, 1, 4, 2, 9])) == 0.75
    assert len(advanced) == 4


@pytest.mark.parametrize("oracle", [
    {"a": np.array([1, 2]), "b": np.array([[7]])},
    {"a": np.array([1, 2]), "b": np.array([8, 8])},
    {"a": np.array([1, 2])},
])
def test_first_difference_finds_values_shapes_and_missing_tensors(oracle):
    tensors = {"a": np.array([1, 2], np.int8), "b": np.array([[8]], np.int8)}
    assert first_difference(tensors, oracle) == "b"
    assert first_difference(tensors, {name: v.astype(int) for name, v in tensors.items()}) is None


def test_comparing_no_tensor_is_an_error():
    with pytest.raises(AssertionError, match="nothing would be compared"):
        first_difference({}, {})


def test_load_digits_gives_the_held_out_images():
    digits = load_digits()
    assert len(digits.images) == len(digits.labels) == 360
    assert digits.inputs.dtype == np.float32
    assert np.array_equal(digits.inputs[:, 0] * 16, digits.images)


def test_load_digits_names_missing_files(tmp_path):
    (tmp_path / "digits.onnx").write_bytes(b"")
    with pytest.raises(InputError) as refused:
        load_digits(tmp_path)
    assert str(refused.value) == (
        f"{tmp_path}/held_out.npz is missing: run the demo from a clone of the project"
    )


def test_count_macs_counts_each_layer():
    # 3x3 taps x inputs x outputs x pixels, layer by layer, and the head
    expected = 9 * (16 * 64 + 2 * 16 * 16 * 64 + 16 * 32 * 16 + 32 * 64 * 4) + 64 * 10
    assert count_macs(import_model(DIGITS / "digits.onnx")[0]) == expected == 452_224


def opener(missing: dict[str, str]):
    """Return a stand-in for open_target that lacks the tools of some schemes."""
    def open_or_miss(url: str, config: object) -> str:
        if url in missing:
            raise MissingTool(missing[url])
        return f"target {url}"
    return open_or_miss


@pytest.mark.parametrize(("missing", "name", "note"), [
    ({}, "verilator", ""),
    ({"verilator://": "no g++"}, "icarus", "running 2 images of the RTL in Icarus, because no g++"),
    ({"verilator://": "no g++", "icarus://": "no vvp"}, "model",
     "running the model alone, because no g++; no vvp"),
])
def test_backend_falls_back_with_the_reason(monkeypatch, missing, name, note):
    monkeypatch.setattr(demo_run, "open_target", opener(missing))
    backend = open_backend(None, CONFIG)
    assert (backend.name, backend.note) == (name, note)
    assert backend.target == (None if name == "model" else f"target {name}://")


def test_backend_asked_for_does_not_fall_back(monkeypatch):
    monkeypatch.setattr(demo_run, "open_target", opener({"icarus://": "no vvp"}))
    with pytest.raises(MissingTool, match="no vvp"):
        open_backend("icarus://", CONFIG)
    assert open_backend("verilator://?latency=20", CONFIG).name == "verilator"  # any other URL


def test_backend_model_has_no_target():
    assert open_backend("model://?order=3", CONFIG).target is None


def test_unknown_backend_is_refused():
    with pytest.raises(UrlError, match="no target scheme 'verilog'"):
        open_backend("verilog://", CONFIG)
