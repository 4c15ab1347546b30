"""Whole networks on the RTL: cycles, use of the multipliers, bytes, causes, layer by layer.

Each network (examples/networks) is built when it is not there yet, compiled for the default
configuration and run on the verilated RTL twice: with a launch for each layer, which gives the rows
of the table, and in as few launches as it takes, which gives the figures of the whole.  Outputs of
both are compared with the model's, bit for bit.

``use`` is GEMM steps that the network's own products need over cycles; the minimum of bytes is
that of inputs, weights and outputs, each once.  C2..C11 are the convolutions of ResNet-18 but for
the first, each launched alone.  Without names: ResNet-18, MobileNet-v1, DCGAN.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Two BLAS threads gain 15 % on an idle machine, and lose 10x to their barriers on a busy one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import marks
import numpy as np

from myvta.compiler.compile import compile_model
from myvta.compiler.session import Session
from myvta.driver.run.profile import Profile, profile_program
from myvta.driver.target.open_target import open_target
from myvta.isa.config import Config, load_config

BUILD = Path(__file__).parents[1] / "examples/networks/build.py"
BUSES = (64, 128, 256)
WHOLE = ("resnet18", "mobilenet_v1", "dcgan")
MEMORY = 256 << 20
PUBLISHED = {  # at 256 int8 MACs a cycle, batch 1: share of MACs used, as their authors publish it
    "resnet18": "60.7 % (Snowflake), C2..C11 85.7 % (VTA Chisel, pipelined)",
    "resnet50": "70.4 % (VTA Chisel), 53 % (AMD DPU), 51 % (Gemmini)",
    "mobilenet_v1": "32 % (AMD DPU)",
}
VELA = {  # Arm's estimate for its NPU of 256 MACs, Ethos-U65-256: cycles, all layers
    "resnet18": 9.54e6, "resnet50": 23.2e6, "mobilenet_v1": 3.512e6, "mobilenet_v2": 3.496e6,
    "efficientnet_lite0": 4.325e6,
}
CYCLES = {  # network, latency: at most, all layers
    ("resnet18", 1): 8.0e6, ("resnet18", 64): 8.3e6, ("resnet50", 1): 18.0e6,
    ("mobilenet_v1", 1): 3.8e6,
}
CONVOLUTIONS = {  # configuration, latency: at most, C2..C11 of ResNet-18
    ("default", 1): 6.97e6, ("default", 64): 7.13e6, ("base", 1): 7.35e6, ("base", 64): 7.5e6,
}
CONVOLUTION_BYTES = 18e6
TRANSPOSED = 1.1  # cycles over ideal steps of CT1..CT3 of DCGAN
SECONDS, MODEL_SECONDS = 20.0, 1.0  # one ResNet-18 image
_TITLES = ("layer", "cycles", "use %", "busy %", "token %", "memory %", "kB", "of minimum")


@dataclass(frozen=True)
class NetworkRun:
    """A network on one configuration and memory."""

    name: str
    config: str
    latency: int
    layers: Profile
    whole: Profile
    ops: dict[str, str]
    compile_seconds: float
    model_seconds: float

    @property
    def convolutions(self) -> tuple[int, int]:
        """Cycles and bytes of the convolutions but for the first."""
        rows = [row for row in self.layers.launches if self.ops.get(row.name) == "Conv"][1:]
        return sum(row.cycles for row in rows), sum(row.bytes for row in rows)

    @property
    def seconds(self) -> float:
        """Wall seconds of the launches of one run on the RTL."""
        return sum(row.seconds for row in self.whole.launches)


def build(name: str, folder: Path) -> Path:
    """Return a network's file, built if need be."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        done = subprocess.run([sys.executable, BUILD, name, "--out", folder], check=False,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(done.stderr.strip().rpartition("\n")[2])
    return path


def measure(name: str, folder: Path, config: Config, latency: int, bus: int) -> NetworkRun:
    """Compile a network, run it both ways, compare its outputs with the model's."""
    path = build(name, folder)
    calibration = path.with_suffix(".npz")
    started = time.monotonic()
    whole = compile_model(path, calibration, config, memory=MEMORY)
    compile_seconds = time.monotonic() - started
    apart = compile_model(path, calibration, config, memory=MEMORY, per_layer=True)
    with np.load(calibration) as file:
        image = {key: value[: apart.report.images] for key, value in file.items()}
    with open_target(f"model://?mem=0x0:{MEMORY}", whole.program.config) as target:
        session = Session(whole.program, target)
        expected = session.run(image)  # plans every instruction
        started = time.monotonic()
        session.run(image)
        model_seconds = time.monotonic() - started
    profiles = []
    for compiled in (apart, whole):
        url = f"verilator://?mem=0x0:{MEMORY}&latency={latency}&bus={bus}"
        with open_target(url, compiled.program.config) as target:
            loaded = Session(compiled.program, target).loaded
            profiles.append(profile_program(loaded, image, timeout=3600))
            for output in compiled.program.outputs:
                if not np.array_equal(loaded.read(output), expected[output]):
                    raise SystemExit(f"{name} on {config.name}: {output} differs from the model's")
    ops = {node.name: node.op for node in whole.report.nodes}
    return NetworkRun(name, config.name, latency, *profiles, ops, compile_seconds, model_seconds)


