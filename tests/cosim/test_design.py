"""design: a file of the user's, or the core's Verilog once per source and configuration."""

import pytest

from myvta.cosim import design
from myvta.cosim.design import TOP, convert_once, read_design
from myvta.driver.errors import TargetError
from myvta.isa.config import NAMED

CONFIG = NAMED["1x4x4"]


def test_a_file_with_the_top_module_is_read_as_it_is(tmp_path):
    text = f"module {TOP}(input clock); endmodule // \u00e9\n"
    (tmp_path / "own.v").write_text(text, encoding="utf-8")
    assert read_design(str(tmp_path / "own.v"), CONFIG) == text


def test_a_missing_or_binary_file_is_refused_by_its_name(tmp_path):
    with pytest.raises(TargetError, match=r"cannot read the Verilog file .*none\.v"):
        read_design(str(tmp_path / "none.v"), CONFIG)
    (tmp_path / "netlist.v").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TargetError, match=r"cannot read the Verilog file .*netlist\.v"):
        read_design(str(tmp_path / "netlist.v"), CONFIG)


def test_a_file_with_another_module_is_refused(tmp_path):
    (tmp_path / "other.v").write_text("module other; endmodule")
    with pytest.raises(TargetError, match=r"other\.v has no module myvta_core"):
        read_design(str(tmp_path / "other.v"), CONFIG)


def test_events_of_a_file_with_unknown_nets_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"events=FILE records the converted core only, not own"):
        read_design("own.v", CONFIG, events=True)


@pytest.fixture
def room(tmp_path, monkeypatch):
    """Return a package with one room, and an empty cache."""
    monkeypatch.setenv("MYVTA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(design, "_ROOM", tmp_path / "package")
    (tmp_path / "package" / "rtl" / "lib").mkdir(parents=True)
    (tmp_path / "package" / "rtl" / "lib" / "queue.py").write_text("depth = 4\n")
    return tmp_path / "package" / "rtl"


def conversions(monkeypatch):
    """Return a function that converts as ``convert_once`` does, and the list of built designs."""
    built = []

    def convert(top="top", config=CONFIG, facts=()):
        def build(folder):
            built.append(folder)
            (folder / f"{top}.v").write_text(f"// {top} {len(built)}\n")

        return convert_once(top, config, ("rtl",), build, *facts)

    return convert, built


def test_the_same_sources_are_converted_once(room, monkeypatch):
    convert, built = conversions(monkeypatch)
    assert convert() == convert() == "// top 1\n"
    assert len(built) == 1


def test_anything_the_text_depends_on_converts_anew(room, monkeypatch):
    convert, built = conversions(monkeypatch)
    variants = [{}, dict(top="other"), dict(config=NAMED["default"]), dict(facts=(1,)),
                dict(facts=(2,))]
    for variant in variants:
        convert(**variant)
    (room / "lib" / "queue.py").write_text("depth = 8\n")
    convert()
    (room / "lib" / "queue.py").rename(room / "lib" / "fifo.py")
    convert()
    (room / "notes.txt").write_text("no source")
    convert()
    assert len(built) == len(variants) + 2
