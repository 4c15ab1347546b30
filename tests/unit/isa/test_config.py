"""Configurations: VTA's files unchanged, derived facts as published, every refusal by its text."""

import json
import re

import pytest

from myvta.isa.config import NAMED, Config, ConfigError, load_config, named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.opcodes import MemoryType

# VTA's sample files; zcu104 has a stale version in its text (vta_isa.md 1.2)
SAMPLES = {
    "pynq": "0.0.2", "ultra96": "0.0.2", "zcu104": "0.0.1", "de10nano": "0.0.2", "sim": "0.0.2",
    "tsim": "0.0.2", "intelfocl": "0.0.2",
}


def sample(target, version):
    return f"""{{
  "TARGET" : "{target}",
  "HW_VER" : "{version}",
  "LOG_INP_WIDTH" : 3,
  "LOG_WGT_WIDTH" : 3,
  "LOG_ACC_WIDTH" : 5,
  "LOG_BATCH" : 0,
  "LOG_BLOCK" : 4,
  "LOG_UOP_BUFF_SIZE" : 15,
  "LOG_INP_BUFF_SIZE" : 15,
  "LOG_WGT_BUFF_SIZE" : 18,
  "LOG_ACC_BUFF_SIZE" : 17
}}
"""


@pytest.mark.parametrize(("target", "version"), SAMPLES.items())
def test_sample_file_comes_back_unchanged(target, version, tmp_path):
    text = sample(target, version)
    path = tmp_path / "vta_config.json"
    path.write_text(text)
    config = load_config(path)
    assert config.target == target
    assert config.to_json() == text
    assert config.canonical == NAMED["base"].canonical == "1x16_i8w8a32_15_15_18_17"


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("bus", [6, 7, 8])
def test_round_trip(name, bus):
    config = NAMED[name].replace(log_bus_width=bus)
    assert Config.from_json(config.to_json()) == config
    assert NAMED[config.name].canonical == config.canonical
    assert ("LOG_BUS_WIDTH" in config.to_dict()) == (bus != 6)


@pytest.mark.parametrize("counters", ["all", "basic", "none"])
def test_counters_are_a_key_and_no_part_of_the_fingerprint(counters):
    config = NAMED["1x4x4"].replace(counters=counters)
    assert Config.from_json(config.to_json()) == config
    assert ('"MYVTA_COUNTERS" : "none"' in config.to_json()) == (counters == "none")
    assert ("MYVTA_COUNTERS" in config.to_dict()) == (counters != "all")
    assert config.to_dict(all_keys=True)["MYVTA_COUNTERS"] == counters
    assert (config.name, config.fingerprint) == ("1x4x4", NAMED["1x4x4"].fingerprint)


@pytest.mark.parametrize("value", ["some", "", None, True, 0, ["all"]])
def test_unknown_counters_are_refused(value):
    with pytest.raises(ConfigError) as caught:
        Config(counters=value)
    assert caught.value.problems == [
        f"counters must be one of all, basic, none, not {value!r}"]


def test_published_depths_and_bytes():
    config = NAMED["default"]
    assert {kind: (config.tile_bytes(kind), config.depth(kind)) for kind in MemoryType} == {
        MemoryType.UOP: (4, 8192), MemoryType.INP: (16, 2048), MemoryType.WGT: (256, 1024),
        MemoryType.ACC: (64, 2048), MemoryType.OUT: (16, 2048), MemoryType.ACC_8BIT: (16, 2048),
        MemoryType.LUT: (512, 4), MemoryType.WGT_4BIT: (128, 1024),
    }
    assert config.macs_per_step == 256


def test_named_configurations_have_their_shapes():
    assert {
        name: (config.batch, config.block_in, config.block_out, config.inp_width, config.wgt_width)
        for name, config in NAMED.items()
    } == {
        "default": (1, 16, 16, 8, 8), "lean": (1, 16, 16, 8, 8), "base": (1, 16, 16, 8, 8),
        "1x4x4": (1, 4, 4, 8, 8),
        "1x4x4_base": (1, 4, 4, 8, 8), "1x4x4_int4": (1, 4, 4, 4, 4), "1x8x8": (1, 8, 8, 8, 8),
        "1x8x8_all": (1, 8, 8, 8, 8),
        "2x8x8": (2, 8, 8, 8, 8), "2x16x16": (2, 16, 16, 8, 8), "4x16x16": (4, 16, 16, 8, 8),
        **dict.fromkeys(("1x32x32", "1x32x32_128", "1x32x32_256"), (1, 32, 32, 8, 8)),
        "1x16x16_int4": (1, 16, 16, 4, 4), "1x16x16_w4": (1, 16, 16, 8, 4),
    }


