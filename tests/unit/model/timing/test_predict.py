"""The timing model against the RTL under Verilator, and its predictions alone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from extended import extended

from myvta.compiler.ir.target_description import TargetDescription
from myvta.compiler.tune.single_layer import isolate
from myvta.driver.target.open_target import open_target
from myvta.isa.config import named
from myvta.isa.extensions import EXTENSION_NAMES
from myvta.isa.instructions import (
    Alu,
    Finish,
    Gemm,
    Instruction,
    Load,
    Store,
    Uop,
    encode_uop,
)
from myvta.isa.opcodes import AluOpcode, MemoryType, RqtFlag
from myvta.model.timing.predict import TimingError, predict
from myvta.model.timing.timing_constants import cycles as constant

ROOT = Path(__file__).parents[4]
CONFIG = named("default")
TOLERANCE = 0.02  # of a layer of a few thousand cycles; large ones are within 0.002
LAYERS = (  # height, width, channels in and out, kernel, padding, stride
    (14, 14, 48, 64, 3, 1, 1), (28, 28, 32, 32, 1, 0, 2), (7, 7, 128, 64, 1, 0, 1),
    (9, 11, 40, 20, 3, 1, 2),
)


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    """The benchmarks are scripts that import their neighbours by name."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.mark.verilator
@pytest.mark.timeout(600)  # it may build a simulator
@pytest.mark.parametrize("latency", [1, 64])
@pytest.mark.parametrize("log_bus", [6, 7])
def test_predicted_layers_equal_the_rtl(scripts: Any, log_bus: int, latency: int) -> None:
    tools = scripts("conv_layers")
    config = CONFIG.replace(log_bus_width=log_bus)
    url = f"verilator://?config=default&mem=0x0:4M&bus={config.bus_width}&latency={latency}"
    with open_target(url) as target:
        for sizes in LAYERS:
            row = dict(zip(("h", "w", "cin", "cout", "k", "pad", "stride"), sizes, strict=True))
            layer = tools.conv_layer(
                {"network": "", "layer": str(sizes), "count": 1, "groups": 1, **row})
            made = isolate(layer.group, layer.layouts, TargetDescription(config))
            measured, _ = tools.measure(target, made.stream, made.size)
            predicted = predict(
                made.stream.instructions, made.stream.uops, config, latency=latency)
            assert predicted.cycles == pytest.approx(measured, rel=TOLERANCE, abs=8), sizes


@pytest.mark.verilator
@pytest.mark.timeout(600)  # it may build a simulator
@pytest.mark.parametrize("latency", [1, 64])
def test_predicted_layers_with_extensions_equal_the_rtl(scripts: Any, latency: int) -> None:
    tools, layers = scripts("conv_layers"), scripts("extension_layers")
    config = extended("1x8x8+all")
    with open_target(f"verilator://?mem=0x0:8M&latency={latency}", config) as target:
        seen = set()
        for layer in layers.extension_layers(config, small=True):
            measured, _ = tools.measure(target, layer.stream, layers.MEMORY)
            predicted = predict(
                layer.stream.instructions, layer.stream.uops, config, latency=latency)
            assert predicted.cycles == pytest.approx(measured, rel=0.005), layer.name
            seen |= set(layer.extensions.split(", "))
    assert seen == set(EXTENSION_NAMES) - {"overwrite", "requantize"}


@pytest.mark.verilator
@pytest.mark.timeout(600)  # it may build a simulator
@pytest.mark.parametrize("latency", [1, 64])
def test_predicted_instructions_equal_the_rtl(scripts: Any, latency: int) -> None:
    cases = scripts("cycle_cases")
    uops = np.array([encode_uop(uop, CONFIG) for uop in cases._UOPS], "<u4").tobytes()
    with open_target(f"verilator://?config=default&mem=0x0:16M&latency={latency}") as target:
        for case in cases.cases(CONFIG):
            items = [*case.before, *case.measured]
            measured, _ = cases.run(target, items)
            predicted = predict([*items, Finish()], uops, CONFIG, latency=latency).cycles
            # a burst of fetch and one of the LOAD of micro-ops may be served the other way round
            bound = 16 if case.name.startswith("fetch") else 4
            assert abs(predicted - measured) <= bound, case.name


