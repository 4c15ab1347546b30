"""Golden hashes and cycle counts, which a change that only moves or renames must leave equal.

    python benchmarks/golden.py              # compare with golden.json: exit 1 where they differ
    python benchmarks/golden.py --record     # replace the recorded values by today's
    python benchmarks/golden.py --only convert --only demo

Five groups, each deterministic on one machine with one set of installed libraries:

* ``convert``: SHA-256 of the converted Verilog and VHDL of every named configuration;
* ``bundles``: SHA-256 of the bundle of the digits network, ResNet-18, MobileNet-v1 and a
  MobileNet-v2 that onnxruntime quantized (QDQ): of the parts' contents alone (``streams``:
  instructions, micro-ops, weights, parameters) and of the whole file, whose manifest also holds
  names and report texts (``file``, compared with ``--files``);
* ``predicted``: cycles of those bundles' launches by the timing model, latency 1;
* ``rtl_cycles``: every figure of ``rtl_cycles.py`` on the verilated RTL;
* ``networks``: cycles of ``networks.py`` at latency 1, layer by layer and whole, and of
  ``make demo``.

Calibration runs the float network, whose last bits depend on processor and library: values
recorded on another machine may differ in ``bundles`` without any change of the code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from myvta.driver.program.bundle import read_bundle
from myvta.driver.program.program import Program
from myvta.isa.config import NAMED
from myvta.isa.instructions import decode_stream
from myvta.model.timing.predict import predict

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).with_suffix(".json")
BUILD = Path("build/golden")
DIGITS = ROOT / "examples/digits"
MYVTA = [str(Path(sys.executable).with_name("myvta"))]
Values = dict[str, str | int]


def run(*command: str | Path) -> str:
    """Run a command; return its standard output, or end with its error."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def sha256(*parts: bytes) -> str:
    """Return the digest of some bytes."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def converted() -> Values:
    """Return the digests of the converted hardware, both languages, all named configurations."""
    def one(job: tuple[str, str]) -> tuple[str, str]:
        name, hdl = job
        with TemporaryDirectory(prefix="myvta-golden-") as folder:
            report = json.loads(run(*MYVTA, "convert", "--config", name, "--hdl", hdl, "-o", folder,
                                    "--json"))
            return f"{name} {hdl}", sha256(Path(report["file"]).read_bytes())

    jobs = [(name, hdl) for name in NAMED for hdl in ("verilog", "vhdl")]
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(pool.map(one, jobs))


class _Samples(CalibrationDataReader):
    def __init__(self, file: Path):
        with np.load(file) as arrays:
            (self.name,) = arrays.files
            self.images: Iterator[np.ndarray] = iter(arrays[self.name])

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {self.name: image[None]}


def built(name: str, size: int | None = None) -> tuple[Path, Path]:
    """Return the ONNX file and the calibration images of an example network, built if need be."""
    folder = BUILD / str(size or "published")
    path = folder / f"{name}.onnx"
    if not path.exists():
        sized = [] if size is None else ["--size", str(size)]
        run(sys.executable, ROOT / "examples/networks/build.py", name, "--out", folder, *sized)
    return path, path.with_suffix(".npz")


def quantized(path: Path, samples: Path) -> tuple[Path, Path]:
    """Let onnxruntime quantize a network to int8 QDQ, per channel."""
    prepared, out = path.with_suffix(".prepared.onnx"), path.with_suffix(".qdq.onnx")
    if not out.exists():
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(out), _Samples(samples), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QInt8, weight_type=QuantType.QInt8,
        )
    return out, samples


def bundles() -> dict[str, Path]:
    """Compile the four networks for ``default``; return the bundles by name."""
    sources = {
        "digits": (DIGITS / "digits.onnx", DIGITS / "calibration.npz"),
        "resnet18": built("resnet18"),
        "mobilenet_v1": built("mobilenet_v1"),
        "mobilenet_v2 qdq": quantized(*built("mobilenet_v2", 96)),
    }
    out = {}
    for name, (path, samples) in sources.items():
        out[name] = BUILD / f"{name.replace(' ', '_')}.vta"
        run(*MYVTA, "compile", path, "--calib", samples, "-o", out[name])
    return out


def bundle_digests() -> Values:
    """Return the digests of the bundles: contents of the parts, and the whole file."""
    values: Values = {}
    for name, path in bundles().items():
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(part) for part in archive.namelist() if part != "bundle.json"]
        values[f"{name} streams"] = sha256(*parts)
        values[f"{name} file"] = sha256(path.read_bytes())
    return values


def _predicted(program: Program) -> int:
    memory = bytearray(program.size)
    for segment in program.segments:
        memory[segment.offset : segment.offset + len(segment.data)] = segment.data
    return sum(
        predict(decode_stream(program.code(launch), program.config),
                bytes(memory[launch.uops :]), program.config).cycles
        for launch in program.launches
    )


def predicted() -> Values:
    """Return the timing model's cycles of the four networks, all launches, latency 1."""
    return {name: _predicted(read_bundle(path)) for name, path in bundles().items()}


def _figures(script: str, *options: str) -> dict:
    BUILD.mkdir(parents=True, exist_ok=True)
    file = BUILD / f"{script}.json"
    file.unlink(missing_ok=True)
    # a mark of wall time may be missed on a busy machine: only the presence of figures matters
    subprocess.run([sys.executable, str(ROOT / f"benchmarks/{script}.py"), *options, "--json",
                    str(file)], stdout=subprocess.DEVNULL, check=False)
    if not file.exists():
        raise SystemExit(f"benchmarks/{script}.py printed no figures")
    return json.loads(file.read_text())["figures"]


def rtl_cycles() -> Values:
    """Return the measurements of ``rtl_cycles.py``."""
    return {
        f"{bus} bits, {memory}, {case}": value
        for bus, memories in _figures("rtl_cycles").items()
        for memory, cases in memories.items() for case, value in cases.items()
    }


def networks() -> Values:
    """Return the cycles of whole networks at latency 1, and of one digit of the demo."""
    values: Values = {}
    for run_ in _figures("networks", "--latency", "1")["runs"]:
        values[f"{run_['network']} whole"] = run_["whole"]["cycles"]
        values[f"{run_['network']} layers"] = run_["layers"]["cycles"]
    report = json.loads(run(*MYVTA, "demo", "--json"))
    values["demo cycles per image"] = report["cycles_per_image"]
    return values


GROUPS: dict[str, Callable[[], Values]] = {
    "convert": converted, "bundles": bundle_digests, "predicted": predicted,
    "rtl_cycles": rtl_cycles, "networks": networks,
}


def main() -> int:
    """Compare or record; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="replace the recorded values")
    parser.add_argument("--only", action="append", choices=list(GROUPS), help="these groups")
    parser.add_argument("--files", action="store_true", help="compare whole bundle files too")
    options = parser.parse_args()
    golden = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    differing = 0
    for group in options.only or GROUPS:
        values = GROUPS[group]()
        if options.record:
            golden[group] = values
            GOLDEN.write_text(json.dumps(golden, indent=1) + "\n")
            print(f"{group}: {len(values)} values recorded")
            continue
        known = golden.get(group, {})
        if not options.files:
            values, known = ({name: value for name, value in side.items()
                              if not name.endswith(" file")} for side in (values, known))
        changed = [name for name in {**known, **values} if known.get(name) != values.get(name)]
        for name in changed:
            print(f"{group}, {name}: {known.get(name)} recorded, {values.get(name)} now")
        print(f"{group}: {'equal' if not changed else 'DIFFERENT'}, {len(values)} values")
        differing += len(changed)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
