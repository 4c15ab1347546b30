"""Validation: layers cut out of launches, faults found where they are, reports."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from compiler_networks import NetworkBuilder, compiled
from driver_programs import CONFIG, negate, network
from faulty_target import FaultyTarget

from myvta.compiler.session import host
from myvta.driver import (
    LoadedProgram,
    StreamBuilder,
    TargetTimeout,
    open_target,
)
from myvta.driver.program.launch_partition import split, whole
from myvta.driver.serve.server import Server
from myvta.driver.validate.run_layer import example_inputs, run_layer
from myvta.driver.validate.validate import validate
from myvta.driver.validate.validate_report import LayerResult, ValidationReport
from myvta.driver.validate.waves import trace_store
from myvta.isa.instructions import Finish, decode_stream
from myvta.isa.register_map import Reg


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """A residual network of four layers, one of them three in one, in one launch."""
    build = NetworkBuilder(4)
    x = build.input((1, 6, 6, 6))
    y = build.relu(build.conv(x, 8))
    y = build.add(build.conv(y, 6), x)
    y = build.conv(build.max_pool(y), 6)
    y = build.gemm(build.flatten(y), 5)
    return compiled(build, tmp_path_factory.mktemp("net"), "1x4x4").program


def open_for(program, scheme="model", more=0, **options):
    size = -(-program.size // 4096) * 4096 + more
    query = "".join(f"&{name}={value}" for name, value in options.items())
    return f"{scheme}://?mem=0x10000:{size}{query}"


def run(program, target, **more):
    return validate(program, target, host=host, **more)


def modes(report):
    return {mode: [it.layer for it in report.results if it.mode == mode]
            for mode in ("alone", "chained")}


def test_launch_is_partitioned_into_its_layers(program):
    (step,) = program.launches
    layers = split(program, step)
    assert [it.name for it in layers] == list(dict.fromkeys(n for n in step.notes if n))
    assert len(layers) >= 4 and not any(it.whole for it in layers)
    for layer in layers:
        *body, last = decode_stream(layer.code, CONFIG)
        assert last == Finish() and not any(isinstance(it, Finish) for it in body)
        assert layer.count == len(body) + 1
    used = [n for layer in layers for n in layer.indices if n >= 0]
    assert set(used) < set(range(step.count))


def test_layers_in_sequence_equal_the_launch(program):
    (step,) = program.launches
    memories = []
    for parts in (split(program, step), [whole(program, step)]):
        with open_target(open_for(program, more=1 << 16, strict=1), CONFIG) as target:
            loaded = LoadedProgram(program, target, host)
            for name, value in example_inputs(program).items():
                loaded.write(name, value)
            loaded.execute(program.steps[0])
            for layer in parts:
                run_layer(loaded, step, layer, 60)
            memories.append(target.read_memory(*(target.window[0], program.size)))
    assert memories[0] == memories[1]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"order": 5}])
@pytest.mark.parametrize("more", [0, 1 << 16])
def test_correct_target_agrees_in_every_layer(program, options, more):
    with open_target(open_for(program, more=more, **options), CONFIG) as target:
        report = run(program, target)
    assert report.passed
    assert modes(report) == {
        "alone": [it.name for it in split(program, program.launches[0])],
        "chained": [program.launches[0].layer],
    }


def place(program, name, byte):
    tensor = program.tensor(name)
    return 0x10000 + tensor.offset + byte


def test_a_wrong_bit_is_found_with_its_element_and_its_store(program):
    names = [it for it in program.launches[0].outputs if program.tensor(it).layer]
    first = names[0]
    tensor = program.tensor(first)
    with open_target(open_for(program), CONFIG) as inner:
        report = run(program, FaultyTarget(inner, {place(program, first, 4 * 7 + 1): 0x10}))
    wrong = [it for it in report.results if not it.passed]
    assert not report.passed
    assert {(it.mode, it.layer) for it in wrong} == {
        ("alone", tensor.layer), ("chained", program.launches[0].layer),
    }
    for result in wrong:
        found = result.mismatch
        assert (found.tensor, found.count) == (first, 1)
        assert found.index == (0, 1, 1, 1)  # tile 7 of 6 x 6 pixels, lane 1
        assert found.expected ^ found.got in (0x10, -0x10)
        assert found.store.text.startswith("store out")
        assert found.compute.text.startswith(("alu", "gemm"))
        assert program.launches[0].notes[found.store.index] == tensor.layer
        code = decode_stream(program.code(program.launches[0]), CONFIG)
        assert code[found.store.index].opcode.name == "STORE"
        assert found.cycle is None and found.wave == ""  # the model counts no cycles


def test_wrong_weights_are_a_difference_and_the_rest_goes_on(program):
    """A bit of weights is wrong from the second launch on: only the chained run sees it."""
    weights = next(it for it in program.segments if it.name.endswith("weights"))
    with open_target(open_for(program), CONFIG) as inner:
        target = FaultyTarget(inner, {0x10000 + weights.offset: 0x40}, once=True)
        report = run(program, target)
    results = {(it.mode, it.layer): it.passed for it in report.results}
    assert len(results) == len(split(program, program.launches[0])) + 1
    assert all(passed for (mode, _), passed in results.items() if mode == "alone")
    assert not results["chained", program.launches[0].layer]


def test_a_hanging_layer_is_an_error_and_the_others_are_run(program):
    with open_target(open_for(program), CONFIG) as inner:
        report = run(program, FaultyTarget(inner, fails={1}))
    assert [bool(it.error) for it in report.results].count(True) == 1
    assert "waited 60 s" in report.results[1].error and report.results[-1].passed


@pytest.mark.parametrize("launches", [1, 4])
def test_lost_device_ends_the_validation_with_a_report(program, launches):
    """Power is cut at the second layer alone, and in the chained run."""

    class Falling(FaultyTarget):
        touches = 0

        def _there(self):
            if self.launches > launches:
                self.touches += 1
                raise TargetTimeout("waited 5 s for the answer: is it powered?")

        def read_register(self, offset):
            self._there()
            return self.inner.read_register(offset)

        def read_memory(self, address, size):
            self._there()
            return self.inner.read_memory(address, size)

        def write_memory(self, address, data):
            self._there()
            self.inner.write_memory(address, data)

    with open_target(open_for(program), CONFIG) as inner:
        target = Falling(inner)
        report = run(program, target)
    *before, last = report.results
    assert len(before) == launches and all(it.passed for it in before)
    assert not report.passed and "is it powered?" in last.error
    assert "does not answer any more" in last.error and "later steps were not run" in last.error
    assert target.touches < 8  # each may take the whole timeout of the line
    assert "does not answer" in report.to_junit()


def test_launch_without_output_writes_differs(program):
    """A device that ends every launch without doing anything."""

    class Idle(FaultyTarget):
        def write_register(self, offset, value):
            if offset == Reg.INSN_BASE and self.launches >= 0:
                address = self.window[0] + self.window[1] - 16
                self.inner.write_memory(address, self.finish)
                value = address
            super().write_register(offset, 1 if offset == Reg.INSN_COUNT else value)

    with open_target(open_for(program, more=1 << 16), CONFIG) as inner:
        target = Idle(inner)
        target.finish = StreamBuilder(CONFIG).finish().code
        report = run(program, target)
    assert not any(it.passed for it in report.results)


def test_programs_of_several_launches_are_validated():
    program = network()
    with open_target("model://?config=1x4x4&mem=0:64K") as target:
        report = validate(program, target, host=negate)
    assert report.passed
    assert modes(report) == {"alone": ["dense", "dense"], "chained": ["d1", "d2"]}


def test_unimplemented_host_step_ends_the_mode():
    program = network()
    with open_target("model://?config=1x4x4&mem=0:64K") as target:
        report = validate(program, target)
    assert not report.passed
    assert modes(report) == {"alone": ["dense", "dense", "neg"], "chained": ["d1", "d2", "neg"]}
    assert [it.passed for it in report.results] == [True, True, False] * 2
    assert "give host=" in report.results[2].error


def test_validation_over_tcp_agrees(program):
    """A device in another room: sound, and with a wrong bit."""
    name = program.launches[0].outputs[0]
    for flips in ({}, {place(program, name, 3): 2}):
        with open_target(open_for(program, more=1 << 16), CONFIG) as inner, Server(
            FaultyTarget(inner, flips), ("127.0.0.1", 0)
        ) as server:
            url = f"tcp://127.0.0.1:{server.address[1]}"
            with open_target(url, CONFIG) as target:
                report = run(program, target, url=url)
            assert report.passed == (not flips)
            assert sum(not it.passed for it in report.results) == 2 * bool(flips)


@pytest.mark.verilator
@pytest.mark.timeout(600)  # it may build two simulators
def test_cycle_and_waves_of_a_wrong_bit_on_the_rtl(program, tmp_path):
    url = open_for(program, "verilator", latency=9)
    name = next(it for it in program.launches[0].outputs if program.tensor(it).layer)
    with open_target(url, CONFIG) as inner:
        sound = run(program, inner)
        assert sound.passed and all(it.cycles > 0 for it in sound.results)
        target = FaultyTarget(inner, {place(program, name, 5): 1})
        report = run(program, target, url=url, waves=str(tmp_path / "waves"))
    wrong = report.results[0]
    assert not wrong.passed
    assert 0 < wrong.mismatch.cycle <= wrong.cycles + 200
    file = tmp_path / "waves" / f"{wrong.layer}.vcd"
    assert wrong.mismatch.wave.startswith(str(file)) and file.stat().st_size > 1000
    said = re.fullmatch(
        r"(\S+)\[(\d+(?:, \d+)*)\]: expected -?\d+, got -?\d+ \(byte 0x\w+; 1 bytes differ\)\n"
        r"stored by instruction \d+: store out .*\ncomputed by instruction \d+: (?:alu|gemm).*\n"
        r"in memory at cycle \d+\nwaves: (.*), cycles \d+ to \d+", wrong.text
    )
    assert said and (said[1], said[3]) == (name, str(file)), wrong.text
    assert len([it for it in report.results if it.passed]) == len(report.results) - 2


def test_a_spied_target_is_not_opened_a_second_time_for_waves():
    judged = SimpleNamespace(target=SimpleNamespace(cycle=5))
    assert trace_store(judged, "spy:model://?trace=/no/such/file", None, "layer", None) == ""


def test_reports_hold_results_and_errors():
    results = (
        LayerResult("alone", "conv \x00<1>", cycles=7, seconds=0.5, bytes=9),
        LayerResult("alone", "b", error="boom\nmore"), LayerResult("chained", "all", bytes=3),
    )
    report = ValidationReport("net", "1x4x4", "model://", results)
    assert not report.passed and replace(report, results=results[::2]).passed
    assert not replace(report, results=()).passed
    root = ElementTree.fromstring(report.to_junit())
    suites = {it.get("name"): it for it in root}
    assert suites["alone"].get("tests") == "2" and suites["alone"].get("errors") == "1"
    assert suites["alone"][0].get("name") == "conv ?<1>"
    assert suites["alone"][1][0].get("message") == "boom"
    assert [it["passed"] for it in report.to_json()["results"]] == [True, False, True]


def test_inputs_are_reproducible_from_a_seed():
    program = network()
    one, two = example_inputs(program), example_inputs(program)
    assert all(np.array_equal(one[name], two[name]) for name in program.inputs)
