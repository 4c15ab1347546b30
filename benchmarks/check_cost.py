"""What the static checker costs: its time as a share of the time the network took to compile.

Processor time of this process, so that other programs on the machine count little; one BLAS thread.
"""

from __future__ import annotations

import os
import time
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import marks
from networks import MEMORY, build

from myvta.compiler.compile import compile_model
from myvta.driver.program.program_check import check_program
from myvta.isa.config import load_config

SHARE = 10.0  # percent


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = marks.parser("time of the static checker as a share of the compiler's")
    parser.add_argument("names", nargs="*", default=["resnet18"], metavar="NETWORK",
                        help="of examples/networks/build.py")
    parser.add_argument("--config", type=marks.configuration, default=load_config("default"),
                        help="a configuration's name or a vta_config.json")
    parser.add_argument("--folder", type=Path, default=Path("build/networks"),
                        help="where the networks are, or are built")
    options = parser.parse_args()
    required, figures = [], []
    for name in options.names:
        path = build(name, options.folder)
        started = time.process_time()
        program = compile_model(
            path, path.with_suffix(".npz"), options.config, memory=MEMORY
        ).program
        compiled = time.process_time()
        verdicts = check_program(program)
        spent = time.process_time() - compiled
        findings = sum(len(verdict.findings) for verdict in verdicts)
        count = sum(step.count for step in program.launches)
        print(f"{name}: compiled in {compiled - started:.2f} s, {count} instructions in "
              f"{len(verdicts)} launches checked in {spent:.3f} s, {findings} findings")
        required.append(marks.Mark(
            f"{name}, share of the compile time", 100 * spent / (compiled - started), SHARE, "%",
            at_least=False,
        ))
        required.append(marks.Mark(f"{name}, findings", findings, 0, "", at_least=False))
        figures.append({"network": name, "instructions": count, "check_seconds": spent,
                        "compile_seconds": compiled - started})
    return marks.conclude(
        required, {"networks": figures}, file=options.json,
        versions={name: version(name) for name in ("numpy", "onnxruntime")},
    )


if __name__ == "__main__":
    marks.execute(main)
