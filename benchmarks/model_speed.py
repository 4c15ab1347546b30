"""How many MACs per second the model executes: the convolutions C2..C11 of ResNet-18.

Every layer of benchmarks/workloads.csv is a VTA stream in device memory, launched through the
registers as many times as the network has it.  Time counts from the write to CONTROL to its
return; the whole set is one *pass*, the figure is the median pass (the first one, which plans
every instruction, included).  A sample of each output is checked against plain numpy.
"""

from __future__ import annotations

import csv
import os
import statistics
import time
from pathlib import Path

# Two BLAS threads gain 15 % on an idle machine, and lose 10x to their barriers on a busy one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import conv_stream
import marks
import numpy as np

from myvta.isa.config import Config, named
from myvta.isa.instructions import encode_stream, encode_uop
from myvta.isa.opcodes import MemoryType, RqtFlag
from myvta.isa.register_map import Reg, Status
from myvta.model.model_target import ModelTarget

MEMORY = 64 << 20
FLOOR, TO_PASS = 3.0, 6.3  # G MAC/s: required, and the inner loop of VTA's C++ simulator
SAMPLES = 32  # output pixels checked per layer
SHIFT = 10
_BLOCK = 16


class Layer:
    """A convolution in device memory, ready to launch."""

    def __init__(self, row: dict[str, str], config: Config, rng: np.random.Generator):
        size = {name: int(row[name]) for name in ("h", "w", "cin", "cout", "k", "pad", "stride")}
        size["cin"] //= _BLOCK
        size["cout"] //= _BLOCK
        self.name, self.count = row["layer"], int(row["count"])
        self.conv = conv = conv_stream.Conv(**size)
        if conv.steps != int(row["ideal_gemm_cycles_1x16x16"]):
            raise ValueError(f"{self.name}: {conv.steps} steps, not those of workloads.csv")
        self.config = config
        tiling = conv_stream.choose_tiling(conv, config)
        self.inputs = rng.integers(-128, 128, (conv.cin, conv.h, conv.w, _BLOCK), np.int8)
        shape = (conv.cout, conv.cin, conv.k, conv.k, _BLOCK, _BLOCK)
        self.weights = rng.integers(-128, 128, shape, np.int8)
        self.bias = rng.integers(-(2**15), 2**15, (conv.cout, _BLOCK), np.int32)
        parameters = np.zeros((conv.cout, 3, _BLOCK), "<i4")
        parameters[:, 0], parameters[:, 2] = self.bias, SHIFT
        stream = conv_stream.stream(tiling, 1 << RqtFlag.BYPASS)
        self.instructions = len(stream)
        uops = [encode_uop(uop, config) for uop in conv_stream.kernel(tiling)]
        self._buffers = {
            Reg.INSN_BASE: encode_stream(stream, config),
            Reg.UOP_BASE: np.array(uops, "<u4").tobytes(),
            Reg.INP_BASE: self.inputs.tobytes(),
            Reg.WGT_BASE: self.weights.tobytes(),
            Reg.ACC_BASE: parameters.tobytes(),
        }
        self._bases: dict[Reg, int] = {}

    @property
    def macs(self) -> int:
        return self.conv.steps * self.config.macs_per_step

    @property
    def output_bytes(self) -> int:
        return self.conv.cout * self.conv.ho * self.conv.wo * _BLOCK

    def place(self, target, at: int) -> int:
        """Write the buffers to device memory from an address on; returns the next free one."""
        for name, data in self._buffers.items():
            self._bases[name] = at
            target.write_memory(at, data)
            at += -(-len(data) // 4096) * 4096
        self._bases[Reg.OUT_BASE] = at
        return at + -(-self.output_bytes // 4096) * 4096

    def launch(self, target) -> tuple[float, float]:
        """Run the layer once; returns wall and CPU seconds of the launch alone."""
        for name, base in self._bases.items():
            target.write_register(name, base)
        target.write_register(Reg.INSN_COUNT, self.instructions)
        start, cpu_start = time.perf_counter(), time.process_time()
        target.write_register(Reg.CONTROL, Status.LAUNCH)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu_start
        if target.read_register(Reg.CONTROL) != Status.FINISH:
            raise RuntimeError(f"{self.name}: {target.last_fault or 'tokens left over'}")
        return wall, cpu

    def verify(self, target, rng: np.random.Generator) -> None:
        """Compare a sample of the output with plain numpy; raises RuntimeError."""
        conv, pad = self.conv, self.conv.pad
        steps = target.read_register(Reg.GEMM_STEPS)
        if steps != conv.steps:
            raise RuntimeError(f"{self.name}: {steps} GEMM steps, not {conv.steps}")
        data = target.read_memory(self._bases[Reg.OUT_BASE], self.output_bytes)
        out = np.frombuffer(data, np.int8).reshape(conv.cout, conv.ho, conv.wo, _BLOCK)
        padded = np.pad(self.inputs.astype(np.int64), ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        for _ in range(SAMPLES):
            co, y, x = (int(rng.integers(n)) for n in out.shape[:3])
            top, left = y * conv.stride, x * conv.stride
            patch = padded[:, top : top + conv.k, left : left + conv.k]
            dot = np.einsum("iyxc,iyxoc->o", patch, self.weights[co].astype(np.int64))
            total = dot + self.bias[co]
            expected = np.clip((total + (1 << SHIFT >> 1)) >> SHIFT, -128, 127)
            if out[co, y, x].tolist() != expected.tolist():
                raise RuntimeError(f"{self.name}: wrong output at block {co}, pixel ({y}, {x})")


def read_layers(config: Config, rng: np.random.Generator) -> list[Layer]:
    """Return C2..C11 of ResNet-18."""
    with Path(__file__).with_name("workloads.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["network"] == "resnet18"]
    return [Layer(row, config, rng) for row in rows if row["layer"] != "C1"]


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("MACs per second of the functional model on ResNet-18 C2..C11")
    parser.add_argument("--passes", type=marks.natural, default=7,
                        help="passes over the set (default 7)")
    options = parser.parse_args()
    rng = np.random.default_rng(18)
    config = named("default")
    if config.depth(MemoryType.INP) != 2048 or config.macs_per_step != _BLOCK * _BLOCK:
        raise RuntimeError("the default configuration is not 1x16x16")
    layers = read_layers(config, rng)
    seconds: dict[str, list[float]] = {layer.name: [] for layer in layers}
    cpu_seconds = [0.0] * options.passes
    with ModelTarget(config, base=0, size=MEMORY) as target:
        at = 0
        for layer in layers:
            at = layer.place(target, at)
        for turn in range(options.passes):
            for layer in layers:
                spent = [layer.launch(target) for _ in range(layer.count)]
                seconds[layer.name].append(sum(wall for wall, _ in spent))
                cpu_seconds[turn] += sum(cpu for _, cpu in spent)
                if turn == 0:
                    layer.verify(target, rng)
    total = sum(layer.macs * layer.count for layer in layers)
    passes = [sum(column) for column in zip(*seconds.values(), strict=True)]
    print("layer  count  instructions    G MAC   G MAC/s (median pass)")
    figures: dict = {"layers": {}, "pass_seconds": passes, "pass_cpu_seconds": cpu_seconds}
    for layer in layers:
        macs = layer.macs * layer.count / 1e9
        speed = macs / statistics.median(seconds[layer.name])
        figures["layers"][layer.name] = {"gmac": macs, "gmac_per_s": speed}
        print(
            f"{layer.name:<6} {layer.count:>4} {layer.instructions:>13} {macs:>8.3f} {speed:>9.2f}"
        )
    speed = total / statistics.median(passes) / 1e9
    figures["gmac_per_s"] = speed
    print(
        f"whole set: {total / 1e9:.3f} G MAC in {statistics.median(passes):.4f} s (median of "
        f"{len(passes)}; first {passes[0]:.4f} s, best {min(passes):.4f} s; CPU time "
        f"{statistics.median(cpu_seconds):.4f} s)"
    )
    required = [
        marks.Mark("model speed over C2..C11", speed, FLOOR, "G MAC/s"),
        marks.Mark("model speed over C2..C11", speed, TO_PASS, "G MAC/s"),
    ]
    versions = {"numpy": np.__version__, "BLAS threads": os.environ["OPENBLAS_NUM_THREADS"]}
    return marks.conclude(required, figures, versions=versions, file=options.json)


if __name__ == "__main__":
    marks.execute(main)
