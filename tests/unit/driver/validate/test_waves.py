"""waves: nothing is opened again where there are no cycles to record."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from myvta.driver.validate import waves
from myvta.driver.validate.waves import WAVE_CYCLES, trace_store


class Loaded:
    """A loaded program whose target counts cycles, or does not."""

    def __init__(self, cycle):
        self.host, self.program = None, SimpleNamespace(config="1x4x4")
        self.target = SimpleNamespace(cycle=cycle)


@pytest.mark.parametrize(("url", "cycle"), [
    ("", 5), ("spy:verilator://", 5), ("model://", None),
])
def test_target_without_waves_is_not_reopened(url, cycle):
    assert trace_store(Loaded(cycle), url, None, "conv1", lambda loaded: 1 / 0) == ""


def test_trace_without_a_folder_names_the_wave_options(monkeypatch):
    runs = []
    monkeypatch.setattr(
        waves, "open_target", lambda url, config: nullcontext(SimpleNamespace(cycle=5000))
    )
    monkeypatch.setattr(waves, "LoadedProgram", lambda program, target, host: target)
    text = trace_store(Loaded(1), "verilator://?x=1", None, "a/b c", runs.append)
    assert text == (
        f"verilator://?x=1 with wave=a_b_c.vcd&wave_from={5000 - WAVE_CYCLES}"
        f"&wave_cycles={WAVE_CYCLES}"
    )
    assert [target.cycle for target in runs] == [5000]
