"""schemes: our table, and targets of others through the entry point."""

import re
from importlib import import_module

import pytest
from third_party import installed

from myvta.driver import OpenRequest, TargetError, UrlError, known_schemes, open_target
from myvta.driver.target.schemes import SCHEMES, TargetScheme, find_scheme
from myvta.isa.config import named


@pytest.mark.slow  # simulators import MyHDL
def test_every_scheme_of_the_table_can_be_imported():
    assert set(SCHEMES) == {"model", "icarus", "verilator", "uart", "tcp", "devmem", "uio"}
    for name in SCHEMES:
        assert isinstance(find_scheme(name), TargetScheme), name


def test_an_unknown_scheme_is_refused_with_the_known_ones():
    with pytest.raises(UrlError, match=r"no target scheme 'modle'; known: .*icarus.*model"):
        open_target("modle://")
    assert set(SCHEMES) <= set(known_schemes())


@pytest.mark.parametrize(("place", "reason"), [
    ("myvta.driver.no_such_module:SCHEME", "No module named 'myvta.driver.no_such_module'"),
    ("myvta.driver.errors:SCHEME", "module 'myvta.driver.errors' has no attribute 'SCHEME'"),
    ("myvta.model.model_target:open_model", "myvta.model.model_target:open_model must be a "
                                            "myvta.driver.Scheme, not function"),
])
def test_unimportable_scheme_is_refused_with_the_cause(monkeypatch, place, reason):
    monkeypatch.setitem(SCHEMES, "ghost", place)
    with pytest.raises(TargetError, match=re.escape(f"ghost:// cannot be loaded: {reason}")):
        open_target("ghost://")


def test_a_third_party_scheme_owns_its_window_and_advice():
    assert "third-party" not in known_schemes()
    with installed():
        assert "third-party" in known_schemes()
        module = import_module("third_party_target")
        with open_target("third-party://?config=1x4x4") as target:
            assert target.window == module.OWN_WINDOW
            assert target.clock_hz == module.CLOCK_HZ
        with open_target("third-party://?config=1x4x4&mem=0x4000:4K") as target:
            assert target.window == (0x4000, 4096)
        with pytest.raises(UrlError, match=r"^third-party://: no option 'x'$"):
            open_target("third-party://?x=1")
        assert find_scheme("third-party").advice.no_answer == "plug it in"
    with pytest.raises(UrlError, match="no target scheme"):
        open_target("third-party://")


def test_entry_point_cannot_replace_a_built_in_scheme():
    with installed("model"):
        assert find_scheme("model").open is import_module("myvta.model.model_target").open_model


def test_a_request_without_mem_leaves_the_window_to_the_scheme():
    request = OpenRequest("", named("1x4x4"))
    assert request.window is None and dict(request.options) == {}
    assert find_scheme("model").open(request).window == (0, 64 << 20)
