"""The whole pipeline: programs, host nodes, batches, reports, bundles."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
from compiler_networks import NetworkBuilder, check_every_layer, compiled, random_network, save
from onnx import TensorProto, helper

from myvta.compiler.compile import compile_model
from myvta.compiler.frontend.front_ends import import_model
from myvta.compiler.frontend.onnx.onnx_evaluator import evaluator
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.layout.memory_plan import integer_name
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.compiler.session import Session
from myvta.driver import HostStep, read_bundle, write_bundle
from myvta.isa.config import Config, ConfigError, named
from myvta.model.model_target import ModelTarget

LOOKUP = "needs a configuration with lookup, and a single float32 tensor besides scalars"


def mixed() -> NetworkBuilder:
    """Return a network whose middle and end run on the host."""
    build = NetworkBuilder(4)
    x = build.conv(build.input((1, 3, 6, 6)), 6)
    y = build.node("Sigmoid", [x], (1, 6, 6, 6))
    z = build.node("Softplus", [y], (1, 6, 6, 6))
    w = build.gemm(build.flatten(build.max_pool(build.add(z, x))), 5)
    build.node("Softmax", [w], (1, 5))
    return build


def test_host_nodes_run_and_are_reported(tmp_path: Path) -> None:
    build = mixed()
    made = compiled(build, tmp_path, "1x4x4")
    kinds = [type(step).__name__ + ":" + getattr(step, "op", "") for step in made.program.steps]
    assert kinds == [
        "HostStep:quantize_packed", "LaunchStep:", "HostStep:dequantize", "HostStep:onnx",
        "HostStep:quantize", "LaunchStep:", "HostStep:dequantize", "HostStep:onnx",
    ]
    on_host = {node.name: node.reason for node in made.report.nodes if node.where == "host"}
    assert on_host == {
        "sigmoid1": LOOKUP, "softplus2": LOOKUP,
        "softmax7": "no lowering for Softmax",
    }
    assert [step.reason for step in made.program.steps
            if isinstance(step, HostStep) and step.op == "onnx"] == [
        f"sigmoid1: {LOOKUP}; softplus2: {LOOKUP}",
        "softmax7: no lowering for Softmax",
    ]
    assert [(entry.name, entry.maker) for entry in made.report.entries] == [
        ("input", ""), ("softplus2", "sigmoid1+softplus2")]
    assert all(entry.saturation_share is not None and entry.snr_db for entry in made.report.entries)
    found = check_every_layer(made, build.samples(3), strict="1")
    np.testing.assert_allclose(found["softmax7"].sum(1), 1, rtol=1e-5)


def means() -> NetworkBuilder:
    """Return a network with a scalar that a later host step reads, and outputs without images."""
    build = NetworkBuilder(4)
    x = build.conv(build.input((1, 3, 6, 6)), 6)
    mean = build.node("ReduceMean", [x], (), keepdims=0)
    y = build.node("Sigmoid", [build.conv(x, 4)], (1, 4, 6, 6))
    y = build.node("Mul", [build.conv(y, 4), mean], (1, 4, 6, 6))
    build.node("ReduceMax", [y], (4,), keepdims=0, axes=[0, 2, 3])
    return build


@pytest.mark.parametrize("outputs", [("reducemean1",), ("reducemean1", "reducemax6")])
def test_outputs_without_a_batch_dimension_are_returned(
    tmp_path: Path, outputs: tuple[str, ...]
) -> None:
    """Each launch has one of them: measured, compared and run like any other."""
    build = means()
    path = save(build, tmp_path / "n.onnx")
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, build.shapes[name])
        for name in outputs)
    onnx.save(model, path)
    samples = build.samples(6)
    made = compile_model(path, samples, "1x4x4")
    found = check_every_layer(made, samples)
    run = evaluator(model, outputs)
    expected = evaluate(made.quantized, samples)
    for name in outputs:
        wanted = np.stack([run({"input": image[None]})[name] for image in samples["input"]])
        assert found[name].shape == wanted.shape == (6, *build.shapes[name])
        np.testing.assert_allclose(found[name], wanted, atol=0.1)
        np.testing.assert_array_equal(found[name], expected[name])
    assert [output.expected.shape for output in made.compared] == [
        (6, *build.shapes[name]) for name in outputs]
    for row in made.compared[0].images():
        assert (row.argmax, row.float_argmax) == (0, 0)
        assert row.value == pytest.approx(found[outputs[0]][row.image])


def test_outputs_without_a_batch_dimension_need_whole_launches(tmp_path: Path) -> None:
    build = means()
    with pytest.raises(CompileError, match="has no dimension of images: compile for a batch of 2"):
        compiled(build, tmp_path, "2x8x8")


def test_outputs_are_near_the_float_network(tmp_path: Path) -> None:
    build = mixed()
    made = compile_model(save(build, tmp_path / "network.onnx"), build.samples(64), "default")
    inputs = build.samples(4)
    found = check_every_layer(made, inputs)["softmax7"]
    run = import_model(tmp_path / "network.onnx")[1].evaluator(["softmax7"])
    for index in range(4):
        wanted = run({"input": inputs["input"][index : index + 1]})["softmax7"]
        np.testing.assert_allclose(found[index], wanted[0], atol=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "config", "images"), [
    (1, "2x8x8", 2), (2, "2x8x8", 2), (3, "2x8x8", 6), (3, "1x4x4", 3), (4, "2x16x16", 4),
])
def test_batches_equal_single_images(tmp_path: Path, batch: int, config: str, images: int) -> None:
    build = NetworkBuilder(2)
    x = build.conv(build.input((batch, 3, 5, 5)), 6)
    y = build.add(build.node("Sigmoid", [x], build.shapes[x]), x)
    build.gemm(build.flatten(build.max_pool(y)), 5)
    made = compiled(build, tmp_path, config)
    assert made.report.images == images
    assert len(check_every_layer(made, build.samples(2 * images), order="3")["gemm5"]) == 2 * images


def test_partial_runs_return_only_their_images(tmp_path: Path) -> None:
    build = random_network(6)
    made = compiled(build, tmp_path, "2x8x8")
    inputs = build.samples(5)
    check_every_layer(made, inputs)
    wanted = evaluate(made.quantized, inputs)[made.quantized.outputs[0]]
    with ModelTarget(named("2x8x8"), base=0, size=1 << 20) as target:
        session = Session(made.program, target)
        found = session.run({"anything": inputs["input"]})
        assert len(session.reports) == 3
        with pytest.raises(CompileError, match=r"^inputs: 'input' must have shape \[images, "):
            session.run({"input": np.zeros((1, 2))})
    (name,) = found
    assert len(found[name]) == 5
    stored = made.program.tensor(integer_name(name))
    reals = (wanted - stored.zero_point) * stored.scale[0]
    np.testing.assert_array_equal(found[name], reals.astype(np.float32))


def test_flattened_output_is_returned(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.conv(build.input((1, 3, 4, 4)), 6)
    y = build.flatten(x)
    made = compiled(build, tmp_path, "1x4x4", x, y)
    found = check_every_layer(made, build.samples(2))
    np.testing.assert_array_equal(found[x].reshape(2, -1), found[y])


@pytest.mark.parametrize("config", ["1x4x4", "1x4x4_int4"])
def test_several_inputs_and_outputs_equal_the_reference(tmp_path: Path, config: str) -> None:
    build = NetworkBuilder()
    x, y = build.input((1, 3, 4, 4), "x"), build.input((1, 3, 4, 4), "y")
    z = build.add(x, build.conv(y, 3))
    w = build.relu(z)
    made = compiled(build, tmp_path, config, z, w, x)
    found = check_every_layer(made, build.samples(3))
    assert {"x", z, w} <= set(found)


def test_dynamic_shapes_compile_with_sizes(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.conv(build.input(("n", 2, "h", 4)), 3)
    path = save(build, tmp_path / "n.onnx")
    samples = {"input": build.random.normal(size=(4, 2, 6, 4)).astype(np.float32)}
    made = compile_model(path, samples, "1x4x4", shapes={"input": (1, 2, 6, 4)})
    check_every_layer(made, samples)


def test_extensions_do_not_change_the_result(tmp_path: Path) -> None:
    build = random_network(11)
    path = save(build, tmp_path / "n.onnx")
    samples, inputs = build.samples(4), build.samples(3)
    results = [
        check_every_layer(compile_model(path, samples, config, scales="power-of-two"), inputs)
        for config in ("default", "base")
    ]
    assert results[0].keys() == results[1].keys()
    for name, value in results[0].items():
        np.testing.assert_array_equal(value, results[1][name])


def test_reloaded_bundle_gives_the_same_result(tmp_path: Path) -> None:
    build = mixed()
    made = compiled(build, tmp_path, "1x4x4_int4")
    path = write_bundle(made.program, tmp_path / "net.vta")
    program = read_bundle(path)
    assert program.info["report"]["macs"] == made.report.macs
    inputs = build.samples(2)
    outputs = []
    for each in (made.program, program):
        with ModelTarget(each.config, base=4096, size=1 << 22) as target:
            outputs.append(Session(each, target).run(inputs)["softmax7"])
    np.testing.assert_array_equal(outputs[0], outputs[1])


def test_compiling_twice_gives_the_same_bundle(tmp_path: Path) -> None:
    build = random_network(8)
    path, samples = save(build, tmp_path / "n.onnx"), build.samples(4)
    bundles = [
        write_bundle(compile_model(path, samples, "1x4x4").program, tmp_path / f"{index}.vta")
        for index in range(2)
    ]
    assert bundles[0].read_bytes() == bundles[1].read_bytes()


def test_compiler_works_without_onnxruntime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    build = mixed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = compiled(build, tmp_path, "1x4x4")
        assert made.report.evaluator == "onnx.reference"
        check_every_layer(made, build.samples(1))


def test_too_little_memory_is_refused(tmp_path: Path) -> None:
    build = random_network(5)
    with pytest.raises(CompileError, match=r"out of device memory .*: give the target and the "):
        compiled(build, tmp_path, "default", memory=8192)


def test_pool_window_larger_than_the_buffers_is_on_the_host(tmp_path: Path) -> None:
    build = NetworkBuilder()
    build.max_pool(build.relu(build.input((1, 1, 40, 40))), (30, 30))
    made = compiled(build, tmp_path, "1x4x4")
    assert [node.where for node in made.report.nodes] == ["accelerator", "host"]
    check_every_layer(made, build.samples(1))


def test_unknown_and_illegal_configurations_are_refused(tmp_path: Path) -> None:
    build = random_network(0)
    with pytest.raises(ConfigError, match="neither a file nor a named configuration"):
        compiled(build, tmp_path, "1x3x3")
    with pytest.raises(ConfigError, match="LOG_BLOCK"):
        compiled(build, tmp_path, Config(log_block=9))


def test_constant_output_is_refused(tmp_path: Path) -> None:
    build = NetworkBuilder()
    x = build.relu(build.input((1, 4)))
    y = build.node("Neg", [build.constant(np.ones(3))], (3,))
    with pytest.raises(CompileError, match=r"^output 'neg1' is a constant: it does not depend "):
        compiled(build, tmp_path, "default", x, y)


def test_unknown_host_steps_are_refused(tmp_path: Path) -> None:
    from myvta.compiler.session import host

    made = compiled(random_network(0), tmp_path, "1x4x4")
    with pytest.raises(CompileError, match=r"^host step 'x': unknown operation 'y'$"):
        host(HostStep(layer="x", op="y"), [], made.program)


def test_per_layer_compilation_has_a_launch_for_each_layer(tmp_path: Path) -> None:
    build = mixed()
    made = compiled(build, tmp_path, "1x4x4", per_layer=True)
    nodes = [node for node in made.report.nodes if node.where != "host" and node.op != "Flatten"]
    assert [step.layer for step in made.program.launches] == [node.name for node in nodes]
    assert all({*step.notes} == {step.layer, ""} for step in made.program.launches)
    whole = compiled(mixed(), tmp_path, "1x4x4")
    assert len(whole.program.launches) == 2
    inputs = build.samples(2)
    apart, together = (check_every_layer(each, inputs) for each in (made, whole))
    for name, value in together.items():
        np.testing.assert_array_equal(apart[name], value)
