"""Hardware of an extension is absent without its key: blocks, memories, nets and processes."""

import json
import re
from itertools import combinations

import pytest
from extended import extended

from myvta.isa.config import named
from myvta.rtl.convert import MAP_SUFFIX, convert

SMALL = "1x4x4"
WORDS = {  # in names of blocks, memories, nets and processes
    "lookup": "lookup|lut|tables?", "reduce": "reduce[sd]?|red", "depthwise": "depthwise|dwc|taps?",
    "forward": "forward|forwarding|forwarded",  # bank_forwards is a constant without the key
    "weights4": "weights4|4bit",
}
pytestmark = [pytest.mark.convert, pytest.mark.slow, pytest.mark.timeout(600)]


class Converted:
    """The Verilog of a configuration: its identifiers, and the names of its blocks."""

    def __init__(self, config, folder):
        file = convert(config, folder)
        text = re.sub("//.*", "", file.read_text(encoding="utf-8"))
        self.identifiers = set(re.findall(r"[A-Za-z_]\w*", text))
        blocks = json.loads(file.with_suffix(MAP_SUFFIX).read_text(encoding="utf-8"))["blocks"]
        self.blocks = {instance["block"] for instance in blocks.values()}

    def extensions(self):
        """Return the extensions that some name is a word of."""
        return {
            name for name, words in WORDS.items()
            if any(re.search(rf"(?:^|_)(?:{words})\d*(?:_|$)", text) for text in self.identifiers)
        }


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Return a function from a configuration to its Verilog; each is converted once."""
    kept = {}

    def convert_once(config):
        if config not in kept:
            kept[config] = Converted(config, tmp_path_factory.mktemp("converted"))
        return kept[config]

    return convert_once


@pytest.fixture(scope="module")
def added(converted):
    """The blocks that each extension alone adds to a small configuration."""
    plain = converted(named(SMALL)).blocks
    return {name: converted(extended(f"{SMALL}+{name}")).blocks - plain for name in WORDS}


@pytest.mark.parametrize("name", WORDS)
def test_each_extension_alone_adds_only_its_own_logic(converted, name):
    assert converted(extended(f"{SMALL}+{name}")).extensions() == {name}


def test_no_two_extensions_add_the_same_block(added):
    assert all(added.values())
    for first, second in combinations(added, 2):
        assert added[first].isdisjoint(added[second]), (first, second)


@pytest.mark.parametrize("name", [SMALL, f"{SMALL}_base"])
def test_configuration_without_extensions_has_no_block_of_them(converted, added, name):
    found = converted(named(name))
    assert found.extensions() == set()
    for extension, blocks in added.items():
        assert found.blocks.isdisjoint(blocks), extension


@pytest.mark.configurations
@pytest.mark.parametrize("name", ["lean", "base"])
def test_named_configuration_without_extensions_has_no_name_of_them(converted, name):
    assert converted(named(name)).extensions() == set()
