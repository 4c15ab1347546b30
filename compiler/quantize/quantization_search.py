"""Choose the quantization of a network by its error on calibration images.

Each calibration method gives an integer network; the reference evaluator runs all of them, and the
one whose outputs are nearest to the float network's is kept.  Cross-layer equalization is tried
with the same methods, in large networks only with the best of them.  Where the user forces an
option, no alternative to it is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod

import numpy as np

from ...isa.config import Config
from ..frontend.front_end_protocol import FloatModel
from ..ir.attributes import ConvAttributes, DenseAttributes
from ..ir.compile_errors import CompileError
from ..ir.graph import Graph
from ..ir.quantized_graph import QuantizedGraph
from ..operators.registry import OPERATORS
from ..partition.partition import Placement
from .activation_scales import METHODS
from .calibrate import Calibration, calibrate
from .calibrated_scales import ScaleMemo
from .equalize import equalized
from .error_metrics import Measurement, measure, saturation_shares, take_sample
from .output_comparison import OutputComparison, compare_outputs
from .quantizer import quantize_graph
from .weight_scales import SCALES, scheme_of

__all__ = [
    "AUTO", "EQUALIZE", "QuantizationOptions", "QuantizationResult", "choose_quantization",
    "layer_activations", "measured_images", "multiplications",
]

AUTO = "auto"
EQUALIZE = (AUTO, "on", "off")
_WORK = 3e9  # multiply-accumulates of one measurement, which has one image at least
_IMAGES = 32
_SMALL = 1e8  # multiply-accumulates per image up to which all combinations are tried


@dataclass(frozen=True)
class QuantizationOptions:
    """Options of the quantization that the user may force.

    Attributes
    ----------
    scales
        One of :data:`~.weight_scales.SCALES`.
    method
        One of :data:`~.activation_scales.METHODS`, or ``auto``.
    equalize
        One of :data:`EQUALIZE`.

    Raises
    ------
    ValueError
        An option has another value.
    """

    scales: str = "per-channel"
    method: str = AUTO
    equalize: str = AUTO

    def __post_init__(self) -> None:
        for name, value, known in (
            ("scales", self.scales, SCALES), ("method", self.method, (AUTO, *METHODS)),
            ("equalize", self.equalize, EQUALIZE),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")


@dataclass(frozen=True, eq=False)
class QuantizationResult:
    """A quantized network and the options that were chosen for it.

    Attributes
    ----------
    quantized
        The integer network.
    method, equalized
        The options chosen.
    images
        Number of calibration images.
    measured
        Number of images that errors were measured on.
    tried
        Signal-to-noise ratio of the outputs, in dB, for each combination of options tried.
    snr_db
        Signal-to-noise ratio of each activation of the integer network, in dB.
    saturation_shares
        Share of the values of each quantized activation that saturate at its scale.
    compared
        Outputs against the float network's, over the measured images.
    deviations
        Of a pre-quantized (QDQ) model, by node (:func:`~.import_qdq.deviations`).
    deviation_note
        How the evaluator's default options may differ from these on this processor, else ''.
    """

    quantized: QuantizedGraph
    method: str
    equalized: bool
    images: int
    measured: int
    tried: dict[str, float]
    snr_db: dict[str, float]
    saturation_shares: dict[str, float]
    compared: tuple[OutputComparison, ...]
    deviations: dict[str, tuple[int, float]] = field(default_factory=dict)
    deviation_note: str = ""


@dataclass(frozen=True, eq=False)
class _QuantizedCandidate:
    method: str
    quantized: QuantizedGraph
    seen: Calibration
    measured: Measurement
    equalized: bool = False

    @property
    def snr_db(self) -> float:
        return self.measured.overall

    @property
    def title(self) -> str:
        return f"{self.method}, equalized" if self.equalized else self.method


def choose_quantization(
    graph: Graph, model: FloatModel, placements: Mapping[str, Placement],
    samples: dict[str, np.ndarray], config: Config, options: QuantizationOptions,
) -> QuantizationResult:
    """Return the best quantization of a folded, placed graph.

    Raises
    ------
    CompileError
        No option gives weights and biases that can be represented.
    """
    work = _QuantizationSearch(graph, model, placements, samples, config, options)
    return work.run()


class _QuantizationSearch:
    def __init__(
        self, graph: Graph, model: FloatModel, placements: Mapping[str, Placement],
        samples: dict[str, np.ndarray], config: Config, options: QuantizationOptions,
    ):
        self.graph, self.placements, self.config = graph, dict(placements), config
        self.options, self.scheme = options, scheme_of(options.scales, config)
        names = layer_activations(graph, placements)
        self.seen = calibrate(model, graph, samples, names)
        self.work = multiplications(graph)
        images = measured_images(graph)
        self.sample = take_sample(model, graph, samples, names, images)

    def run(self) -> QuantizationResult:
        methods = METHODS if self.options.method == AUTO else (self.options.method,)
        candidates: list[_QuantizedCandidate] = []
        if self.options.equalize != "on":
            candidates = self.best_first(methods, self.graph, {}, None)
            if self.work > _SMALL:
                methods = (candidates[0].method,)
        if self.options.equalize != "off":
            peaks = self.seen.peaks if self.scheme.per_channel else None
            other, factors = equalized(self.graph, peaks)
            if factors or not candidates:
                candidates += self.best_first(methods, other, factors, candidates or None)
        best = max(candidates, key=lambda candidate: candidate.snr_db)
        images = len(next(iter(self.sample.inputs.values())))
        return QuantizationResult(
            best.quantized, best.method, best.equalized, self.seen.images, images,
            {candidate.title: candidate.snr_db for candidate in candidates}, best.measured.snr_db,
            saturation_shares(best.quantized, best.seen),
            compare_outputs(self.sample.activations, best.measured.outputs),
        )

    def best_first(
        self, methods: Iterable[str], graph: Graph, factors: Mapping[str, np.ndarray],
        spare: list[_QuantizedCandidate] | None,
    ) -> list[_QuantizedCandidate]:
        """Quantize by each method, best first; raise only if there is no ``spare`` either."""
        candidates: list[_QuantizedCandidate] = []
        problems: list[CompileError] = []
        memo = ScaleMemo()
        seen = self.seen.scaled({n: f for n, f in factors.items() if n in self.seen.peaks})
        for method in methods:
            try:
                quantized = quantize_graph(
                    graph, self.placements, seen, self.config.inp_width, self.config.wgt_width,
                    method, self.scheme, memo,
                )
            except CompileError as error:
                problems.append(error)
                continue
            measured = measure(quantized, self.sample, factors)
            candidates.append(_QuantizedCandidate(method, quantized, seen, measured, bool(factors)))
        if problems and not candidates and not spare:
            raise problems[0]
        return sorted(candidates, key=lambda candidate: -candidate.snr_db)


def layer_activations(graph: Graph, placements: Mapping[str, Placement]) -> set[str]:
    """Return the activations that nodes on the accelerator read and write."""
    return {
        name
        for node in graph.nodes if placements[node.name].on_accelerator
        for name in (*node.inputs, *node.outputs)
        if name and not graph.tensors[name].constant
    }


def multiplications(graph: Graph) -> float:
    """Return the approximate number of multiply-accumulates per image, at least one."""
    total = 0
    for node in graph.nodes:
        operator = OPERATORS.get(node.op)
        if operator is not None and issubclass(
            operator.attributes, (ConvAttributes, DenseAttributes)
        ):
            weight, output = graph.tensors[node.inputs[1]], graph.tensors[node.outputs[0]]
            total += prod(weight.shape) * prod(output.shape[2:])
    return float(max(1, total))


def measured_images(graph: Graph) -> int:
    """Return the number of images that the error of a network is measured on."""
    return max(1, min(_IMAGES, int(_WORK / multiplications(graph))))