def test_fingerprints_of_configurations_differ():
    prints = {config.fingerprint: config.canonical for config in NAMED.values()}
    assert len(prints) == len({config.canonical for config in NAMED.values()})
    assert Config().replace(log_bus_width=8, target="pynq").fingerprint == Config().fingerprint


def test_a_name_means_its_memory_port_where_it_has_several():
    wide = NAMED["1x32x32"]
    assert [wide.replace(log_bus_width=bus).name for bus in (6, 7, 8)] == [
        "1x32x32", "1x32x32_128", "1x32x32_256"]
    assert [NAMED[name].bus_width for name in ("1x32x32", "1x32x32_128", "1x32x32_256")] == [
        64, 128, 256]
    assert len({NAMED[name].fingerprint for name in NAMED if name.startswith("1x32x32")}) == 1
    assert NAMED["base"].replace(log_bus_width=8).name == "base"


def test_named_configurations_have_these_extensions():
    letters = {name: config.canonical.split("_")[6:] for name, config in NAMED.items()}
    assert letters == {
        "default": ["oqlrdfw8"], "lean": ["oq"], "base": [],
        "1x4x4": ["oq"], "1x4x4_base": [], "1x4x4_int4": ["oq"], "1x8x8": ["oq"],
        "1x8x8_all": ["oqlrdfw8"], "2x8x8": ["oq"],
        "2x16x16": ["oqlrdfw8"], "4x16x16": ["oqlrdfw8"],
        **dict.fromkeys(("1x32x32", "1x32x32_128", "1x32x32_256"), ["oqlrdfw16"]),
        "1x16x16_int4": ["oqlrdf8"], "1x16x16_w4": ["oqlrdf8"],  # weights4 is for 8-bit weights
    }


def test_default_lean_and_base_differ_in_extensions_alone():
    default = NAMED["default"]
    assert default.replace(
        lookup=False, reduce=False, depthwise=False, forward=False, weights4=False
    ) == NAMED["lean"]
    assert default.replace(**dict.fromkeys(EXTENSION_NAMES, False)) == NAMED["base"]


