"""Accuracy of integer networks, beside onnxruntime's static quantization on the same data.

    python benchmarks/accuracy.py                       # the trained digits network
    python benchmarks/accuracy.py NET.onnx DATA.npz     # any model with one input

Both quantize the float model by the same calibration images and are compared with it on others:
signal-to-noise ratio of every output, and how often the largest element is the same.  onnxruntime
quantizes to QDQ per channel (int8 weights, uint8 activations) by each of its calibration methods,
and runs without fusions, so that its kernels saturate nothing.  The mark: no output is more than
0.5 dB below onnxruntime's best method.  Integers are evaluated by the reference, whose results are
those of the device.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import marks
import numpy as np
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from myvta.compiler.compile import compile_model
from myvta.compiler.ir.arrays import load_arrays
from myvta.compiler.ir.compile_errors import CompileError
from myvta.compiler.quantize.error_metrics import snr_db
from myvta.compiler.reference.reference_evaluator import evaluate
from myvta.isa.config import Config, load_config

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples/digits"
MARGIN = 0.5  # dB below onnxruntime's best
METHODS = {
    "minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
Outputs = dict[str, np.ndarray]


class _Images(CalibrationDataReader):
    def __init__(self, name: str, images: np.ndarray):
        self.feeds: Iterator[dict[str, np.ndarray]] = iter(
            {name: image[None]} for image in images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.feeds, None)


def run(path: Path, images: np.ndarray, *, fused: bool = True) -> Outputs:
    """Return the outputs of a model for images, one after another."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"])
    (source,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    runs = [session.run(names, {source.name: image[None]}) for image in images]
    return {name: np.concatenate(values) for name, values in zip(names, zip(*runs, strict=True),
                                                                 strict=True)}


def by_onnxruntime(path: Path, calibration: np.ndarray, images: np.ndarray, method: str) -> Outputs:
    """Return the outputs of onnxruntime's quantized model."""
    name = onnxruntime.InferenceSession(str(path)).get_inputs()[0].name
    with TemporaryDirectory(prefix="myvta-accuracy-") as folder:
        prepared, out = Path(folder, "prepared.onnx"), Path(folder, "qdq.onnx")
        quant_pre_process(str(path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(out), _Images(name, calibration), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            calibrate_method=METHODS[method])
        return run(out, images, fused=False)


def by_compiler(path: Path, calibration: np.ndarray, images: np.ndarray, config: Config) -> Outputs:
    """Return the outputs of the compiler's integer network."""
    name = onnxruntime.InferenceSession(str(path)).get_inputs()[0].name
    made = compile_model(path, {name: calibration}, config)
    print(f"myvta: {made.report.method}{', equalized' if made.report.equalized else ''}; "
          + ", ".join(f"{title} {value:.1f}" for title, value in made.report.tried.items()))
    values = evaluate(made.quantized, {name: images})
    tensors = made.quantized.tensors
    return {
        output: values[output] if tensors[output].exponent is None
        else tensors[output].reals(values[output])
        for output in made.quantized.outputs
    }


def agreement(expected: np.ndarray, actual: np.ndarray) -> float:
    """Return the share of images with the same largest element."""
    first, second = (values.reshape(len(values), -1).argmax(1) for values in (expected, actual))
    return float((first == second).mean())


def digits() -> tuple[Path, np.ndarray, np.ndarray]:
    """Return the trained network, its calibration images and the held-out ones."""
    with np.load(DIGITS / "calibration.npz") as data:
        (calibration,) = (data[name] for name in data.files)
    with np.load(DIGITS / "held_out.npz") as data:
        images = (data["images"] / 16).astype(np.float32)
    return DIGITS / "digits.onnx", calibration, images.reshape(-1, *calibration.shape[1:])


def halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images to calibrate on, and the others.

    Raises
    ------
    CompileError
        The file is not an npz, or not one of a single array of two images or more.
    """
    arrays = load_arrays(path)
    values = next(iter(arrays.values()), np.zeros(0))
    if len(arrays) != 1 or values.ndim < 2 or len(values) < 2:
        raise CompileError(
            f"{path} must hold one array of two images or more, not "
            + (", ".join(f"{name} {list(v.shape)}" for name, v in arrays.items()) or "nothing"))
    return values[: len(values) // 2], values[len(values) // 2 :]


def main() -> int:
    """Print the table; returns the exit status."""
    parser = marks.parser("accuracy of integer networks beside onnxruntime's quantization")
    parser.add_argument("model", type=Path, nargs="?", help="default: the trained digits network")
    parser.add_argument("data", type=Path, nargs="?",
                        help=".npz of images; the last half is not calibrated on")
    parser.add_argument("--config", type=marks.configuration, default=load_config("default"))
    options = parser.parse_args()
    if options.model is None:
        path, calibration, images = digits()
    elif options.data is None:
        parser.error(f"{options.model} needs DATA.npz, images to calibrate on and to compare")
    else:
        path, (calibration, images) = options.model, halves(options.data)
    made = by_compiler(path, calibration, images, options.config)
    results = {"myvta": made, **{
        f"onnxruntime {method}": by_onnxruntime(path, calibration, images, method)
        for method in METHODS}}
    figures, required = [], []
    for output, wanted in run(path, images).items():
        ratios = {name: snr_db(wanted, found[output]) for name, found in results.items()}
        for name, value in ratios.items():
            same = agreement(wanted, results[name][output])
            print(f"{path.stem:16} {output:16} {name:24} {value:6.2f} dB  same maximum {same:.1%}")
            figures.append({"network": path.stem, "output": output, "by": name, "snr_db": value,
                            "same_maximum": same})
        best = max(value for name, value in ratios.items() if name != "myvta")
        required.append(marks.Mark(
            f"{path.stem}, {output}", ratios["myvta"], best - MARGIN, "dB"))
    return marks.conclude(
        required, {"accuracy": figures}, file=options.json,
        versions={name: version(name) for name in ("numpy", "onnxruntime")},
    )


if __name__ == "__main__":
    marks.execute(main)
