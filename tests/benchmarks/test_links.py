"""benchmarks/links.py: its figures are made, and the marks that no busy host can miss are met."""

import sys
from pathlib import Path

import pytest


@pytest.fixture
def links(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import links

    yield links
    sys.modules.pop("links")


@pytest.mark.verilator
def test_the_simulated_uart_meets_its_mark(links, monkeypatch):
    monkeypatch.setattr(links, "_UART_BYTES", 4096)
    figures = links.uart()
    assert links.UART_SHARE <= figures["write_share"] < 1
    assert links.UART_SHARE <= figures["read_share"] < 1
    assert figures["resent"] == 0
    assert 90 < figures["register_microseconds"] < 150  # 27 bytes and more take 90


def test_tcp_and_launches_are_measured(links, monkeypatch):
    monkeypatch.setattr(links, "_TCP_BYTES", 1 << 20)
    monkeypatch.setattr(links, "_TIMES", 20)
    assert all(value > 0 for value in links.tcp().values())
    assert links.launches()["median_seconds"] > 0
