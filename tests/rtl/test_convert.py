"""convert: reproducible bytes, atomic files, typed errors."""

import os

import pytest
from myhdl import Signal, always_comb, always_seq, block, intbv
from rtl_bench import clock_and_reset

from myvta.isa.config import NAMED
from myvta.rtl.convert import CONVERTED_PACKAGE, ConvertError, convert, convert_block
from myvta.rtl.lib.bundles import Axi4, PortStatus, ReadClient, Stream, WriteClient, bit, word
from myvta.rtl.lib.queue import queue
from myvta.rtl.memory.memory_port import memory_port

CONFIG = NAMED["1x4x4"]


def queue_top(config):
    clock, reset = clock_and_reset()
    stream = Stream(config.bus_width), Stream(config.bus_width)
    return queue(clock, reset, *stream, width=config.bus_width, depth=4)


def memory_port_top(config):
    clock, reset = clock_and_reset()
    readers = [ReadClient(config) for _ in range(3)]
    return memory_port(
        clock, reset, bit(), word(32), word(32), *readers, WriteClient(config), Axi4(config),
        PortStatus(), config=config,
    )


@block
def undriven(clock, reset, result):
    """A block that reads an undriven wire: MyHDL only warns."""
    nobody = Signal(intbv(5)[8:])

    @always_seq(clock.posedge, reset)
    def advance():
        result.next = nobody + result[4:]

    return advance


def undriven_top(config):
    clock, reset = clock_and_reset()
    return undriven(clock, reset, Signal(intbv(0)[9:]))


@block
def keyword(access, result):
    """A block whose port is a keyword of VHDL."""
    @always_comb
    def copy():
        result.next = access

    return copy


def keyword_top(config):
    return keyword(Signal(False), Signal(False))


@block
def sum_label(position, result):
    """Tests that MyHDL makes a case of, with a wrong label for the sum."""
    size = 10

    @always_comb
    def choose():
        if position == 0:
            result.next = 1
        elif position == size - 1:
            result.next = 2
        else:
            result.next = 3

    return choose


def sum_label_top(config):
    return sum_label(word(4), word(4))


def broken_top(config):
    raise RuntimeError("no such hardware")


@pytest.mark.parametrize("hdl, suffix", [("verilog", "v"), ("vhdl", "vhd")])
def test_two_runs_give_the_same_bytes(tmp_path, monkeypatch, hdl, suffix):
    texts = []
    for seed in ("1", "2", "77"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        folder = tmp_path / f"run{seed}"
        path = convert_block(memory_port_top, folder, hdl, config=CONFIG, name="small")
        assert path == folder / f"small.{suffix}"
        texts.append(path.read_bytes())
    assert texts[0] == texts[1] == texts[2]
    assert b"small" in texts[0] and str(tmp_path).encode() not in texts[0]


def test_only_the_results_are_left_in_the_folder(tmp_path):
    convert_block(queue_top, tmp_path / "new" / "folder", "vhdl", config=CONFIG, name="small")
    assert sorted(os.listdir(tmp_path / "new" / "folder")) == [
        CONVERTED_PACKAGE, "small.map.json", "small.vhd",
    ]


def test_a_failed_conversion_leaves_the_old_file_alone(tmp_path):
    (tmp_path / "broken.v").write_text("old")
    with pytest.raises(ConvertError, match="broken does not convert(?s:.*)no such hard"):
        convert_block(broken_top, tmp_path, config=CONFIG, name="broken")
    assert os.listdir(tmp_path) == ["broken.v"] and (tmp_path / "broken.v").read_text() == "old"


def test_a_warning_is_an_error(tmp_path):
    with pytest.raises(ConvertError, match="MyHDL warns: .*not driven.*nobody"):
        convert_block(undriven_top, tmp_path, config=CONFIG, name="undriven")
    assert os.listdir(tmp_path) == []


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write small.v into .*file.*name a writable folder"):
        convert_block(queue_top, tmp_path / "file", config=CONFIG, name="small")


def test_an_unknown_language_is_refused(tmp_path):
    with pytest.raises(ValueError, match="hdl must be one of verilog, vhdl, not 'chisel'"):
        convert(CONFIG, tmp_path, "chisel")
    assert os.listdir(tmp_path) == []


def test_a_keyword_as_a_name_is_an_error(tmp_path):
    with pytest.raises(ConvertError, match="VHDL keyword used: access"):
        convert_block(keyword_top, tmp_path, "vhdl", config=CONFIG, name="keyword")


@pytest.mark.convert
def test_a_wrong_case_label_is_refused(tmp_path):
    with pytest.raises(ConvertError, match="wrong case label: compare with a named"):
        convert_block(sum_label_top, tmp_path, config=CONFIG, name="sum_label")
    assert not list(tmp_path.iterdir())
