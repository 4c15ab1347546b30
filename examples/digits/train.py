"""Train networks on digits; write their ONNX files, held_out.npz and calibration.npz here.

    python examples/digits/train.py [digits] [digits_vit] [digits_se]    # a minute or two each

needs numpy, scikit-learn, onnx and onnxruntime.

Nothing is chosen by looking at the held-out images: the split, the schedule and the number of
epochs are fixed here, and the weights written are the average of the last epochs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from network import Network
from scipy.ndimage import map_coordinates
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from squeeze_excite import SqueezeExciteNetwork
from vision_transformer import VisionTransformer

SEED = 2026
EPOCHS, BATCH = 120, 64
AVERAGED_EPOCHS = 30  # the weights written are the mean over the steps of the last 30 epochs
RATE, DECAY, SMOOTHING = 3e-3, 2e-2, 0.1
HELD_OUT, CALIBRATION = 360, 100
FOLDER = Path(__file__).resolve().parent
Trained = Network | VisionTransformer | SqueezeExciteNetwork
NETWORKS: dict[str, type[Trained]] = {
    kind.name: kind for kind in (Network, VisionTransformer, SqueezeExciteNetwork)}


def distort(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the images ``[n, 8, 8]`` rotated, scaled, sheared and shifted a little at random."""
    count = len(images)
    angle = rng.uniform(-0.2, 0.2, count)
    shear = rng.uniform(-0.15, 0.15, count)
    scale = rng.uniform(0.9, 1.1, (2, count))
    shift = rng.uniform(-0.8, 0.8, (2, count))
    rows, columns = np.meshgrid(np.arange(8) - 3.5, np.arange(8) - 3.5, indexing="ij")

    def each(values: np.ndarray) -> np.ndarray:
        return values[:, None, None]

    cosine, sine = each(np.cos(angle)), each(np.sin(angle))
    from_row = each(scale[0]) * (cosine * rows - sine * columns) + each(shift[0])
    from_column = each(scale[1]) * (sine * rows + cosine * columns) + each(shift[1])
    from_column = from_column + each(shear) * from_row
    index = np.broadcast_to(each(np.arange(count)), from_row.shape)
    moved = map_coordinates(images, [index, from_row + 3.5, from_column + 3.5], order=1)
    return moved.astype(np.float32)


class Adam:
    """Adam with weight decay of its own, and a running mean of the weights once asked for."""

    def __init__(self, network: Trained):
        self.layers = list(network.layers.values())
        self.count = 0
        self.averaged = 0
        zeros = [{name: np.zeros_like(value) for name, value in layer.weights.items()}
                 for layer in self.layers]
        self.first, self.second, self.mean = ([{n: v.copy() for n, v in z.items()} for z in zeros]
                                              for _ in range(3))

    def step(self, rate: float, *, average: bool) -> None:
        """Move every weight once; with ``average`` also take it into the mean."""
        self.count += 1
        self.averaged += average
        for layer, first, second, mean in zip(self.layers, self.first, self.second, self.mean,
                                              strict=True):
            for name, weight in layer.weights.items():
                gradient = layer.gradients[name]
                first[name] += 0.1 * (gradient - first[name])
                second[name] += 0.001 * (gradient**2 - second[name])
                direction = first[name] / (1 - 0.9**self.count)
                direction /= np.sqrt(second[name] / (1 - 0.999**self.count)) + 1e-8
                if name in layer.decayed:
                    direction += DECAY * weight
                weight -= np.float32(rate) * direction
                if average:
                    mean[name] += (weight - mean[name]) / self.averaged

    def use_mean(self) -> None:
        """Replace every weight by its mean."""
        for layer, mean in zip(self.layers, self.mean, strict=True):
            layer.weights = mean


def train(kind: type[Trained], images: np.ndarray, labels: np.ndarray) -> Trained:
    """Return a trained network for images ``[n, 8, 8]`` in 0..1 and labels ``[n]``."""
    rng = np.random.default_rng(SEED)
    network = kind(rng)
    optimizer = Adam(network)
    expected = np.full((len(labels), 10), SMOOTHING / 10, np.float32)
    expected[np.arange(len(labels)), labels] += 1 - SMOOTHING
    for epoch in range(EPOCHS):
        order, loss = rng.permutation(len(labels)), 0.0
        distorted = distort(images, rng)
        last = EPOCHS - epoch <= AVERAGED_EPOCHS
        progress = min(1.0, epoch / (EPOCHS - AVERAGED_EPOCHS))
        rate = RATE * max(0.1, 0.5 + 0.5 * np.cos(np.pi * progress))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            logits = network.forward(distorted[chosen][..., None], training=True)
            exponent = np.exp(logits - logits.max(1, keepdims=True))
            probability = exponent / exponent.sum(1, keepdims=True)
            loss -= float((expected[chosen] * np.log(probability)).sum())
            network.backward((probability - expected[chosen]) / np.float32(BATCH))
            optimizer.step(rate, average=last)
        print(f"epoch {epoch + 1:3d}  loss {loss / len(order):.4f}", flush=True)
    optimizer.use_mean()
    network.forward(images[..., None], training=True)  # BatchNorm measures the averaged weights
    return network


def write(network: Trained, images: np.ndarray) -> None:
    """Write a network as ONNX, compared with onnxruntime on images ``[n, 8, 8]`` in 0..1."""
    model = network.export()
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    expected = network.forward(images[..., None])
    actual = np.concatenate([session.run(None, {"image": image[None, None]})[0]
                             for image in images])
    difference = float(np.abs(expected - actual).max())
    if difference > 1e-4:
        raise SystemExit(f"onnxruntime differs from the trained network by {difference}")
    path = FOLDER / f"{network.name}.onnx"
    onnx.save(model, path)
    print(f"{path.name} {path.stat().st_size} bytes, onnxruntime within {difference:.1e}")


def main() -> None:
    """Split, train, export, compare with onnxruntime, write the files."""
    names = sys.argv[1:] or list(NETWORKS)
    unknown = [name for name in names if name not in NETWORKS]
    if unknown:
        raise SystemExit(f"there is no {', '.join(unknown)}: choose from {', '.join(NETWORKS)}")
    digits = load_digits()
    images = digits.images.astype(np.uint8)
    split = train_test_split(np.arange(len(images)), test_size=HELD_OUT, stratify=digits.target,
                             random_state=SEED)
    training, held_out = (np.sort(part) for part in split)
    scaled = (images / 16).astype(np.float32)
    for name in names:
        network = train(NETWORKS[name], scaled[training], digits.target[training])
        for part_name, part in (("training", training), ("held-out", held_out)):
            right = network.forward(scaled[part][..., None]).argmax(1) == digits.target[part]
            print(f"{name}: {part_name} accuracy {right.mean():.4f} ({right.sum()} of "
                  f"{len(part)})")
        write(network, scaled[held_out])
    np.savez_compressed(FOLDER / "held_out.npz", images=images[held_out],
                        labels=digits.target[held_out].astype(np.uint8))
    chosen = np.random.default_rng(SEED).choice(training, CALIBRATION, replace=False)
    np.savez_compressed(FOLDER / "calibration.npz", image=scaled[np.sort(chosen)][:, None])


if __name__ == "__main__":
    main()
