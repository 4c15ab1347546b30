"""`myvta profile`: its table, its page, its trace, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from compiler_networks import NetworkBuilder, compiled, save_samples

from myvta.cli.main import cli
from myvta.cli.profile_command import report_files
from myvta.cli.profile_page import COLUMNS
from myvta.driver import write_bundle
from myvta.driver.run.profile import Profile, Row
from myvta.isa.register_map import PERFORMANCE

VOID = {"meta", "link", "br", "img"}


def rows() -> tuple[Row, ...]:
    """Return a host step and two launches whose figures are known."""
    launches = []
    for name, cycles in (("conv <1>", 1000), ("conv2", 3000)):
        performance = {register.name: 0 for group in PERFORMANCE.values() for register in group}
        for engine in ("FETCH", "LOAD", "COMPUTE", "STORE"):
            performance[f"{engine}_BUSY"] = cycles // 4
        performance["COMPUTE_TOKEN"] = cycles // 2
        launches.append(Row(
            name=name, layers=(name,), where="accelerator", seconds=0.5, cycles=cycles,
            macs=256 * cycles // 2, ideal_steps=cycles // 2, compulsory_bytes=2 * cycles,
            counters={"INP_BYTES": cycles, "WGT_BYTES": 2 * cycles}, performance=performance,
        ))
    return (Row(name="quantize", layers=("quantize",), where="host", seconds=0.001), *launches)


PROFILE = Profile(program="net", config="default", macs_per_step=256, bus_bytes=8, images=1,
                  rows=rows())


class Page(HTMLParser):
    """Collects ids, cells and references; refuses tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.cells: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.add(value or "")
            if name in ("src", "href", "xlink:href"):
                self.references.append(value or "")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


def test_page() -> None:
    page = Page()
    page.feed(report_files(PROFILE, "verilator://", 100.0)["index.html"])
    assert not page.open
    assert {"timeline", "roofline", "causes", "traffic", "layers", "split"} <= page.ids
    width = len(COLUMNS)
    assert page.cells[:width] == [
        "conv <1>", "1000", "25.0 %", "50.0 %", "25.0 %", "50.0 %", "0.0 %", "3.0", "1.50 x"]
    assert page.cells[width : width + 3] == ["conv2", "3000", "75.0 %"]
    assert "script" not in page.tags
    outside = [text for text in page.references if not text.startswith(("#", "data:"))]
    assert not outside, "the page works offline"


def test_plots_name_the_layers_and_repeat() -> None:
    files, again = (report_files(PROFILE, "verilator://", 100.0) for _ in range(2))
    assert files == again
    for name in ("timeline", "roofline", "causes", "traffic"):
        svg = files[f"{name}.svg"]
        assert svg.startswith("<svg")
        assert "conv2" in svg
        assert svg in files["index.html"]


def test_trace_tiles_the_cycles() -> None:
    events = json.loads(report_files(PROFILE, "verilator://", 100.0)["trace.json"])["traceEvents"]
    tracks = {event["tid"]: event["args"]["name"] for event in events
              if event["name"] == "thread_name"}
    assert list(tracks.values()) == ["fetch", "load", "compute", "store"]
    for track, engine in tracks.items():
        slices = [e for e in events if e["ph"] == "X" and e["tid"] == track]
        assert [(e["name"], e["ts"], e["dur"]) for e in slices] == [
            ("conv <1>", 0, 1000), ("conv2", 1000, 3000)]
        assert slices[0]["args"][f"{engine.upper()}_BUSY"] == 250
    busy = [e["args"]["percent"] for e in events if e["name"] == "compute busy"]
    assert busy == [25, 25, 0]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle of two layers, one launch each."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    build = NetworkBuilder(1)
    build.conv(build.conv(build.input((1, 4, 6, 6)), 8), 4)
    made = compiled(build, tmp_path, "1x4x4", per_layer=True)
    save_samples(build, tmp_path / "images.npz", 2)
    return write_bundle(made.program, tmp_path / "net.vta")


def myvta(*args: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(cli, ["profile", *args])


@pytest.mark.verilator
def test_profile_of_the_rtl(bundle: Path) -> None:
    done = myvta("net.vta", "--report", "out", "--input", "images.npz")
    assert done.exit_code == 0, done.output
    assert "wrote out/index.html" in done.output
    assert {path.name for path in Path("out").iterdir()} == {
        "index.html", "profile.json", "trace.json", "timeline.svg", "roofline.svg", "causes.svg",
        "traffic.svg",
    }
    told = json.loads(myvta("net.vta", "--json").output)
    kept = json.loads(Path("out/profile.json").read_text())
    assert told["target"] == "verilator://"
    assert told["cycles"] == kept["cycles"] == sum(row["cycles"] for row in told["rows"])
    assert f"{told['cycles']} cycles" in done.output


@pytest.mark.icarus
@pytest.mark.verilator
def test_the_same_from_any_target_that_keeps_time(bundle: Path) -> None:
    rows = []
    for target in ("verilator://", "icarus://"):
        told = json.loads(myvta("net.vta", "--target", target, "--json").output)
        rows.append([{**row, "seconds": None} for row in told["rows"]])
    assert rows[0] == rows[1]
    assert any(row["cycles"] for row in rows[0])


def test_what_is_refused(bundle: Path) -> None:
    done = myvta("net.vta", "--target", "model://", "--report", "out")
    assert done.exit_code == 2
    assert done.stderr == (
        "error: model:// keeps no time: use verilator://, icarus:// or a board\n")
    assert not Path("out").exists()
    np.savez("none.npz", input=np.zeros((0, 4, 6, 6), np.float32))
    assert myvta("net.vta", "--target", "model://", "--input", "none.npz").exit_code == 2


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Exception, match=r"pip install 'myvta\[plot\]', or leave out --report"):
        report_files(PROFILE, "verilator://", 100.0)


MEASURE = """<iframe id="f" src="index.html" style="width:390px;height:6000px;border:0"></iframe>
<script>f.onload = () => {
  const page = f.contentDocument, root = page.documentElement;
  const svg = page.querySelectorAll("figure svg"), text = page.querySelector("#timeline text");
  document.title = [root.scrollWidth, svg.length, text.getBoundingClientRect().height > 2,
                    page.querySelectorAll("#layers tbody tr").length].join(" ");
}</script>"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "height"), [(390, 3000), (1200, 2600)])
def test_in_a_browser(tmp_path: Path, width: int, height: int) -> None:
    for name, text in report_files(PROFILE, "verilator://", 100.0).items():
        (tmp_path / name).write_text(text)
    (tmp_path / "measure.html").write_text(MEASURE)

    def chromium(page: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
             "--allow-file-access-from-files", "--enable-logging=stderr",
             f"--user-data-dir={tmp_path / 'profile'}", *options, (tmp_path / page).as_uri()],
            capture_output=True, text=True, timeout=100, check=True,
        )

    shot = tmp_path / "shot.png"
    seen = chromium("index.html", f"--screenshot={shot}", f"--window-size={width},{height}")
    assert ":CONSOLE" not in seen.stderr
    from matplotlib import image  # only this test wants its second of import

    pixels = image.imread(shot)
    assert pixels.shape[:2] == (height, width)
    green = np.abs(pixels[..., :3] - np.array([0x2A, 0x7F, 0x62]) / 255).max(-1) < 0.02
    assert green.sum() > 500, "the plots are drawn"
    measured = chromium("measure.html", "--dump-dom", "--virtual-time-budget=5000")
    assert ":CONSOLE" not in measured.stderr
    assert "<title>390 4 true 2</title>" in measured.stdout, "no wider than a phone"
