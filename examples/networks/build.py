"""Write networks as ONNX files, each with calibration samples: ``build.py resnet18``."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from builder import OPSET, Builder
from catalog import NETWORKS
from counts import multiply_accumulates, parameters

SEED = 2026
OPSETS = (16, OPSET, 20)


@dataclass(frozen=True)
class Variant:
    """A way to build networks.

    Attributes
    ----------
    size : int or None
        Pixels of a side, tokens or samples of sound, when not the published ones.
    images : int
        Samples to measure statistics on; all are written for calibration.
    seed : int
    opset : int
        Operator set of the file.
    """

    size: int | None
    images: int
    seed: int
    opset: int


def build(name: str, folder: Path, variant: Variant) -> tuple[Path, onnx.ModelProto]:
    """Write ``NAME.onnx`` and ``NAME.npz``, its samples; return the model and its path.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`.
    folder : Path
        Created when missing; the two files in it are replaced.
    variant : Variant
    """
    network = NETWORKS[name]
    samples = network.samples(variant.images, variant.size or network.size, variant.seed)
    net = Builder(name, samples, variant.seed, variant.opset)
    model = net.model(network.make(net))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    np.savez(path.with_suffix(".npz"), **samples)
    return path, model


def size_problems(names: list[str], size: int) -> list[str]:
    """Return the reasons why networks cannot have a size."""
    problems = []
    for name in names:
        network = NETWORKS[name]
        if not network.multiple:
            problems.append(f"{name} has one size: no --size")
        elif size < network.minimum or size % network.multiple:
            multiples = f" and a multiple of {network.multiple}" if network.multiple > 1 else ""
            problems.append(
                f"--size of {name} must be at least {network.minimum}{multiples}, not {size}")
    return problems


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME",
                        help=f"one of {', '.join(NETWORKS)}, or all")
    parser.add_argument("--out", type=Path, default=Path("build/networks"), metavar="FOLDER")
    parser.add_argument("--size", type=int, metavar="SIZE",
                        help="another input size: pixels of a side, tokens or samples of sound")
    parser.add_argument("--images", type=int, default=8, help="calibration samples (8)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--opset", type=int, default=OPSET, choices=OPSETS,
                        help="operator set: LayerNormalization is one node from 17 on (default), "
                        "Gelu from 20 on")
    arguments = parser.parse_args()
    names = list(NETWORKS) if arguments.names == ["all"] else arguments.names
    problems = [f"there is no network {name!r}: choose from {', '.join(NETWORKS)}"
                for name in names if name not in NETWORKS]
    if arguments.images < 1:
        problems.append(f"--images must be at least 1, not {arguments.images}")
    if arguments.size is not None:
        problems += size_problems([name for name in names if name in NETWORKS], arguments.size)
    if problems:
        parser.error("; ".join(problems))
    variant = Variant(arguments.size, arguments.images, arguments.seed, arguments.opset)
    for name in names:
        path, model = build(name, arguments.out, variant)
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB, {parameters(model):,} parameters, "
              f"{multiply_accumulates(model):,} multiply-accumulates")


if __name__ == "__main__":
    main()
