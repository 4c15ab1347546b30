"""net_names: short names of nets, comments above blocks, and the map from blocks to nets."""

import json
import re

import pytest
from myhdl import always_seq, block
from rtl_bench import clock_and_reset

from myvta.isa.config import NAMED
from myvta.rtl.convert import MAP_SUFFIX, convert_block
from myvta.rtl.lib.bundles import Stream, bit, word
from myvta.rtl.lib.skid_buffer import skid_buffer
from myvta.rtl.net_names import local_signals

CONFIG = NAMED["1x4x4"]


@block
def inner(clock, reset, stream, busy):
    """Watch a stream.

    Only the first line becomes the comment.
    """
    count = word(3)

    @always_seq(clock.posedge, reset)
    def watch():
        count.next = count + 1
        busy.next = stream.valid and count != 0

    return watch


@block
def chain(clock, reset, sink, source, busy):
    """Two buffers in series."""
    middle, process = Stream(8), bit()
    first = skid_buffer(clock, reset, sink, middle, width=8)
    second = skid_buffer(clock, reset, middle, source, width=8)

    @always_seq(clock.posedge, reset)
    def follow():
        busy.next = process

    return first, second, inner(clock, reset, middle, process), follow


def chain_top(config):
    clock, reset = clock_and_reset()
    return chain(clock, reset, Stream(8), Stream(8), bit())


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    texts = {
        hdl: convert_block(chain_top, folder / hdl, hdl, config=CONFIG, name="chain").read_text()
        for hdl in ("verilog", "vhdl")
    }
    maps = [(folder / hdl / f"chain{MAP_SUFFIX}").read_text() for hdl in texts]
    assert maps[0] == maps[1]
    return texts["verilog"], texts["vhdl"], json.loads(maps[0])


def nets(verilog):
    return set(re.findall(r"^(?:wire|reg) .*?(\w+);", verilog, re.MULTILINE))


def test_members_of_bundles_keep_their_name_and_others_get_their_block_before_it(converted):
    verilog, _, _ = converted
    assert nets(verilog) >= {
        "middle_data", "middle_valid", "middle_ready", "skid_buffer0_kept", "skid_buffer1_kept",
        "inner_count",
    }


def test_a_net_is_driven_by_the_one_block_whose_process_assigns_it(converted):
    _, _, map_ = converted
    drives = {path: set(entry["drives"]) for path, entry in map_["blocks"].items()}
    assert drives["chain"] == {"busy"}
    assert drives["inner0"] == {"inner_count", "chain_process"}
    assert "middle_data" in drives["skid_buffer0"]
    every = [net for nets in drives.values() for net in nets]
    assert len(every) == len(set(every))


def test_a_keyword_is_no_name(converted):
    verilog, vhdl, _ = converted
    assert "chain_process" in nets(verilog) and "process" not in nets(verilog)
    assert "signal chain_process: std_logic;" in vhdl


def test_verilog_and_vhdl_have_the_same_nets(converted):
    verilog, vhdl, _ = converted
    ports = set(re.findall(r"^(?:input|output) .*?(\w+);", verilog, re.MULTILINE))
    assert nets(verilog) - ports == set(re.findall(r"^signal (\w+):", vhdl, re.MULTILINE))


def test_each_block_begins_with_its_path_and_the_head_of_its_docstring(converted):
    for text, mark in zip(converted, ("//", "--"), strict=False):
        assert f"{mark} inner0: Watch a stream.\n" in text
        assert text.count(f"{mark} skid_buffer1: Delay words of ``width`` bits by one cycle.") == 1
        assert "Only the first line" not in text


def test_map_gives_the_net_of_a_block_s_signal(converted):
    blocks = converted[2]["blocks"]
    assert list(blocks) == ["chain", "skid_buffer0", "skid_buffer1", "inner0"]
    assert blocks["skid_buffer1"]["block"] == "skid_buffer"
    seen = blocks["skid_buffer1"]["nets"]
    assert seen["sink.data"] == blocks["skid_buffer0"]["nets"]["source.data"] == "middle_data"
    assert seen["source.data"] == "source_data"
    assert seen["kept"] == "skid_buffer1_kept"
    assert blocks["inner0"]["nets"]["busy"] == "chain_process"
    assert blocks["inner0"]["text"] == "Watch a stream."


def test_bundles_and_lists_are_opened():
    stream, one, two = Stream(2), bit(), bit()
    opened = dict(local_signals({
        "s": [stream], "bits": [one, two], "width": 8, "_hidden": one,
    }))
    assert opened["s[0].data", "s0_data"] is stream.data
    assert opened["bits[1]", "bits1"] is two
    assert opened["bits", "bits"] == [one, two]
    assert not any("hidden" in net or "width" in net for _, net in opened)
