"""options: those that a URL may have, and one clear error for any other."""

import pytest

from myvta.cosim.options import SimulationOptions, Wave, parse_options, with_bus
from myvta.isa.config import NAMED


def parse(**options):
    return parse_options(options, scheme="any", suffixes=(".vcd", ".fst"), max_cycles=77,
                         wave_cycles=99)


def test_defaults_are_these():
    assert parse() == (SimulationOptions(max_cycles=77), None)
    assert SimulationOptions() == SimulationOptions(1, 100, 0, 1, 1_000_000_000, None)


def test_every_option_is_parsed(tmp_path):
    parsed, bus = parse(latency="0x40", bandwidth="50", stall="90", seed="010", max_cycles="5",
                        bus="256", wave=str(tmp_path / "w.fst"), wave_from="3", wave_cycles="4",
                        shy="1", events=str(tmp_path / "e"))
    wave = Wave(tmp_path / "w.fst", 3, 4)
    assert parsed == SimulationOptions(64, 50, 90, 10, 5, wave, 1, tmp_path / "e")
    assert with_bus(NAMED["default"], bus).bus_width == 256
    assert with_bus(NAMED["default"], None) is NAMED["default"]


@pytest.mark.parametrize(("options", "text"), [
    ({"speed": "1"}, r"any:// has no option 'speed'; known: bandwidth, bus, events, latency, "
                     r"max_cycles, seed, shy, stall, wave, wave_cycles, wave_from"),
    ({"shy": "2"}, r"shy \(1: READY waits for VALID\) must be a number 0\.\.1, not '2'"),
    ({"latency": "100001"},
     r"latency \(cycles .*\) must be a number 0\.\.100000, not '100001'"),
    ({"latency": "fast"}, "latency .*, not 'fast'"),
    ({"latency": "-1"}, "latency .*, not '-1'"),
    ({"bandwidth": "101"}, r"bandwidth .* 1\.\.100, not '101'"),
    ({"stall": "91"}, r"stall .* 0\.\.90, not '91'"),
    ({"bus": "32"}, "bus must be one of 64, 128, 256, not '32'"),
    ({"wave_from": "3"}, "wave_from needs wave=FILE"),
    ({"wave": "w.txt"}, r"wave must be a file named \*\.vcd or \*\.fst, not 'w\.txt'"),
    ({"wave": "/no/such/folder/w.vcd"}, "there is no folder /no/such/folder"),
    ({"events": "/no/such/folder/e"}, "events cannot be written: there is no folder /no/such"),
])
def test_invalid_options_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        parse(**options)
