"""The most common errors of the command line, each with its whole text.

A text may become more precise, never vaguer; a change of a text is made here too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from compiler_networks import NetworkBuilder, save
from link_board import pseudo_terminal

from myvta.cli.main import cli
from myvta.driver import open_target
from myvta.driver.serve.server import Server

MODEL = "model://?config=1x4x4&mem=0:1M"
COMPILE = ("compile", "net.onnx", "--calib")
RUN = ("run", "net.vta", "--input", "calib.npz")
RACE = """.config 1x4x4
.uops one
0,0,0
load uop dram=0 cols=1
load inp dram=0x10 cols=1
load wgt dram=0x20 cols=1 push_next
gemm uops=one reset pop_prev
gemm uops=one push_next
load wgt dram=0x30 cols=1
store out dram=0x100 cols=1 pop_prev
finish
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a network, its data and its bundle, and broken versions of each."""
    folder = tmp_path_factory.mktemp("files")
    build = NetworkBuilder(1)
    build.conv(build.input((1, 2, 6, 6)), 3)
    save(build, folder / "net.onnx")
    images = build.samples(4)["input"]
    np.savez(folder / "calib.npz", input=images)
    np.savez(folder / "others.npz", a=images, b=images)
    np.savez(folder / "shape.npz", input=np.zeros((4, 1, 99, 99), np.float32))
    images[0, 0, 0, 0] = np.nan
    np.savez(folder / "nan.npz", input=images)
    dynamic = NetworkBuilder(1)
    dynamic.conv(dynamic.input(("n", 2, "h", 6)), 3)
    save(dynamic, folder / "dynamic.onnx")
    unknown = NetworkBuilder(1)
    unknown.node("Frob", [unknown.conv(unknown.input((1, 2, 6, 6)), 3)], (1, 3, 6, 6))
    save(unknown, folder / "unknown.onnx")
    (folder / "text.onnx").write_text("not a network")
    (folder / "token").write_text("not the secret of the server")
    (folder / "race.s").write_text(RACE)
    for name, line in {
        "word": "frob", "value": "load inp dram=-1 cols=1", "label": "gemm uops=none",
    }.items():
        (folder / f"{name}.s").write_text(f".config 1x4x4\n{line}\nfinish\n")
    made = CliRunner().invoke(cli, [
        "compile", str(folder / "net.onnx"), "--calib", str(folder / "calib.npz"),
        "--config", "1x4x4", "-o", str(folder / "net.vta"),
    ])
    assert made.exit_code == 0, made.output
    (folder / "half.vta").write_bytes((folder / "net.vta").read_bytes()[:1000])
    return folder


@pytest.fixture(autouse=True)
def at_files(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in that folder, on a wide terminal."""
    monkeypatch.chdir(files)
    monkeypatch.setenv("COLUMNS", "400")


@pytest.mark.parametrize(("arguments", "text"), [
    # files
    (("compile", "no.onnx", "--calib", "calib.npz"),
     "cannot read no.onnx: No such file or directory"),
    (("compile", "text.onnx", "--calib", "calib.npz"),
     "text.onnx: not an ONNX file (protobuf does not parse)"),
    # options
    (("complie", "net.onnx"), "No such command 'complie'; see `myvta --help`"),
    (("compile", "net.onnx"), "Missing option '--calib'; see `myvta compile --help`"),
    ((*COMPILE, "calib.npz", "--fuse", "maybe"),
     "Invalid value for '--fuse': 'maybe' is not one of 'auto', 'on', 'off'; "
     "see `myvta compile --help`"),
    ((*COMPILE, "calib.npz", "--config", "2x2x2"),
     "configuration refused: '2x2x2' is neither a file nor a named configuration (default, lean, "
     "base, 1x4x4, 1x4x4_base, 1x4x4_int4, 1x8x8, 1x8x8_all, 2x8x8, 2x16x16, 4x16x16, "
     "1x32x32, 1x32x32_128, 1x32x32_256, 1x16x16_int4, 1x16x16_w4)"),
    ((*COMPILE, "calib.npz", "--shape", "input=1,x,8,8"),
     "--shape input=1,x,8,8: give it as NAME=1,1,8,8"),
    ((*COMPILE, "calib.npz", "--memory", "lots"),
     "--memory lots: give it as a number of bytes, 64M or 1G"),
    # networks and their data
    (("compile", "dynamic.onnx", "--calib", "calib.npz"),
     "dynamic.onnx: input 'input' has a dynamic shape [n, 2, h, 6]: give its sizes, "
     "--shape input=1,1,8,8"),
    (("compile", "unknown.onnx", "--calib", "calib.npz"),
     "unknown.onnx: not a valid ONNX model: No Op registered for Frob with domain_version of 17"),
    ((*COMPILE, "others.npz"),
     "others.npz: no array for input 'input' [images, 2, 6, 6]; it holds a, b"),
    ((*COMPILE, "shape.npz"),
     "shape.npz: 'input' must have shape [images, 2, 6, 6], not [4, 1, 99, 99]"),
    ((*COMPILE, "nan.npz"), "nan.npz: 'input' holds NaN or infinite values"),
    ((*COMPILE, "calib.npz", "--memory", "1K"),
     "network: out of device memory for conv0.packed: asked for 192 bytes, 256 free, "
     "largest piece 256: give the target and the compiler more memory"),
    # bundles and targets
    (("run", "half.vta", "--input", "calib.npz"),
     "half.vta refused: truncated or altered: File is not a zip file"),
    ((*RUN, "--target", "usb://x"),
     "no target scheme 'usb'; known: devmem, icarus, model, tcp, uart, uio, verilator"),
    ((*RUN, "--target", "model://?config=2x8x8"),
     "the URL asks for 2x8x8, the caller for 1x4x4; a program runs on devices of its own "
     "configuration alone: compile it for 2x8x8"),
    ((*RUN, "--target", "uart:///dev/no-such"),
     "there is no port /dev/no-such: plug the board in, see `dmesg | tail`"),
    # assembly
    (("asm", "word.s", "-o", "x"),
     "word.s:2: unknown word 'frob'; a line starts with one of load, store, gemm, dwc, alu, "
     "finish, .config, .buffer, .uops, .word"),
    (("asm", "value.s", "-o", "x"),
     "value.s:2: load: dram (dram_base) must be 0..4294967295, not -1"),
    (("asm", "label.s", "-o", "x"),
     "label.s:2: gemm: uops must be <uop_bgn>:<uop_end> or the name of a .uops section above this "
     "line, not 'none'"),
])
def test_refused_arguments_have_these_texts(arguments: tuple[str, ...], text: str) -> None:
    assert refusal(*arguments) == text