def cycles(*items: Any, uops: int = 16, latency: int = 1) -> int:
    """Predict a stream over micro-ops (n, n, n)."""
    words = [encode_uop(Uop(dst=n, src=n, wgt=n), CONFIG) for n in range(uops)]
    image = np.array(words, "<u4").tobytes()
    fill = Load(memory_type=MemoryType.UOP, x_size=uops)
    return predict([fill, *items, Finish()], image, CONFIG, latency=latency).cycles


def test_latency_is_paid_once_for_neighbours() -> None:
    loads = [Load(memory_type=MemoryType.WGT, sram_base=16 * n, dram_base=64 * n, x_size=16)
             for n in range(4)]
    assert cycles(*loads, latency=100) - cycles(*loads[:3], latency=100) == 514


def test_a_load_waits_for_its_token() -> None:
    gemm = Gemm(uop_end=16, iter_in=100, push_prev=1)
    free = Load(memory_type=MemoryType.WGT, x_size=16)
    bound = Load(memory_type=MemoryType.WGT, x_size=16, pop_next=1)
    assert cycles(gemm, free) < 1800
    assert cycles(gemm, bound) >= cycles(gemm, free) + 500


def test_a_hazard_costs_the_length_of_the_pipeline() -> None:
    flags = 1 << RqtFlag.BYPASS
    near = Gemm(uop_end=16), Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=flags, uop_bgn=15,
                                 uop_end=16, src_factor_in=0)
    far = Gemm(uop_end=16), Alu(alu_opcode=AluOpcode.RQT, use_imm=1, imm=flags, uop_bgn=0,
                                uop_end=1, src_factor_in=0)
    # parameters after the last result, instead of between the late reads of the GEMM; the stage
    # of tables delays both
    assert cycles(*near) - cycles(*far) == constant("HAZARD") - 1 + 3 - 7


def test_padding_of_micro_ops_is_zero_micro_ops() -> None:
    """UOP holds (0, 0, 0), (3, 3, 3), (0, 0, 0): MUL waits for the GEMM of its tile."""
    padded = Load(memory_type=MemoryType.UOP, x_size=1, x_pad_0=1, x_pad_1=1)
    image = np.array([encode_uop(Uop(dst=3, src=3, wgt=3), CONFIG)], "<u4").tobytes()

    def total(uop: int) -> int:
        multiply = Alu(
            alu_opcode=AluOpcode.MUL, use_imm=1, imm=1, uop_bgn=uop, uop_end=uop + 1)
        items: list[Instruction] = [padded, Gemm(uop_bgn=1, uop_end=2), multiply, Finish()]
        return predict(items, image, CONFIG).cycles

    assert total(0) == total(2) == total(1) - (constant("HAZARD") + constant("TABLE") - 1)


def test_start_and_end_of_instructions() -> None:
    items: list[Instruction] = [
        Load(memory_type=MemoryType.INP, x_size=64, push_next=1),
        Gemm(uop_end=1, pop_prev=1, push_next=1), Store(x_size=4, pop_prev=1), Finish(),
    ]
    timing = predict(items, bytes(4), CONFIG, latency=10)
    assert (timing.start[1:] >= timing.end[:-1]).all()
    assert timing.end[-1] == timing.cycles
    assert (timing.end > timing.start).all()


def test_endless_streams_are_refused() -> None:
    with pytest.raises(TimingError, match="no FINISH"):
        predict([Gemm()], bytes(4), CONFIG)
    with pytest.raises(TimingError, match="tokens that are never pushed"):
        predict([Load(memory_type=MemoryType.INP, x_size=1, pop_next=1), Finish()], b"", CONFIG)


def test_token_arriving_in_the_cycle_of_its_check_is_taken() -> None:
    """Steps that end just before, with and just after the LOAD the next GEMM waits for."""
    load = Load(memory_type=MemoryType.INP, x_size=64, push_next=1)
    bound = Gemm(uop_end=16, pop_prev=1)
    taken = [cycles(load, Gemm(uop_end=1, iter_in=n), bound) for n in range(50, 250)]
    alone = cycles(load, bound)
    assert taken[0] == alone and taken[-1] > alone + 50
    assert set(np.diff(taken)) == {0, 1}


def test_a_full_queue_holds_up_fetch() -> None:
    """Only a start of a queued instruction makes room: the last GEMM is not dispatched earlier."""
    waits = Load(memory_type=MemoryType.INP, x_size=1, pop_next=1)
    loads = [waits, *[Load(memory_type=MemoryType.INP, x_size=1)] * 700]
    with pytest.raises(TimingError, match="after 51"):
        predict([*loads, Gemm(push_prev=1), Finish()], bytes(4), CONFIG)
