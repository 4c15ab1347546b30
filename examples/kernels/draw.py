"""Draw the predicted timeline of each kernel for the documentation.

python examples/kernels/draw.py docs/kernels
"""

from __future__ import annotations

import sys
from pathlib import Path

from kernels import KERNELS

from myvta.cli.program_files import load_assembly
from myvta.cli.timeline_plot import timeline_svg
from myvta.driver.run.prediction import predict_program

__all__ = ["drawing"]


def drawing(text: Path) -> str:
    """Return the SVG of a text's timeline at a memory latency of 1."""
    _, (timeline,) = predict_program(load_assembly(text, None, None, zeros=True).program)
    return timeline_svg(timeline)


def main() -> None:
    """Write NAME.svg for each kernel into a folder."""
    if len(sys.argv) != 2:
        sys.exit("usage: draw.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, kernel in KERNELS.items():
        (folder / f"{name}.svg").write_text(drawing(kernel.text), encoding="utf-8")


if __name__ == "__main__":
    main()
