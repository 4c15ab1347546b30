"""Running programs on the model: tensors read and written, and refusals."""

import re
from dataclasses import replace

import numpy as np
import pytest
from driver_programs import (
    CONFIG,
    SHAPE,
    dense,
    negate,
    network,
)

from myvta.driver import (
    DeviceError,
    HostStepError,
    LayoutError,
    LoadedProgram,
    OutOfMemoryError,
    Program,
    ProgramBuilder,
    ProgramError,
    ProgramTensor,
    StreamBuilder,
    open_target,
    run_program,
)
from myvta.driver.errors import IdentityError
from myvta.isa.config import named
from myvta.isa.opcodes import AluOpcode


@pytest.fixture
def image():
    return np.random.default_rng(2).integers(-40, 40, SHAPE) * 0.25


@pytest.mark.parametrize("url", [
    "model://?config=1x4x4&mem=0:64K", "model://?config=1x4x4&mem=0x70000000:64K&order=5",
    pytest.param("verilator://?config=1x4x4&mem=0x10000:64K", marks=pytest.mark.verilator),
])
def test_runs_and_shows_every_layer(url, image):
    seen = []

    def on_step(step, report, read):
        seen.append((step.layer, report is not None, read(step.outputs[0])))

    with open_target(url) as target:
        result = run_program(network(), target, {"image": image}, host=negate, on_step=on_step,
                             capture=True)
    x = np.clip(np.floor(image / 0.5 + 0.5), -128, 127).astype(int)
    first, second = dense(x), dense(dense(x))
    want = {"x": x, "d1.out": first, "d2.out": second, "neg.out": np.clip(-second, -128, 127)}
    for name, values in want.items():
        assert np.array_equal(result.tensors[name], values), name
        assert result.tensors[name].dtype == np.int8
    assert result.outputs["logits"].dtype == np.float32
    assert np.array_equal(result.outputs["logits"], want["neg.out"] * 0.5)
    assert [(layer, launched) for layer, launched, _ in seen] == [
        ("in", False), ("d1", True), ("d2", True), ("neg", False), ("out", False),
    ]
    assert np.array_equal(seen[1][2], first)
    assert [layer for layer, _ in result.reports] == ["d1", "d2"]
    assert result.reports[0][1].counters["GEMM_STEPS"] == 8
    assert result.cycles == sum(report.cycles for _, report in result.reports)


def test_loaded_once_run_often_and_step_by_step(image):
    with open_target("model://?config=1x4x4&mem=0:64K") as target:
        loaded = LoadedProgram(network(), target, negate)
        first = loaded.run({"image": image}).outputs["logits"]
        loaded.run({"image": -image})
        assert np.array_equal(loaded.run({"image": image}).outputs["logits"], first)
        x = np.arange(16).reshape(SHAPE)
        loaded.write("d1.out", x)  # one layer alone, from a stored input
        loaded.execute(loaded.program.launches[1])
        assert np.array_equal(loaded.read("d2.out"), dense(x))


def test_raw_tensors_in_device_memory():
    program = Program(
        name="raw", config=CONFIG, size=4096, inputs=("t",), outputs=("t",),
        tensors=(ProgramTensor(name="t", shape=(3,), dtype="int16", offset=2),),
    )
    with open_target("model://?config=1x4x4&mem=0x1000:4K") as target:
        result = run_program(program, target, {"t": np.array([1, -2, 3])})
        assert target.read_memory(0x1002, 6).hex() == "0100feff0300"
        with pytest.raises(ProgramError, match="'t' holds int16; the values do not fit"):
            run_program(program, target, {"t": np.array([1, 2, 1 << 15])})
    assert result.outputs["t"].tolist() == [1, -2, 3]
    assert result.outputs["t"].dtype == np.int16


def test_another_configuration_is_refused_with_the_difference():
    with open_target("model://?config=1x8x8&mem=0:64K") as target, pytest.raises(
        IdentityError, match=re.escape(
            "program 'net' is for configuration 1x4x4, the target has 1x8x8: "
            "LOG_BLOCK expected 2, device 3, LOG_UOP_BUFF_SIZE expected 10, device 15"
        )
    ):
        LoadedProgram(network(), target)


def test_a_device_with_more_extensions_is_refused_too():
    """ACC_BASE of a device with lookup is a multiple of 512, and its errors are others."""
    with open_target("model://?config=1x4x4&mem=0:64K") as target, pytest.raises(
        IdentityError, match=re.escape(
            "is for configuration 1x4x4_base, the target has 1x4x4: OVERWRITE expected False, "
            "device True, REQUANTIZE expected False, device True; compile it for 1x4x4"
        )
    ):
        LoadedProgram(replace(network(), config=named("1x4x4_base")), target)


def test_too_small_window_is_refused():
    with open_target("model://?config=1x4x4&mem=0:8K") as target, pytest.raises(
        OutOfMemoryError, match=r"program 'net': asked for \d+ bytes, 8192 free"
    ):
        LoadedProgram(network(), target)


def test_device_errors_name_the_layer(image):
    program = network()
    stream = StreamBuilder(CONFIG)
    stream.alu([(255, 0)], AluOpcode.ADD, imm=1, iter_in=2, dst_factor=(0, 1))
    builder = ProgramBuilder("bad", CONFIG)
    builder.launch("relu7", stream.finish())
    with open_target("model://?config=1x4x4&mem=0:64K") as target:
        with pytest.raises(DeviceError, match=r"STEP_INDEX at instruction 1 \(relu7\)"):
            run_program(builder.build([], []), target, {}, check=False)
        run_program(program, target, {"image": image}, host=negate)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ({}, ProgramError, "inputs are image, not "),
        ({"image": np.zeros(SHAPE), "b": 1}, ProgramError, "inputs are image, not b, image"),
        ({"image": np.zeros((2, 9))}, ProgramError, "'image' has shape (2, 8), not (2, 9)"),
        ({"image": np.full(SHAPE, "a")}, ProgramError, "'image' holds float32, not <U1"),
        ({"image": np.full(SHAPE, np.nan)}, HostStepError, "tensor 'x' cannot hold NaN"),
    ],
)
def test_invalid_inputs_are_refused(inputs, error, message):
    with open_target("model://?config=1x4x4&mem=0:64K") as target, pytest.raises(
        error, match=re.escape(message)
    ):
        run_program(network(), target, inputs, host=negate)


def test_invalid_writes_and_reads_are_refused():
    with open_target("model://?config=1x4x4&mem=0:64K") as target:
        loaded = LoadedProgram(network(), target)
        with pytest.raises(ProgramError, match="'x' holds int8, not float64"):
            loaded.write("x", np.zeros(SHAPE))
        with pytest.raises(LayoutError, match="INP lanes must be"):
            loaded.write("x", np.full(SHAPE, 128))
        with pytest.raises(ProgramError, match="'image' has no value yet"):
            loaded.read("image")
        with pytest.raises(ProgramError, match="has no tensor 'nope'"):
            loaded.read("nope")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (None, "layer 'neg' runs 'negate' on the host: give host="),
        (lambda step, inputs, program: [], "host step 'neg' (negate) gave 0 outputs, not 1"),
    ],
)
def test_errors_of_host_steps_are_reported(host, message, image):
    with open_target("model://?config=1x4x4&mem=0:64K") as target, pytest.raises(
        HostStepError, match=re.escape(message)
    ):
        run_program(network(), target, {"image": image}, host=host)
