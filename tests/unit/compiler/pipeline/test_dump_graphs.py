"""dump_graphs: rows of float and quantized graphs, by hand."""

from __future__ import annotations

from quantized_graphs import chain

from myvta.compiler.pipeline.dump_graphs import node_row, quantized_rows


def test_quantized_graph_has_rows_for_tensors_with_a_scale_then_nodes() -> None:
    rows = quantized_rows(chain())
    assert [(row.name, row.op) for row in rows] == [
        ("x", "Tensor"), ("y", "Tensor"), ("z", "Tensor"), ("flat", "Tensor"),
        ("relu", "Relu"), ("conv", "Conv"), ("flatten", "Flatten"), ("soft", "Host"),
    ]
    assert rows[0].facts == {"shape": (2, 6, 3, 4), "scale": 2.0**-5, "zero_point": 0}


def test_convolution_has_window_weights_and_shift() -> None:
    row = node_row(chain().nodes[1])
    assert (row.inputs, row.outputs) == (("y",), ("z",))
    assert row.facts["weight"].shape == (9, 6, 1, 1)
    expected = {"kernel": (1, 1), "strides": (1, 1), "pads": (0, 0, 0, 0), "group": 1,
                "padding": 0, "shift": 9, "relu": False}
    assert {name: row.facts[name] for name in expected} == expected
    assert "clip" not in row.facts and "weight_scale" not in row.facts


def test_host_node_has_its_members_and_no_payload() -> None:
    assert node_row(chain().nodes[3]).facts == {"members": ("soft", "max")}