ILLEGAL = {  # vta_isa.md 2.7
    "block 8 in the default bytes": (
        {"log_block": 3},
        ["GEMM field wgt_factor_in ends at bit 139, past bit 127: reduce the buffer sizes",
         "ALU field imm ends at bit 143, past bit 127: reduce the buffer sizes",
         "micro-op field wgt ends at bit 35, past bit 31: reduce the buffer sizes"],
    ),
    "acc buffer 18": (
        {"log_acc_buff_size": 18},
        ["GEMM field wgt_factor_in ends at bit 137, past bit 127: reduce the buffer sizes",
         "ALU field imm ends at bit 143, past bit 127: reduce the buffer sizes",
         "micro-op field wgt ends at bit 33, past bit 31: reduce the buffer sizes"],
    ),
    "4-bit inputs": (
        {"log_inp_width": 2},
        ["GEMM field wgt_factor_in ends at bit 137, past bit 127: reduce the buffer sizes",
         "micro-op field wgt ends at bit 32, past bit 31: reduce the buffer sizes"],
    ),
    "4-bit weights": (
        {"log_wgt_width": 2},
        ["GEMM field wgt_factor_in ends at bit 138, past bit 127: reduce the buffer sizes",
         "micro-op field wgt ends at bit 32, past bit 31: reduce the buffer sizes"],
    ),
    "acc width 16": (
        {"log_acc_width": 4},
        ["LOG_ACC_WIDTH (log2 bits of an accumulator lane) must be 5..5, not 4"]
    ),
    "micro-ops past 2^13": (
        {"log_uop_buff_size": 16},
        ["LOG_UOP_BUFF_SIZE (log2 bytes of the micro-op buffer) must be 6..15, not 16"],
    ),
    "a string": (
        {"log_block": "4"},
        ["LOG_BLOCK (log2 columns of an input tile and rows of a weight tile) must be 2..5, "
         "not '4'"],
    ),
    "a bool": (
        {"log_batch": True},
        ["LOG_BATCH (log2 rows of an input tile) must be 0..3, not True"],
    ),
    "a float": (
        {"log_bus_width": 6.0},
        ["LOG_BUS_WIDTH (log2 bits of the memory port) must be 6..8, not 6.0"],
    ),
    "a number for a feature": ({"overwrite": 1}, ["overwrite must be a bool, not 1"]),
    "a number for a name": ({"target": 5}, ["TARGET must be a string, not 5"]),
    "too shallow": (
        {"log_wgt_buff_size": 11},
        ["LOG_WGT_BUFF_SIZE gives 2^3 tiles of 256 bytes; must be 2^4..2^16"],
    ),
    "too deep": (
        {"log_acc_buff_size": 23},
        ["LOG_ACC_BUFF_SIZE gives 2^17 tiles of 64 bytes; must be 2^4..2^16"],
    ),
    "an old version": (
        {"hw_ver": "0.0.1"},
        ["HW_VER must be '0.0.2', not '0.0.1': 0.0.1 has 2-bit memory types and ALU opcodes and is "
         "not binary compatible (VTA's zcu104 file says it by mistake)"],
    ),
    "bit 63 taken": (  # depths 2^8 and 2^11: dst_factor_out is bits 63:53
        {"log_uop_buff_size": 10, "overwrite": True},
        ["GEMM field overwrite needs bit 63, which another field reaches: change the buffer sizes "
         "or do without it"],
    ),
}


@pytest.mark.parametrize(("changes", "problems"), ILLEGAL.values(), ids=ILLEGAL)
def test_too_narrow_fields_are_refused(changes, problems):
    with pytest.raises(ConfigError) as caught:
        Config(**changes)
    assert caught.value.problems == problems
    assert str(caught.value) == "configuration refused: " + "; ".join(problems)


def test_all_problems_are_listed_at_once():
    with pytest.raises(ConfigError) as caught:
        Config(log_block=9, log_batch=-1, hw_ver="1")
    assert len(caught.value.problems) == 3


def test_without_the_extension_bit_63_may_be_taken():
    assert Config(log_uop_buff_size=10).log_uop_depth == 8


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
     ("[1]", "a configuration is a JSON object, not list"),
     (sample("sim", "0.0.2").replace("LOG_BATCH", "LOG_BATCHES"), "unknown key 'LOG_BATCHES'"),
     (sample("sim", "0.0.2").replace("LOG_BATCH", "LOG_BATCHES"), "missing key 'LOG_BATCH'")],
)
def test_malformed_file_is_refused(text, problem, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}: {problem}" in caught.value.problems


def test_binary_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "c.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=f"cannot read {re.escape(str(path))}: 'utf-8' codec"):
        load_config(path)
    with pytest.raises(ConfigError, match=f"cannot read {re.escape(str(tmp_path))}: "):
        load_config(tmp_path)
    known = re.escape(", ".join(NAMED))
    with pytest.raises(ConfigError, match=rf"'nope' is neither a file nor .* \({known}\)$"):
        load_config("nope")
    with pytest.raises(ConfigError, match=f"no configuration named 'nope'; known: {known}$"):
        named("nope")


def test_load_config_takes_name_config_or_none():
    assert load_config(None) is NAMED["default"]
    assert load_config("1x8x8") is NAMED["1x8x8"]
    assert load_config(NAMED["base"]) is NAMED["base"]


def test_our_keys_are_written_only_when_set():
    plain, ours = NAMED["base"].to_dict(), NAMED["lean"].to_dict()
    assert json.loads(NAMED["base"].to_json()) == plain
    assert {key: ours[key] for key in ours if key not in plain} == {
        "MYVTA_OVERWRITE": True, "MYVTA_REQUANTIZE": True,
    }
