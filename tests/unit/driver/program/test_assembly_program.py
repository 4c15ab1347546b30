"""assembly_program: tensors and launch of a text, and every problem of its memory at once."""

from __future__ import annotations

import numpy as np
import pytest
from assembly_texts import PRODUCT, product_arrays, product_result

from myvta.driver.errors import AssemblyMemoryError, CheckError
from myvta.driver.program.assembly_program import assembly_program, element_shape
from myvta.driver.run.program_runner import LoadedProgram, run_program
from myvta.driver.target.open_target import open_target
from myvta.isa.asm.assembler import assemble
from myvta.isa.config import named
from myvta.isa.opcodes import MemoryType

CONFIG = named("1x4x4")


def run(text: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a text on the model; returns the elements of its results."""
    assembly = assembly_program(assemble(text), "a.s", arrays)
    with open_target("model://", CONFIG) as target:
        outputs = run_program(assembly.program, target, assembly.inputs).outputs
    return {name: assembly.elements(name, value) for name, value in outputs.items()}


def problems(text: str, arrays: dict[str, np.ndarray] | None) -> tuple[str, ...]:
    """Return the problems of a text and its arrays."""
    with pytest.raises(AssemblyMemoryError) as caught:
        assembly_program(assemble(text), "a.s", arrays)
    assert str(caught.value).splitlines() == [f"a.s: {text}" for text in caught.value.problems]
    return caught.value.problems


def test_product_of_two_buffers_is_numpy_s() -> None:
    arrays = product_arrays()
    result = run(PRODUCT, arrays)
    assert list(result) == ["result"]
    assert result["result"].dtype == np.int8
    np.testing.assert_array_equal(result["result"], product_result(arrays))


def test_buffers_are_at_their_element_addresses_and_code_is_behind_them() -> None:
    program = assembly_program(assemble(PRODUCT), "a.s", product_arrays()).program
    assert {tensor.name: tensor.offset for tensor in program.tensors} == {
        "image": 0x1000 * 4, "kernel": 0x80 * 16, "result": 0x2000 * 4}
    (launch,) = program.launches
    assert launch.code >= 0x2000 * 4 + 16
    assert launch.notes == tuple(f"a.s:{line}" for line in range(7, 13))
    assert program.info["report"]["nodes"] == [
        {"name": "a.s:10", "ideal_steps": 4, "macs": 4 * 16}]


def test_products_of_a_window_are_its_taps() -> None:
    config = CONFIG.replace(depthwise=True)
    text = assemble(PRODUCT.replace(".config 1x4x4\n", "").replace(
        "gemm uops=one loop=1x4 dst=0,1 src=0,1", "dwc uops=one loop=1x8 dst=0,1 window=1x2"
    ), config)
    program = assembly_program(text, "a.s", product_arrays()).program
    assert program.info["report"]["nodes"] == [
        {"name": "a.s:9", "macs": 8 * 2 * 4, "ideal_steps": 4}]


def test_leading_axes_of_an_array_are_free_and_give_a_missing_count() -> None:
    arrays = product_arrays()
    text = PRODUCT.replace("0x1000 4", "0x1000")
    arrays["image"] = arrays["image"].reshape(2, 2, 1, 4)
    np.testing.assert_array_equal(
        run(text, arrays)["result"].reshape(2, 2, 1, 4), product_result(arrays))


def test_without_arrays_inputs_are_zeros() -> None:
    inputs = assembly_program(assemble(PRODUCT), "a.s").inputs
    assert {name: (value.shape, int(abs(value).max())) for name, value in inputs.items()} == {
        "image": ((4, 4), 0), "kernel": ((4, 4), 0)}


def test_stored_results_may_be_loaded_again_under_another_name() -> None:
    text = PRODUCT.replace(".uops one", ".buffer again inp 0x2001 2\n.uops one")
    text = text.replace("finish pop_next", "load inp dram=@again cols=2\nfinish pop_next")
    arrays = product_arrays()
    assembly = assembly_program(assemble(text), "a.s", arrays)
    assert set(assembly.inputs) == {"image", "kernel"}


@pytest.mark.parametrize("view", ["rows wgt 0x400 1", "part inp 0x1002 1"])
def test_data_may_be_loaded_under_another_name(view: str) -> None:
    text = PRODUCT.replace(".uops one", f".buffer {view}\n.uops one")
    for arrays in (product_arrays(), None):
        assembly = assembly_program(assemble(text), "a.s", arrays)
        assert set(assembly.inputs) == {"image", "kernel"}
    name, *_ = view.split()
    shape = (1, 4, 4) if name == "rows" else (1, 1, 4)
    (problem,) = problems(text, product_arrays() | {name: np.zeros(shape, int)})
    assert problem.endswith("overlap; move one"), "two arrays for the same bytes"


def test_all_problems_of_the_arrays_are_reported_at_once() -> None:
    text = PRODUCT.replace("0x2000 4", "0x2000").replace(
        ".uops one", ".buffer micro uop 0 1\n.buffer spare acc 0x800 2\n.uops one")
    arrays = {"image": np.zeros((5, 1, 4), int), "kernel": np.full((1, 4, 4), 128),
              "kernl": np.zeros((1, 4, 4)), "micro": np.zeros(1, int)}
    assert problems(text, arrays) == (
        "array 'kernl' belongs to no .buffer; the text has image, kernel, result, spare",
        "array 'micro': micro-ops come from .uops, not from an array",
        "array 'image' has 5 elements, its .buffer 4",
        "array 'kernel' must hold -128..127 (WGT), not 128..128",
        "buffer 'result' has no count: add it to its .buffer, after the address",
        "no array for buffer 'spare': [elements, 1, 4] with 2 elements",
    )


@pytest.mark.parametrize(("array", "text"), [
    (np.zeros((4, 1, 4)), "must hold integers, not float64"),
    (np.zeros((4, 4), int), "must have shape [elements, 1, 4] (INP of 1x4x4), not [4, 4]"),
    (np.zeros((0, 1, 4), int), "must have shape [elements, 1, 4] (INP of 1x4x4), not [0, 1, 4]"),
    (np.full((4, 1, 4), -129), "must hold -128..127 (INP), not -129..-129"),
])
def test_an_array_that_is_not_of_its_buffer_is_refused(array: np.ndarray, text: str) -> None:
    assert problems(PRODUCT, product_arrays() | {"image": array}) == (f"array 'image' {text}",)


@pytest.mark.parametrize(("moved", "other"), [
    ("image inp 0x201", "kernel"), ("image inp 0x1ffd", "result"),
])
def test_data_over_data_or_over_results_is_refused(moved: str, other: str) -> None:
    text = PRODUCT.replace("image inp 0x1000", moved)
    (problem,) = problems(text, product_arrays())
    assert problem.startswith("buffers 'image' at ") and problem.endswith(" overlap; move one")
    assert f"'{other}' at " in problem


def test_a_text_without_instructions_is_refused() -> None:
    assert problems(".config 1x4x4\n", {}) == ("no instructions: end it with finish",)


def test_the_checker_names_the_source_line() -> None:
    text = PRODUCT.replace("dram=@image cols=4", "dram=0x4000 cols=4")
    assembly = assembly_program(assemble(text), "a.s", product_arrays())
    with open_target("model://", CONFIG) as target, pytest.raises(CheckError, match=r"\[a\.s:8\]"):
        LoadedProgram(assembly.program, target)


def test_element_shape_follows_the_memory_type() -> None:
    assert element_shape(MemoryType.WGT, named("default")) == "[elements, 16, 16]"
