"""ports: the table against the bundles of the RTL and the copying device in Verilog."""

from pathlib import Path

import pytest

from myvta.cosim.ports import ports
from myvta.isa.config import NAMED
from myvta.rtl.lib.bundles import Axi4, AxiLite

COPY_CORE = Path(__file__).parents[1] / "data" / "copy_core.v"


@pytest.mark.parametrize("log_bus", [6, 7, 8])
def test_ports_are_the_signals_of_the_core_s_bundles(log_bus):
    config = NAMED["default"].replace(log_bus_width=log_bus)
    expected = {"clock": 1, "reset": 1, "interrupt": 1}
    for prefix, bundle in (("s_axi", AxiLite()), ("m_axi", Axi4(config))):
        expected |= {f"{prefix}_{name}": len(signal) or 1
                     for name, signal in vars(bundle).items()}
    assert {port.name: port.width for port in ports(config.bus_width)} == expected


def test_each_side_of_a_channel_drives_its_own_wires():
    driven = {port.name: port.driven for port in ports(64)}
    assert (driven["clock"], driven["reset"], driven["interrupt"]) == (False, False, True)
    for prefix, is_master in (("m_axi_", True), ("s_axi_", False)):
        for name in (name for name in driven if name.startswith(prefix)):
            channel = name.removeprefix(prefix)
            request = channel.startswith(("aw", "ar", "w"))  # from the master, but for READY
            by_master = request != channel.endswith("ready")
            assert driven[name] == (by_master == is_master), name


def test_the_copying_device_has_the_same_ports():
    text = COPY_CORE.read_text(encoding="utf-8")
    assert all(f" {port.name},\n" in text or f" {port.name}\n" in text for port in ports(64))
