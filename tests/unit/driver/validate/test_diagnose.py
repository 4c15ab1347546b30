"""`diagnose`: a sound target, and each thing that can be wrong with the advice it deserves."""

import errno
import json

import numpy as np
import pytest
from click.testing import CliRunner
from hooked_target import HookedTarget

from myvta.cli.main import cli
from myvta.driver import open_target
from myvta.driver.errors import IdentityError, TargetError, TargetTimeout
from myvta.driver.serve.server import Server
from myvta.driver.target.schemes import find_scheme
from myvta.driver.target.troubleshooting import memory_in_use, open_advice
from myvta.driver.validate import diagnose as diagnose_module
from myvta.driver.validate.diagnose import diagnose
from myvta.isa.config import named
from myvta.isa.register_map import Reg, Status

URL = "model://?config=1x4x4&mem=0x100000:64K"
STEPS = ["open", "identity", "configuration", "no launch", "registers", "address lines",
         "data lines", "bandwidth", "device memory", "program", "clock"]


def wrong(**hooks):
    """Return the model with something wrong."""
    return HookedTarget(URL, **hooks)


def steps(monkeypatch, target=None, url=URL, error=None):
    def opened(url, config=None):
        if error is not None:
            raise error
        return target

    if target is not None or error is not None:
        monkeypatch.setattr(diagnose_module, "open_target", opened)
    return list(diagnose(url))


def last(monkeypatch, target):
    """Return the step that failed; everything before it worked."""
    *before, step = steps(monkeypatch, target)
    assert all(it.works for it in before) and not step.works
    assert step.advice
    return step


@pytest.mark.parametrize("url", [
    URL, "model://?config=2x8x8&mem=0:32K", "model://?config=1x4x4_int4", "model://?config=base",
    pytest.param("verilator://?config=1x4x4&mem=0x10000:1M&latency=20",
                 marks=pytest.mark.verilator),
    pytest.param("icarus://?config=1x4x4&mem=0:64K", marks=pytest.mark.icarus),
])
@pytest.mark.timeout(600)
def test_correct_target_passes_every_step(monkeypatch, url):
    found = steps(monkeypatch, url=url)
    assert [it.name for it in found] == STEPS
    assert all(it.works and not it.advice for it in found), found
    assert found[2].found.endswith(
        "no extensions" if "base" in url else "OVERWRITE|REQUANTIZE"
    ), found[2].found
    clock = found[-1].found
    assert clock == "it counts no cycles" if url.startswith("model") else "MHz" in clock


def test_memory_is_restored(monkeypatch):
    target = HookedTarget(URL)
    data = np.random.default_rng(7).bytes(target.window[1])
    target.write_memory(target.window[0], data)
    kept = []
    monkeypatch.setattr(HookedTarget, "close", lambda self: kept.append(
        self.inner.read_memory(*self.window)))
    assert all(it.works for it in steps(monkeypatch, target))
    assert kept == [data]


def test_small_window_is_skipped_not_failed(monkeypatch):
    found = {it.name: it.found for it in steps(monkeypatch, url="model://?mem=0:4K")}
    assert "takes a window of 16384" in found["device memory"]
    assert "takes a window of 32768" in found["program"]


@pytest.mark.parametrize(("value", "words"), [
    (0, "nothing answers"), (0xFFFFFFFF, "nothing answers"), (0x1234, "something else answers"),
    (0x4D565441, "wrong order"),
])
def test_wrong_identity_fails(monkeypatch, value, words):
    step = last(monkeypatch, wrong(read=lambda it, old: value if it == Reg.IDENTITY else old))
    assert step.name == "identity" and words in step.advice


def test_other_versions_and_configurations_fail(monkeypatch):
    step = last(monkeypatch, wrong(read=lambda it, old: 2 << 16 if it == Reg.VERSION else old))
    assert step.name == "identity" and "speaks 1.0" in step.found
    other = named("1x8x8").fingerprint
    step = last(monkeypatch, wrong(read=lambda it, old: other if it == Reg.FINGERPRINT else old))
    assert step.name == "configuration" and "config=1x8x8" in step.advice
    step = last(monkeypatch, wrong(read=lambda it, old: 77 if it == Reg.FINGERPRINT else old))
    assert "config=FILE" in step.advice
    step = last(monkeypatch, wrong(read=lambda it, old: 0 if it == Reg.FEATURES else old))
    assert "other extensions" in step.found
    step = last(monkeypatch, wrong(
        read=lambda it, old: old | 1 << 16 if it == Reg.FEATURES else old))
    assert "the device has counters 'basic', the configuration 'all'" in step.found


def test_faulty_registers_fail(monkeypatch):
    step = last(monkeypatch, wrong(write=lambda it, value: (it, value & ~0x400)))
    assert step.name == "registers" and "loses bits" in step.advice

    def alias(it, value):
        return (Reg.INP_BASE if it == Reg.WGT_BASE else it), value

    step = last(monkeypatch, wrong(write=alias))
    assert "confuses addresses" in step.advice and "what WGT_BASE was written" in step.found


