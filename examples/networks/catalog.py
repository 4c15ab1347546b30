"""Every network by name: its topology and the inputs it was published for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import audio
import classifiers
import decoders
import detectors
import grouped
import hierarchical
import language
import mobile
import others
import samples
import segmentation
import vision_transformers
from builder import Builder

__all__ = ["NETWORKS", "Network"]


@dataclass(frozen=True)
class Network:
    """A topology and its inputs.

    Attributes
    ----------
    make : callable
        Adds the nodes; returns the names of the outputs.
    samples : callable
        Makes inputs of a size.
    size : int
        The published one: pixels of a side, tokens, or samples of sound.
    multiple : int
        Other sizes are multiples of it; 0: there is no other size.
    minimum : int
        The smallest size.
    """

    make: Callable[[Builder], list[str]]
    samples: samples.Maker
    size: int
    multiple: int = 1
    minimum: int = 32


def _classifier(make: Callable[[Builder], list[str]], multiple: int = 1) -> Network:
    return Network(make, samples.classes, 224, multiple)


def _encoder(make: Callable[[Builder], list[str]]) -> Network:
    framed = (language.CLASSIFY, language.SEPARATE)
    return Network(make, samples.text(language.VOCABULARY, language.WORDS, framed), 128, 1, 8)


def _decoder(decoder: decoders.Decoder) -> tuple[Network, Network]:
    return (
        Network(decoders.prefill(decoder), decoders.prompt(decoder), decoder.positions, 1, 8),
        Network(decoders.decode(decoder), decoders.one_token(decoder), decoder.positions, 1, 8),
    )


_PREFILL_15M, _DECODE_15M = _decoder(decoders.STORIES_15M)
_PREFILL_260K, _DECODE_260K = _decoder(decoders.STORIES_260K)

NETWORKS = {
    "resnet18": _classifier(classifiers.resnet18),
    "resnet34": _classifier(classifiers.resnet34),
    "resnet50": _classifier(classifiers.resnet50),
    "mobilenet_v1": _classifier(classifiers.mobilenet_v1),
    "mobilenet_v2": _classifier(classifiers.mobilenet_v2),
    "mobilenet_v3_small": _classifier(mobile.mobilenet_v3_small),
    "mobilenet_v3_large": _classifier(mobile.mobilenet_v3_large),
    "efficientnet_b0": _classifier(mobile.efficientnet_b0),
    "efficientnet_lite0": _classifier(mobile.efficientnet_lite0),
    "shufflenet_v2": _classifier(grouped.shufflenet_v2),
    "regnet_x_400mf": _classifier(grouped.regnet_x_400mf),
    "regnet_y_400mf": _classifier(grouped.regnet_y_400mf),
    "alexnet": _classifier(classifiers.alexnet),
    "convnext_tiny": _classifier(hierarchical.convnext_tiny, 32),
    "swin_tiny": _classifier(hierarchical.swin_tiny, 224),
    "deit_tiny": _classifier(vision_transformers.deit_tiny, 16),
    "vit_small": _classifier(vision_transformers.vit_small, 16),
    "yolov3_tiny": Network(others.yolov3_tiny, samples.images(3), 416),
    "yolov8n": Network(detectors.yolov8n, samples.images(3), 640, 32),
    "unet": Network(segmentation.unet, samples.images(3), 256, 16),
    "deeplab_v3": Network(segmentation.deeplab_v3, samples.images(3), 520),
    "style_transfer": Network(others.style_transfer, samples.images(3), 256),
    "dcgan": Network(others.dcgan, samples.noise, 100, 0),
    "bert_tiny": _encoder(language.bert_tiny),
    "minilm_l6": _encoder(language.minilm_l6),
    "stories15m_prefill": _PREFILL_15M,
    "stories15m_decode": _DECODE_15M,
    "stories260k_prefill": _PREFILL_260K,
    "stories260k_decode": _DECODE_260K,
    "ds_cnn": Network(audio.ds_cnn, samples.spectra(49, 10, channel=True), 49, 0),
    "lstm_keywords": Network(audio.lstm_keywords, samples.spectra(49, 10, channel=False), 49, 0),
    "conv_tasnet": Network(audio.conv_tasnet, samples.speech, 8000, 8, 256),
}
"""In the order of the README."""
