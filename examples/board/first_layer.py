"""From an open port to the first validated layer: runs on the board or on the machine next to it.

    python first_layer.py NET.vta URL [--junit FILE]

First checks the device (identity, registers, memory, a small program), then compares every
layer of the bundle with the model, bit for bit.  Needs myvta-board (numpy and pyserial), or myvta,
which also runs the network's host nodes.  Exit status: 0 everything agrees, 1 not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myvta.driver import HostStepError, open_target, read_bundle
from myvta.driver.program.program import HostStep, Program
from myvta.driver.validate.diagnose import diagnose
from myvta.driver.validate.validate import validate
from myvta.driver.validate.validate_report import LayerResult
from myvta.isa.config import Config


def host(step: HostStep, inputs: list[np.ndarray], program: Program) -> Sequence[np.ndarray]:
    """Evaluate a piece of the network that runs on the host, where myvta is installed whole."""
    try:
        from myvta.compiler import session

        return session.host(step, inputs, program)
    except ModuleNotFoundError as error:
        raise HostStepError(
            f"{step.layer!r} runs on the host and needs {error.name}: install myvta in place of "
            "myvta-board, or validate from a machine that has it, `myvta validate NET.vta --target "
            "tcp://BOARD`"
        ) from None


def look(url: str, config: Config) -> bool:
    """Print the device's identity; returns whether it works."""
    works = True
    for step in diagnose(url, config):
        print(f"{'yes' if step.works else 'NO '} {step.name:16s} {step.found}")
        if step.advice:
            print(f"    {step.advice}")
        works = works and step.works
    return works


def tell(result: LayerResult) -> None:
    """Print one result."""
    spent = f", {result.cycles} cycles" if result.cycles else ""
    print(f"{'yes' if result.passed else 'NO '} {result.mode:7s} {result.layer}: "
          f"{result.bytes} bytes{spent}")
    for line in filter(None, result.text.split("\n")):
        print(f"    {line}")


def main() -> int:
    """Look at the device, then validate."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("bundle", help="bundle of `myvta compile` for the device's configuration")
    parser.add_argument("url", help="devmem://pynq-z2, uart:///dev/ttyUSB0?baud=1000000, ...")
    parser.add_argument("--junit", help="write the results as JUnit XML")
    options = parser.parse_args()
    program = read_bundle(options.bundle)
    if not look(options.url, program.config):
        return 1
    with open_target(options.url, program.config) as target:
        report = validate(program, target, host=host, url=options.url, on_result=tell)
    if options.junit:
        Path(options.junit).write_text(report.to_junit(), encoding="utf-8")
    agree = sum(result.passed for result in report.results)
    print(f"{agree} of {len(report.results)} agree with the model")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
