"""Extensions as rows: bits, letters and names are unique, and needs are met in order."""

import re

import pytest

from myvta.isa.config import ConfigError, named
from myvta.isa.extensions import EXTENSION_NAMES, EXTENSIONS


def test_extensions_have_these_names_letters_and_bits():
    assert [(row.name, row.letter, row.bit) for row in EXTENSIONS] == [
        ("overwrite", "o", 0), ("requantize", "q", 1), ("lookup", "l", 2), ("reduce", "r", 3),
        ("depthwise", "d", 4), ("forward", "f", 5), ("weights4", "w", 6),
    ]
    assert tuple(row.name for row in EXTENSIONS) == EXTENSION_NAMES
    assert all(row.purpose and row.encoding for row in EXTENSIONS)


def test_costs_are_cells_by_kind():
    costs = {row.name: row.cost for row in EXTENSIONS if row.cost}
    assert {"lookup", "reduce", "depthwise", "forward", "weights4"} <= set(costs)
    for cost in costs.values():
        assert re.fullmatch(
            r"[\d,]+ LUT, [\d,]+ FF(, \d+ DSP48E1)?(, \d+ RAMB36)?", cost), cost


@pytest.mark.parametrize("extension", EXTENSIONS, ids=lambda row: row.name)
def test_each_extension_is_independent_of_those_it_does_not_need(extension):
    keys = dict.fromkeys((extension.name, *extension.needs), True)
    config = named("1x4x4_base").replace(**keys)
    assert [row.name for row in EXTENSIONS if getattr(config, row.name)] == sorted(
        keys, key=EXTENSION_NAMES.index)
    assert config.fingerprint != named("1x4x4_base").fingerprint


def test_lookup_needs_requantize():
    with pytest.raises(ConfigError, match="lookup needs requantize"):
        named("1x4x4_base").replace(lookup=True)