def refusal(*arguments: str) -> str:
    """Run a command that refuses its input; return the text."""
    before = sorted(os.listdir())
    result = CliRunner().invoke(cli, arguments, prog_name="myvta")
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert sorted(os.listdir()) == before
    assert result.stderr.startswith("error: ") and result.stderr.endswith("\n")
    return result.stderr.removeprefix("error: ").removesuffix("\n")


@pytest.mark.parametrize(("scheme", "text"), [
    ("icarus", "iverilog (Icarus Verilog) is not on PATH; "
     "install it with: sudo apt-get install iverilog"),
    ("verilator", "g++ (a C++ compiler) is not on PATH; install it with: sudo apt-get install g++"),
])
def test_missing_tool_has_this_text(
    monkeypatch: pytest.MonkeyPatch, scheme: str, text: str
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert refusal(*RUN, "--target", f"{scheme}://?config=1x4x4") == text


@contextmanager
def served(token: bytes | None = None, *, owned: bool = False) -> Iterator[str]:
    """Serve a model on loopback; yield HOST:PORT."""
    with open_target(MODEL) as inner, Server(inner, ("127.0.0.1", 0), token=token) as server:
        address = f"127.0.0.1:{server.address[1]}"
        with open_target(f"tcp://{address}?config=1x4x4") if owned else nullcontext():
            yield address


@pytest.mark.parametrize(("serve", "option", "text"), [
    (lambda: served(owned=True), "",
     "HERE: another client owns the device, 1 wait for it; ?queue=SECONDS waits too"),
    (lambda: served(b"the secret"), "",
     "HERE wants a token: ?token=FILE, the same as the server's"),
    (lambda: served(b"the secret"), "&token=token", "HERE refuses the token: is it the server's?"),
], ids=["busy", "no token", "wrong token"])
def test_server_refusals_have_these_texts(
    serve: Callable[[], AbstractContextManager[str]], option: str, text: str
) -> None:
    with serve() as address:
        found = refusal(*RUN, "--target", f"tcp://{address}?config=1x4x4{option}")
    assert found == text.replace("HERE", address)


def test_silent_device_has_this_text() -> None:
    with pseudo_terminal(lambda data: b"") as port:
        found = refusal(*RUN, "--target", f"uart://{port}?config=1x4x4&timeout=0.2")
    assert found == (
        f"{port}: waited 0.2 s for the device to identify itself; nothing came back: is it "
        "powered, connected, the design loaded, and this the right port?"
    )


def test_race_has_this_text_and_fix() -> None:
    result = CliRunner().invoke(cli, ["check", "race.s", "--json"], prog_name="myvta")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["kind"], finding["index"], finding["line"]) == ("RACE", 5, 9)
    assert finding["text"] == (
        "load and instruction 4 of compute both access WGT[0], one writes, and no tokens order them"
    )
    assert finding["fix"] == (
        "set push_prev on instruction 4 and pop_next on instruction 5 (or on a later one of "
        "compute and an earlier one of load)"
    )
