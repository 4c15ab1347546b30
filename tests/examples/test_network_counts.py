"""The example networks have the published numbers of parameters and multiply-accumulates.

``torchvision``: ``num_params`` and ``_ops`` in torchvision/models; ``timm``: the model cards;
``ultralytics``: ``yolov8.yaml`` and the table of its README; the others as said beside them.
Counts of a paper are rounded: products must agree to half a unit of the last digit that is given.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

FOLDER = Path(__file__).parents[2] / "examples/networks"
PUBLISHED = {  # parameters, 10^9 multiply-accumulates (None: not published), source
    "resnet18": (11_689_512, "1.814", "torchvision"),
    "resnet50": (25_557_032, "4.089", "torchvision"),
    "mobilenet_v2": (3_504_872, "0.301", "torchvision"),
    "mobilenet_v3_small": (2_542_856, "0.057", "torchvision"),
    "mobilenet_v3_large": (5_483_032, "0.217", "torchvision"),
    "efficientnet_b0": (5_288_548, "0.386", "torchvision"),
    "efficientnet_lite0": (4_652_008, "0.385", "d-li14/efficientnet-lite.pytorch"),
    "shufflenet_v2": (2_278_604, "0.145", "torchvision"),
    "regnet_x_400mf": (5_495_976, "0.414", "torchvision"),
    "regnet_y_400mf": (4_344_144, "0.402", "torchvision"),
    "convnext_tiny": (28_589_128, "4.456", "torchvision"),
    "swin_tiny": (28_288_354, "4.491", "torchvision"),
    "deit_tiny": (5_717_416, "1.3", "timm"),
    "vit_small": (22_050_664, "4.6", "timm"),
    "yolov8n": (3_157_200, "4.35", "ultralytics: 8.7 GFLOPs"),
    "deeplab_v3": (11_029_328, "10.452", "torchvision, with the auxiliary head"),
    "unet": (31_037_633, None, "milesial/Pytorch-UNet, three channels to one class"),
    # tables of words, positions and types, layers, pooler: as transformers counts them
    "bert_tiny": (4_385_920, None, "google/bert_uncased_L-2_H-128_A-2: 4.4 M"),
    "minilm_l6": (22_713_216, None, "sentence-transformers/all-MiniLM-L6-v2: 22.7 M"),
    "stories15m_decode": (15_191_712, None, "karpathy/llama2.c: 15 M"),
    "stories15m_prefill": (15_191_712, None, "karpathy/llama2.c: 15 M"),
    "stories260k_decode": (260_032, None, "karpathy/llama2.c: 260 K"),
    # 24,908 with the 1,152 statistics of its normalizations
    "ds_cnn": (24_908 - 1_152, "0.0027", "MLPerf Tiny: 24,908; Hello Edge: 5.4 M operations"),
    # TensorFlow's has one bias a gate, ONNX's two: 472 more than 62,316
    "lstm_keywords": (62_316 + 472, "0.00295", "Hello Edge: 5.9 M operations"),
    # without the residual output of the last block, which nothing reads: 65,664
    "conv_tasnet": (5_050_545 - 65_664, None, "Luo and Mesgarani 2019: 5.1 M"),
}
QUICK = ("mobilenet_v3_small", "bert_tiny", "ds_cnn", "lstm_keywords")
SHARE = {"yolov8n": 0.01, "lstm_keywords": 0.01}  # given in operations, two a product


def counts(name: str, folder: Path) -> tuple[int, int]:
    """Return what the script prints of a network of the published size."""
    done = subprocess.run(
        [sys.executable, FOLDER / "build.py", name, "--out", folder, "--images", "1"],
        capture_output=True, text=True, check=True)
    found = re.search(r"([\d,]+) parameters, ([\d,]+) multiply-accumulates", done.stdout)
    assert found, done.stdout
    first, second = (int(text.replace(",", "")) for text in found.groups())
    return first, second


@pytest.mark.parametrize("name", [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.networks)
    for name in PUBLISHED
])
def test_counts_are_the_published_ones(name: str, tmp_path: Path) -> None:
    parameters, billions, _ = PUBLISHED[name]
    learned, products = counts(name, tmp_path)
    assert learned == parameters
    if billions is None:
        return
    digit = 10.0 ** -len(billions.partition(".")[2])
    slack = max(digit / 2, SHARE.get(name, 0) * float(billions))
    assert abs(products / 1e9 - float(billions)) <= slack, products


@pytest.mark.networks
def test_every_new_network_is_counted() -> None:
    listed = subprocess.run([sys.executable, FOLDER / "build.py", "--help"],
                            capture_output=True, text=True, check=True).stdout
    names = re.findall(r"[a-z]\w+", listed.partition("one of ")[2].partition("or all")[0])
    uncounted = {"resnet34", "mobilenet_v1", "alexnet", "yolov3_tiny",  # in test_networks.py
                 "style_transfer", "dcgan", "stories260k_prefill"}
    assert set(names) - uncounted == set(PUBLISHED)


def test_products_of_every_operator_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from counts import multiply_accumulates

    def value(name: str, *shape: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    nodes = [
        helper.make_node("Conv", ["map", "grouped"], ["a"], group=2, pads=[1, 1, 1, 1],
                         kernel_shape=[3, 3]),
        helper.make_node("ConvTranspose", ["map", "up"], ["b"], strides=[2, 2],
                         kernel_shape=[2, 2]),
        helper.make_node("Gemm", ["rows", "matrix"], ["c"], transB=1),
        helper.make_node("MatMul", ["tokens", "turned"], ["d"]),
        helper.make_node("LSTM", ["steps", "gates", "states"], ["e"], hidden_size=3),
        helper.make_node("Relu", ["a"], ["f"]),
    ]
    graph = helper.make_graph(nodes, "all", [
        value("map", 1, 4, 5, 6), value("grouped", 6, 2, 3, 3), value("up", 4, 7, 2, 2),
        value("rows", 1, 8), value("matrix", 9, 8), value("tokens", 1, 2, 5, 4),
        value("turned", 1, 2, 4, 3), value("steps", 10, 1, 2), value("gates", 1, 12, 2),
        value("states", 1, 12, 3),
    ], [value("f", 1, 6, 5, 6)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    expected = [6 * 5 * 6 * 2 * 9, 4 * 5 * 6 * 7 * 4, 9 * 8, 2 * 5 * 3 * 4, 10 * 12 * (2 + 3)]
    assert multiply_accumulates(model) == sum(expected)
