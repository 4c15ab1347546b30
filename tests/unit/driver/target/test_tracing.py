"""tracing: lines of the log, its files, and attributes passed on."""

import zlib

import pytest

from myvta.driver import SpyTarget, TargetError, UrlError, open_target
from myvta.isa.config import named
from myvta.isa.register_map import IDENTITY, Reg
from myvta.model.model_target import ModelTarget


def test_spy_logs_a_line_for_each_access():
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
    with pytest.raises(TargetError, match="closed"):
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
def test_unwritable_spy_files_are_refused(tmp_path, monkeypatch, option):
    opened = []
    monkeypatch.setattr(ModelTarget, "close", lambda target: opened.append(target))
    with pytest.raises(UrlError, match="cannot write trace"):
        open_target(f"spy:model://?mem=0:4K&config=1x4x4&{option}={tmp_path}/no/trace.txt")
    assert len(opened) == 1  # the device is released


def test_spy_passes_on_additional_attributes_of_its_target():
    class Board:
        clock_hz, cycle = 5e7, 12
        config, window = named("1x4x4"), (0, 4096)

        def wait_interrupt(self, seconds):
            return seconds == 3

    spy = SpyTarget(Board(), [])
    assert (spy.clock_hz, spy.cycle, spy.wait_interrupt(3)) == (5e7, 12, True)
    with open_target("model://") as model:
        assert getattr(SpyTarget(model, []), "wait_interrupt", None) is None


def test_trace_is_an_unknown_option_without_spy():
    with pytest.raises(UrlError, match="trace"):
        open_target("model://?trace=x")
