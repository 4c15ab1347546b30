"""core: the whole accelerator converts, for every named configuration and port width."""

import pytest
from dma_bench import shallow
from extended import extended

from myvta.isa.config import NAMED
from myvta.isa.extensions import EXTENSIONS
from myvta.rtl.convert import convert, core_top
from myvta.rtl.lint import lint_verilog, lint_vhdl

# The default tier takes this one; `-m configurations` (tox -e convert, CI) takes the others, but
# the largest, whose tools take minutes each.
QUICK = ("1x4x4",)
LARGEST = ("2x16x16", "4x16x16", "1x32x32", "1x32x32_128", "1x32x32_256")
EXTENDED = ("1x4x4+all",)
ALONE = [f"1x4x4+{extension.name}" for extension in EXTENSIONS if extension.bit > 1]
BLOCKS = {"depthwise": {"scratchpad_window", "window_schedule", "window_operands"}}
"""Blocks that only configurations with an extension have."""
OTHER_PORTS = [("1x4x4", 8), ("default", 7), ("1x16x16_int4", 8)]


def marks(name):
    """Return the marks of the tests of a named configuration."""
    if name in QUICK:
        return []
    if name in LARGEST:
        return [pytest.mark.soak, pytest.mark.timeout(1800)]
    return [pytest.mark.configurations, pytest.mark.timeout(600)]


everything = [
    pytest.param(NAMED[name], id=name, marks=marks(name)) for name in NAMED
] + [
    pytest.param(
        NAMED[name].replace(log_bus_width=log_bus), id=f"{name}@{1 << log_bus}",
        marks=[pytest.mark.configurations, pytest.mark.timeout(600)],
    )
    for name, log_bus in OTHER_PORTS
] + [
    pytest.param(
        extended(name), id=name, marks=[mark, pytest.mark.timeout(600)],
    )
    for names, mark in ((EXTENDED, pytest.mark.configurations), (ALONE, pytest.mark.slow))
    for name in names
] + [
    pytest.param(
        extended("1x4x4+depthwise").replace(counters=counters), id=f"counters {counters}",
        marks=[pytest.mark.configurations, pytest.mark.timeout(600)],
    )
    for counters in ("basic", "none")
]


@pytest.mark.convert
@pytest.mark.parametrize("config", everything)
def test_verilog_is_lint_clean(config, tmp_path, require_tool):
    require_tool("iverilog")
    require_tool("verilator")
    lint_verilog(convert(config, tmp_path))


@pytest.mark.convert
@pytest.mark.parametrize("config", everything)
def test_vhdl_is_accepted(config, tmp_path, require_tool):
    require_tool("ghdl")
    lint_vhdl(convert(config, tmp_path, "vhdl"))


def block_names(block):
    """Return the names of the functions of a block and of all blocks in it."""
    inside = [sub for sub in block.subs if hasattr(sub, "subs")]  # the others are processes
    return {block.func.__name__}.union(*map(block_names, inside))


@pytest.mark.parametrize("extension", BLOCKS)
def test_blocks_of_an_extension_are_absent_without_its_key(extension):
    assert not BLOCKS[extension] & block_names(shallow(core_top, NAMED["1x4x4"]))
    assert BLOCKS[extension] <= block_names(shallow(core_top, extended(f"1x4x4+{extension}")))


def test_blocks_of_counters_are_absent_without_them():
    own = {"counters": {"counters", "count_completed", "count_bytes"},
           "performance": {"performance", "count_states"}}
    there = {
        counters: block_names(shallow(core_top, NAMED["1x4x4"].replace(counters=counters)))
        for counters in ("all", "basic", "none")
    }
    assert own["counters"] | own["performance"] | {"count_pulses"} <= there["all"]
    assert there["all"] - there["basic"] == own["performance"]
    assert there["basic"] - there["none"] == own["counters"] | {"count_pulses"}


@pytest.mark.slow
@pytest.mark.convert
@pytest.mark.parametrize("hdl", ["verilog", "vhdl"])
def test_conversion_is_reproducible_to_the_byte(hdl, tmp_path, monkeypatch):
    texts = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        texts.append(convert(NAMED["1x4x4"], tmp_path / seed, hdl).read_bytes())
    assert texts[0] == texts[1]
