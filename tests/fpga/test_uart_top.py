"""uart_top under Verilator, its serial line behind a pseudo-terminal that pyserial opens."""

from contextlib import contextmanager
from random import Random

import numpy as np
import pytest
from link_board import Noise, pseudo_terminal
from link_work import multiply
from uart_device import CONFIG, DEVICE, behind_terminal, design, open_line

from myvta.compiler.compile import compile_model
from myvta.compiler.session import host
from myvta.driver import (
    DeviceError,
    LinkError,
    LoadedProgram,
    Runtime,
    TargetError,
    TargetTimeout,
    open_target,
)
from myvta.driver.run.launch import launch
from myvta.driver.transport.exchange import LinkRequest
from myvta.driver.transport.link import Link
from myvta.fpga.uart_top import convert_uart_top
from myvta.isa.link_protocol import MessageKind
from myvta.isa.register_map import IDENTITY, Reg
from myvta.rtl.lint import lint_verilog, lint_vhdl


@contextmanager
def board(rate=0.0, skew=1.0, timeout=100, seed=1):
    """Yield the line, a target on it, and the noise of both directions."""
    line = open_line(skew)
    noise = Noise(rate, seed), Noise(rate, seed + 1)
    try:
        with pseudo_terminal(behind_terminal(line), *noise) as path, open_target(
            f"uart://{path}?config=1x4x4&timeout={timeout}"
        ) as target:
            yield line, target, noise
    finally:
        line.close()


@pytest.mark.verilator
def test_board_identifies_accesses_memory_and_runs_a_program():
    with board() as (line, target, _):
        assert target.window == (0, DEVICE.memory_bytes)
        assert target.clock_hz == DEVICE.clock_hz
        assert target.read_register(Reg.IDENTITY) == IDENTITY
        target.write_register(Reg.UOP_BASE, 0x1234_5670)
        assert target.read_register(Reg.UOP_BASE) == 0x1234_5670
        data = Random(1).randbytes(700)
        target.write_memory(4093, data)
        assert target.read_memory(4090, 706) == b"\0\0\0" + data + b"\0\0\0"
        assert multiply(target).cycles > 0
        with pytest.raises(DeviceError, match="NO_FINISH"):
            launch(target, 0x1000, 0)
        multiply(target, 2)
        assert line.framing_errors == 0


@pytest.mark.slow
@pytest.mark.verilator
def test_errors_in_both_directions_lose_nothing():
    with board(1e-3, seed=5) as (_, target, noise):
        random, mirror = Random(2), bytearray(2000)
        target.write_memory(0, bytes(2000))
        for _ in range(3):
            at, size = random.randrange(1000), random.randrange(1000)
            data = random.randbytes(size)
            target.write_memory(at, data)
            mirror[at:at + size] = data
        assert target.read_memory(0, 2000) == mirror
        multiply(target)
        assert noise[0].hits and noise[1].hits and target.link.resent


@pytest.mark.verilator
@pytest.mark.parametrize("skew", [0.975, 1.025])
def test_link_tolerates_another_clock(skew):
    line = open_line(skew)
    link = Link(line, 1.0, line.now)
    data = Random(3).randbytes(1000)
    link.exchange([LinkRequest(MessageKind.WRITE_MEMORY, 250 * k, 250, bytes(2 * (k % 2)) + (
        data[250 * k:250 * k + 250]) + bytes(-(250 + 2 * (k % 2)) % 4)) for k in range(4)])
    got = link.exchange([LinkRequest(MessageKind.READ_MEMORY, 250 * k, 250) for k in range(4)])
    assert b"".join(got) == data and link.resent == 0
    line.close()


@pytest.mark.verilator
def test_reset_during_work_is_reported_and_the_device_stays_usable():
    with board() as (line, target, _):
        target.write_memory(0, b"kept over a reset")
        line.reset()
        with pytest.raises(LinkError, match="has been reset"):
            target.read_memory(0, 17)
        assert target.read_memory(0, 17) == b"kept over a reset"
        multiply(target)


@pytest.mark.verilator
def test_launch_beyond_its_timeout_is_ended_and_the_device_stays_usable():
    with board() as (_, target, _):
        run = Runtime(target, serial=True)
        run.gemm([(0, 0, 0)], iter_out=16383, iter_in=16383, reset=True)
        with pytest.raises(TargetTimeout, match=(
            r"waited 0.1 s for the launch to end; CONTROL reads 0x1, CYCLES .*INSTRUCTIONS.*"
            r"a soft reset ended it: device error RESET at instruction \d+.*gemm"
        )):
            run.sync(timeout=0.1)
        multiply(target)


@pytest.mark.verilator
def test_wrong_baud_rate_is_reported():
    line = open_line(0.5)
    with pytest.raises(TargetError, match="waited 0.002 s .* (nothing came back|wrong baud)"):
        Link(line, 0.002, line.now)
    line.close()


@pytest.fixture(scope="module")
def digits():
    """The digits network, a launch for each layer, and the model's results for three images."""
    from myvta.cli.demo_run import load_digits

    found = load_digits()
    program = compile_model(found.model, found.calibration, CONFIG, per_layer=True).program
    return program, found.inputs[:3]


def first_layer(program, target, image):
    """Run the steps up to the first launch; return the output tensors."""
    loaded = LoadedProgram(program, target, host)
    loaded.write("image", image[np.newaxis] if image.ndim == 3 else image)
    quantize, launched = program.steps[:2]
    loaded.execute(quantize)
    report = loaded.execute(launched)
    return {name: loaded.read(name) for name in launched.outputs}, report


def same_first_layer(digits, target):
    program, images = digits
    size = -(-program.size // 4096) * 4096
    with open_target(f"model://?config=1x4x4&mem=0x0:{size}") as model:
        expected, counted = first_layer(program, model, images[0])
    got, report = first_layer(program, target, images[0])
    assert expected.keys() == got.keys() and expected
    for name, values in expected.items():
        assert values.any() and np.array_equal(got[name], values), name
    assert report.counters == counted.counters and report.cycles > 0


@pytest.mark.verilator
@pytest.mark.networks
def test_first_layer_of_digits_equals_the_model(digits):
    with board(timeout=600) as (_, target, _):
        same_first_layer(digits, target)


@pytest.mark.verilator
@pytest.mark.soak
@pytest.mark.parametrize("rate", [1e-4, 1e-3])
def test_first_layer_of_digits_on_a_noisy_line_equals_the_model(digits, rate):
    with board(rate, timeout=600, seed=9) as (_, target, noise):
        same_first_layer(digits, target)
        assert noise[0].hits > 1 and (rate < 1e-3 or target.link.resent > 20)


@pytest.mark.convert
@pytest.mark.verilator
def test_the_verilog_is_clean(tmp_path, require_tool):
    require_tool("iverilog")
    path = tmp_path / "uart_top.v"
    path.write_text(design(), encoding="utf-8")
    lint_verilog(path)


@pytest.mark.configurations
@pytest.mark.timeout(600)  # a busy machine takes minutes for the default
@pytest.mark.parametrize("name", ["1x4x4", "default"])
def test_both_languages_are_clean(tmp_path, require_tool, name):
    from myvta.isa.config import NAMED

    for tool in ("iverilog", "ghdl"):
        require_tool(tool)
    lint_verilog(convert_uart_top(NAMED[name], tmp_path))
    lint_vhdl(convert_uart_top(NAMED[name], tmp_path, "vhdl"))
