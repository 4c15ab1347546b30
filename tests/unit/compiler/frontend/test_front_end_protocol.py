"""Every front end implements the protocol: names, parameters and members of the float model."""

from __future__ import annotations

import inspect

import pytest
from json_front_end import JsonFrontEnd, JsonModel

from myvta.compiler.frontend.front_end_protocol import FloatModel, FrontEnd
from myvta.compiler.frontend.front_ends import FRONT_ENDS
from myvta.compiler.frontend.onnx.onnx_front_end import OnnxModel


def members(protocol: type) -> list[str]:
    """Return the public members of a protocol."""
    return [name for name in vars(protocol) if not name.startswith("_")]


def test_protocol_covers_import_scales_and_host() -> None:
    assert set(members(FrontEnd)) == {
        "import_model", "normalize", "read_scales", "drop_pairs", "export_host", "run_host"}
    assert set(members(FloatModel)) == {"evaluator_name", "deviation_note", "evaluator"}


@pytest.mark.parametrize("front_end", [JsonFrontEnd(), *(
    entry.load() for entry in FRONT_ENDS.values())], ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", members(FrontEnd))
def test_methods_have_the_parameters_of_the_protocol(front_end: FrontEnd, name: str) -> None:
    wanted = list(inspect.signature(getattr(FrontEnd, name)).parameters)[1:]
    assert list(inspect.signature(getattr(front_end, name)).parameters) == wanted


@pytest.mark.parametrize("model", [OnnxModel, JsonModel])
@pytest.mark.parametrize("name", members(FloatModel))
def test_models_have_the_members_of_the_protocol(model: type, name: str) -> None:
    assert hasattr(model, name)