def table(run: NetworkRun) -> None:
    """Print a network's layers and its sums."""
    rows = []
    for row in run.layers.launches:
        causes = [100 * row.performance[f"COMPUTE_{cause}"] / row.cycles
                  for cause in ("BUSY", "TOKEN", "READ")]
        ratio = row.bytes / row.compulsory_bytes if row.compulsory_bytes else 0
        rows.append((
            row.name, str(row.cycles), f"{100 * row.utilization:.1f}",
            *(f"{cause:.1f}" for cause in causes), f"{row.bytes / 1e3:.0f}", f"{ratio:.2f}",
        ))
    marks.show_table(f"{run.name}, {run.config}, latency {run.latency}", _TITLES, rows)
    whole = run.whole
    ideal = sum(row.ideal_steps for row in whole.launches)
    minimum = sum(row.compulsory_bytes for row in whole.launches)
    moved = sum(row.bytes for row in whole.launches)
    hosted = [row.name for row in whole.rows if row.where == "host"]
    print(
        f"{run.name}: {whole.cycles} cycles in {len(whole.launches)} launches, "
        f"{100 * ideal / whole.cycles:.1f} % of MACs used; {moved / 1e6:.2f} MB moved, "
        f"{moved / minimum:.2f} x the minimum; on the host: {', '.join(hosted)}; compiled in "
        f"{run.compile_seconds:.1f} s; an image took {run.seconds:.1f} s on the RTL, "
        f"{run.model_seconds:.2f} s on the model; published: "
        f"{PUBLISHED.get(run.name, 'nothing comparable')}"
    )
    if run.name in VELA:
        print(f"{run.name}: {whole.cycles / VELA[run.name]:.2f} x the {VELA[run.name]:.0f} cycles "
              "that Vela estimates for Ethos-U65-256")


def required(run: NetworkRun) -> list[marks.Mark]:
    """Return a run's figures that have a mark."""
    out = []
    where = f"{run.config}, latency {run.latency}"

    def at_most(name: str, value: float, mark: float, unit: str) -> None:
        out.append(marks.Mark(f"{run.name}, {name}, {where}", value, mark, unit, at_least=False))

    if run.config == "default" and (run.name, run.latency) in CYCLES:
        at_most("all layers", run.whole.cycles, CYCLES[run.name, run.latency], "cycles")
    if run.name == "resnet18" and (run.config, run.latency) in CONVOLUTIONS:
        cycles, moved = run.convolutions
        at_most("C2..C11", cycles, CONVOLUTIONS[run.config, run.latency], "cycles")
        at_most("C2..C11", moved, CONVOLUTION_BYTES, "bytes")
    if run.name == "dcgan" and run.config == "default" and run.latency == 1:
        rows = [row for row in run.layers.launches if run.ops[row.name] == "ConvTranspose"][:3]
        ratio = sum(row.cycles for row in rows) / sum(row.ideal_steps for row in rows)
        at_most("CT1..CT3 over ideal", ratio, TRANSPOSED, "x")
    if run.name == "resnet18" and run.config == "default":
        if run.latency == 1:
            at_most("an image on the RTL", run.seconds, SECONDS, "s")
        at_most("an image on the model", run.model_seconds, MODEL_SECONDS, "s")
    return out


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("whole networks on the RTL")
    parser.add_argument("names", nargs="*", default=list(WHOLE), metavar="NETWORK",
                        help="of examples/networks/build.py")
    parser.add_argument("--latency", type=marks.natural, action="append",
                        help="of memory in cycles, may be given several times; default 1 and 64")
    parser.add_argument("--config", type=marks.configuration, default=load_config("default"),
                        help="a configuration's name or a vta_config.json")
    parser.add_argument("--bus", type=int, default=64, choices=BUSES,
                        help="bits of the memory port")
    parser.add_argument("--folder", type=Path, default=Path("build/networks"),
                        help="where the networks are, or are built")
    options = parser.parse_args()
    runs = []
    for name in options.names:
        for latency in options.latency or [1, 64]:
            run = measure(name, options.folder, options.config, latency, options.bus)
            table(run)
            runs.append(run)
    figures = [
        {"network": run.name, "config": run.config, "latency": run.latency, "bus": options.bus,
         "layers": run.layers.to_json(), "whole": run.whole.to_json(),
         "compile_seconds": run.compile_seconds, "model_seconds": run.model_seconds}
        for run in runs
    ]
    return marks.conclude(
        [mark for run in runs for mark in required(run)], {"runs": figures},
        versions={name: version(name) for name in ("myhdl", "verilator", "onnxruntime")},
        file=options.json,
    )


if __name__ == "__main__":
    marks.execute(main)
