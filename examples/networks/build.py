"""Write networks as ONNX files, each with calibration images: ``build.py resnet18 --out build``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import classifiers
import others
from builder import Builder
from images import class_images, natural_images

SEED = 2026


@dataclass(frozen=True)
class Network:
    """A topology and the input it was published for."""

    make: Callable[[Builder], list[str]]
    channels: int
    size: int  # pixels of a side
    classes: bool = False  # whether it classifies images


NETWORKS = {
    "resnet18": Network(classifiers.resnet18, 3, 224, True),
    "resnet34": Network(classifiers.resnet34, 3, 224, True),
    "resnet50": Network(classifiers.resnet50, 3, 224, True),
    "mobilenet_v1": Network(classifiers.mobilenet_v1, 3, 224, True),
    "mobilenet_v2": Network(classifiers.mobilenet_v2, 3, 224, True),
    "alexnet": Network(classifiers.alexnet, 3, 224, True),
    "dcgan": Network(others.dcgan, 100, 1),
    "style_transfer": Network(others.style_transfer, 3, 256),
    "yolov3_tiny": Network(others.yolov3_tiny, 3, 416),
}


def build(name: str, folder: Path, *, size: int | None, images: int, seed: int) -> Path:
    """Write one network and its images; return the model's path.

    Parameters
    ----------
    name : str
        A key of :data:`NETWORKS`.
    folder : Path
        Created when missing; ``NAME.onnx`` and ``NAME.npz`` in it are replaced.
    size : int or None
        Pixels of a side, when not the published ones.
    images : int
        Images to measure statistics on; all are written for calibration.
    seed : int
    """
    network = NETWORKS[name]
    pixels = size or network.size
    samples = class_images(images, pixels, seed) if network.classes else natural_images(
        images, network.channels, pixels, seed)
    net = Builder(name, samples, seed)
    return net.save(folder, network.make(net))


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME",
                        help=f"one of {', '.join(NETWORKS)}, or all")
    parser.add_argument("--out", type=Path, default=Path("build/networks"), metavar="FOLDER")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="another input size")
    parser.add_argument("--images", type=int, default=8, help="calibration images (8)")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    names = list(NETWORKS) if arguments.names == ["all"] else arguments.names
    problems = [f"there is no network {name!r}: choose from {', '.join(NETWORKS)}"
                for name in names if name not in NETWORKS]
    if arguments.images < 1:
        problems.append(f"--images must be at least 1, not {arguments.images}")
    if arguments.size is not None:
        if arguments.size < 32:
            problems.append(f"--size must be at least 32, not {arguments.size}")
        problems += [f"{name} takes a vector: no --size" for name in names
                     if name in NETWORKS and NETWORKS[name].size == 1]
    if problems:
        parser.error("; ".join(problems))
    for name in names:
        path = build(name, arguments.out, size=arguments.size, images=arguments.images,
                     seed=arguments.seed)
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