@pytest.mark.slow
def test_endless_launch_fails(monkeypatch):
    step = last(monkeypatch, wrong(
        read=lambda it, old: Status.LAUNCH if it == Reg.CONTROL else old))
    assert step.name == "no launch" and "does not follow RESET" in step.found


def test_faulty_data_lines_fail(monkeypatch):
    def stuck(address, data):
        return data if len(data) < 100 else bytes(
            byte | (4 if n % 32 == 9 else 0) for n, byte in enumerate(data))

    step = last(monkeypatch, wrong(load=stuck))
    assert step.name == "data lines" and "data lines 74 (of 256)" in step.found


@pytest.mark.parametrize(("scheme", "error", "words"), [
    ("uart", PermissionError(errno.EACCES, "no"), "dialout"),
    ("uart", FileNotFoundError(errno.ENOENT, "no"), "cable"),
    ("uart", OSError(errno.EBUSY, "no"), "another program"),
    ("uart", TargetTimeout("no answer"), "?baud="),
    ("devmem", PermissionError(errno.EACCES, "no"), "sudo"),
    ("devmem", PermissionError(errno.EPERM, "no"), "STRICT_DEVMEM"),
    ("uio", PermissionError(errno.EPERM, "no"), "udev"),
    ("uio", FileNotFoundError(errno.ENOENT, "no"), "device tree"),
    ("tcp", ConnectionRefusedError(errno.ECONNREFUSED, "no"), "myvta serve"),
])
def test_unopenable_target_fails(monkeypatch, scheme, error, words):
    wrapped = TargetError("cannot be opened")
    wrapped.__cause__ = error
    for one in (error, wrapped):
        assert words in open_advice(find_scheme(scheme).advice, one)
        (step,) = steps(monkeypatch, url=f"{scheme}://x", error=one)
        assert step.name == "open" and not step.works and words in step.advice


@pytest.mark.parametrize(("text", "words"), [
    ("IDENTITY reads 0x00000000, expected 0x41", "load the bitstream first"),
    (f"the device has configuration {named('1x8x8').fingerprint:#010x}, expected", "config=1x8x8"),
    ("the device has configuration 0x00000001, expected 0x2", "config=FILE"),
    ("register map version is 2.0, this driver speaks 1.0", ""),
])
def test_identity_error_at_opening_gets_its_advice(monkeypatch, text, words):
    (step,) = steps(monkeypatch, url="devmem://", error=IdentityError(text))
    assert step.name == "open" and not step.works
    assert words in step.advice and bool(words) == bool(step.advice)


def test_target_over_tcp_passes(monkeypatch):
    with open_target(URL) as inner, Server(inner, ("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.address[1]}"
        found = steps(monkeypatch, url=f"{address}?config=1x4x4")
        assert [it.name for it in found] == STEPS and all(it.works for it in found)
        (step,) = steps(monkeypatch, url=address)  # as the default configuration
        assert step.name == "open" and "config=1x4x4" in step.advice
    (step,) = steps(monkeypatch, url=f"{address}?timeout=1")
    assert not step.works and "myvta serve" in step.found + step.advice


def test_wrong_urls_and_configurations_fail(monkeypatch):
    (step,) = steps(monkeypatch, url="frob://x")
    assert "known: " in step.found and not step.works
    (step,) = steps(monkeypatch, url="model://?config=frob")
    assert "no such" in step.found or "frob" in step.found


IOMEM = "00000000-1effffff : System RAM\n  00008000-007fffff : Kernel code\n1f000000-1fffffff : x\n"


def test_memory_of_linux_is_not_written(monkeypatch, tmp_path):
    assert "reserve it first" in memory_in_use(0x1E000000, 1 << 20, IOMEM)
    assert memory_in_use(0x1F000000, 16 << 20, IOMEM) == ""
    assert memory_in_use(0, 1 << 20, "00000000-00000000 : System RAM\n") == ""  # not root
    file = tmp_path / "iomem"
    file.write_text(IOMEM)
    monkeypatch.setattr(diagnose_module, "IOMEM", file)
    with open_target("model://?config=1x4x4&mem=0x1e000000:1M") as target:
        monkeypatch.setattr(diagnose_module, "open_target", lambda url, config=None: target)
        target.write_memory = None  # never called
        target.uses_physical_memory = True
        *_, step = diagnose("devmem://?mem=0x1e000000:1M")
        assert step.name == "reserved memory" and "device tree" in step.advice
        assert not step.works
    with open_target("model://?config=1x4x4&mem=0x1e000000:1M") as target:
        assert all(it.works for it in diagnose("devmem://?buffer=udmabuf0"))  # the kernel's own


def test_doctor_command_reports_the_steps():
    runner = CliRunner()
    result = runner.invoke(cli, ["doctor", "--target", URL])
    assert result.exit_code == 0 and result.output.endswith("The device works.\n")
    answer = json.loads(runner.invoke(cli, ["doctor", "--target", URL, "--json"]).output)
    assert answer["healthy"] and [it["name"] for it in answer["checks"]] == STEPS
    result = runner.invoke(cli, ["doctor", "--target", "frob://"])
    assert result.exit_code == 1 and "does not work yet" in result.output
