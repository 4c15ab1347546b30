"""fpga/ecp5_multipliers.py: netlists before and after, run side by side cell by cell.

What the cells do is written down here from their documentation: MULT18X18D (Lattice FPGA-TN-02205)
and yosys's TRELLIS_FF.
"""

from __future__ import annotations

from copy import deepcopy
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from myvta.fpga.ecp5_multipliers import fold_output_registers

CLOCK, OTHER_CLOCK, ENABLE, CLEAR = 2, 3, 4, 5
A, B, USED = range(10, 28), range(30, 48), range(8)
PLAIN = {"CLKMUX": "CLK", "CEMUX": "1 ", "LSRMUX": "LSR", "REGSET": "RESET"}


def cell(kind, parameters, inputs, outputs):
    ports = {**inputs, **outputs}
    return {
        "type": kind, "parameters": dict(parameters),
        "port_directions": {port: "input" if port in inputs else "output" for port in ports},
        "connections": {port: [bit] for port, bit in ports.items()},
    }


def register(bit, q, *, clock=CLOCK, enable=None, clear="0", **parameters):
    inputs = {"DI": bit, "CLK": clock, "LSR": clear}
    if enable is not None:
        inputs["CE"] = enable
        parameters.setdefault("CEMUX", "CE")
    return cell("TRELLIS_FF", {**PLAIN, **parameters}, inputs, {"Q": q})


def netlist(change=None):
    """One multiplier, its low eight outputs registered and seen; ``change(cells, outputs)``."""
    products = {f"P{bit}": 100 + bit for bit in range(36)}
    inputs = {f"A{n}": bit for n, bit in enumerate(A)} | {f"B{n}": bit for n, bit in enumerate(B)}
    cells = {"times": cell(
        "MULT18X18D", {}, {**inputs, "SIGNEDA": "1", "SIGNEDB": "1"}, products,
    )}
    outputs = [200 + bit for bit in USED]
    for bit in USED:
        cells[f"register{bit}"] = register(100 + bit, 200 + bit)
    if change is not None:
        change(cells, outputs)
    ports = {
        name: {"direction": "input", "bits": list(bits)}
        for name, bits in {"clocks": (CLOCK, OTHER_CLOCK), "controls": (ENABLE, CLEAR),
                           "a": A, "b": B}.items()
    }
    ports["seen"] = {"direction": "output", "bits": outputs}
    return {"modules": {"top": {"ports": ports, "cells": cells}}}


def signed(bits):
    return sum(bit << n for n, bit in enumerate(bits)) - (bits[-1] << len(bits))


def product(pins):
    return signed([pins[f"A{n}"] for n in range(18)]) * signed([pins[f"B{n}"] for n in range(18)])


def pins_of(one, nets):
    return {
        port: nets[bits[0]] for port, bits in one["connections"].items()
        if one["port_directions"][port] == "input"
    }


def settle(cells, values, held):
    """Return every net's value: registers show their contents, then the multiplier its product."""
    nets = {"0": 0, "1": 1, **values}
    for name, one in cells.items():
        if one["type"] == "TRELLIS_FF":
            nets[one["connections"]["Q"][0]] = held.get(name, 0)
    for name, one in cells.items():
        if one["type"] == "MULT18X18D":
            registered = one["parameters"].get("REG_OUTPUT_CLK") == "CLK0"
            shown = held.get(name, 0) if registered else product(pins_of(one, nets))
            for n in range(36):
                nets[one["connections"][f"P{n}"][0]] = shown >> n & 1
    return nets


def capture(one, pins, rises, falls):
    """Return the value a register loads at this edge, or None if it keeps its contents."""
    mux = one["parameters"]
    if one["type"] == "MULT18X18D":
        if mux.get("REG_OUTPUT_CLK") != "CLK0" or not rises or not pins["CE0"]:
            return None
        return 0 if pins["RST0"] else product(pins)
    if not (falls if mux["CLKMUX"] == "INV" else rises):
        return None
    if pins["LSR"] ^ (mux["LSRMUX"] == "INV"):
        return int(mux["REGSET"] == "SET")
    enabled = {"1": 1, "CE": pins.get("CE"), "INV": not pins.get("CE")}[mux["CEMUX"].strip()]
    return pins["DI"] if enabled else None


def run(design, steps):
    """Return the values seen in each step; a clock that changed since the last one is an edge."""
    cells = design["modules"]["top"]["cells"]
    held = {
        name: 1 for name, one in cells.items() if one["parameters"].get("REGSET") == "SET"
    }
    last, seen = {CLOCK: 0, OTHER_CLOCK: 0}, []
    for values in steps:
        nets, taken = settle(cells, values, held), {}
        seen.append([nets[bit] for bit in design["modules"]["top"]["ports"]["seen"]["bits"]])
        for name, one in cells.items():
            clock = one["connections"].get("CLK", one["connections"].get("CLK0", [CLOCK]))[0]
            rises, falls = values[clock] > last[clock], values[clock] < last[clock]
            value = capture(one, pins_of(one, nets), rises, falls)
            if value is not None:
                taken[name] = value
        held.update(taken)
        last = {clock: values[clock] for clock in last}
    return seen


def stimulus(seed, count=60):
    random = Random(seed)
    bits = [CLOCK, OTHER_CLOCK, ENABLE, CLEAR, *A, *B]
    return [{bit: random.getrandbits(1) for bit in bits} for _ in range(count)]


def both(change, seed=1):
    """Fold, check that the behaviour is unchanged, and return the result."""
    before = netlist(change)
    after = deepcopy(before)
    done = fold_output_registers(after, "top")
    assert run(after, stimulus(seed)) == run(before, stimulus(seed))
    return done, after["modules"]["top"]["cells"]


def test_register_of_the_used_outputs_is_folded():
    done, cells = both(None)
    assert (done.multipliers, done.flip_flops, sum(done.unfolded.values())) == (1, len(USED), 0)
    assert list(cells) == ["times"]
    times = cells["times"]
    assert times["parameters"] == {
        "REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0"}
    assert [times["connections"][port] for port in ("CLK0", "CE0", "RST0")] == [
        [CLOCK], ["1"], ["0"]]
    assert [times["connections"][f"P{bit}"] for bit in USED] == [[200 + bit] for bit in USED]


def replaced(**options):
    def change(cells, outputs):
        cells["register3"] = register(103, 203, **options)
    return change


def second_reader(cells, outputs):
    cells["more"] = register(103, 300)
    outputs.append(300)


def seen_raw(cells, outputs):
    cells.pop("register3")
    outputs[3] = 103


def no_reader(cells, outputs):
    for bit in USED:
        cells.pop(f"register{bit}")
    outputs[:] = [CLOCK]


def clears_multiplier(cells, outputs):
    cells["register3"] = register(10, 203, clear=103)  # an output as a control


def folded_before(cells, outputs):
    cells["times"]["parameters"]["REG_OUTPUT_CLK"] = "CLK0"
    for port, bit in (("CLK0", CLOCK), ("CE0", "1"), ("RST0", "0")):
        cells["times"]["connections"][port] = [bit]
        cells["times"]["port_directions"][port] = "input"


def input_registered(cells, outputs):
    """One of the operands has a register of the multiplier's own, with CLK0 and CE0."""
    folded_before(cells, outputs)
    cells["times"]["parameters"] = {"REG_OUTPUT_CLK": "NONE", "REG_INPUTA_CLK": "CLK0"}
    cells["times"]["connections"]["CE0"] = [ENABLE]


UNFOLDED = {
    "the register has an enable": [
        replaced(enable=ENABLE), replaced(enable=ENABLE, CEMUX="INV"),
    ],
    "the register has a set or reset": [replaced(clear=CLEAR), replaced(LSRMUX="INV")],
    "the register has a falling clock or starts at one": [
        replaced(CLKMUX="INV"), replaced(REGSET="SET"),
    ],
    "registers on different clocks": [replaced(clock=OTHER_CLOCK)],
    "an output has more than one reader": [second_reader],
    "an output is not registered": [seen_raw, clears_multiplier],
    "no output is used": [no_reader],
    "one of its registers is in use": [folded_before, input_registered],
}


@pytest.mark.parametrize(
    ("reason", "change"), [(reason, one) for reason, many in UNFOLDED.items() for one in many]
)
def test_unfoldable_registers_are_unchanged(reason, change):
    before = netlist(change)["modules"]["top"]["cells"]
    done, cells = both(change)
    assert cells == before
    assert (done.multipliers, done.flip_flops, dict(done.unfolded)) == (0, 0, {reason: 1})


def test_multiplier_with_another_output_in_use_is_unchanged():
    def change(cells, outputs):
        cells["times"]["connections"]["SIGNEDP"] = [300]
        cells["times"]["port_directions"]["SIGNEDP"] = "output"
        cells["more"] = register(300, 301)

    design = netlist(change)
    assert dict(fold_output_registers(design, "top").unfolded) == {
        "an output other than the product is used": 1}


@settings(max_examples=150)
@given(
    st.lists(
        st.fixed_dictionaries({
            "clock": st.sampled_from([CLOCK, CLOCK, CLOCK, OTHER_CLOCK]),
            "enable": st.sampled_from([None, None, None, ENABLE]),
            "clear": st.sampled_from(["0", "0", "0", CLEAR]),
            "CLKMUX": st.sampled_from(["CLK", "CLK", "CLK", "INV"]),
            "REGSET": st.sampled_from(["RESET", "RESET", "RESET", "SET"]),
        }),
        min_size=1, max_size=4,
    ),
    st.integers(0, 1 << 32),
)
def test_folding_keeps_the_behaviour(registers, seed):
    def change(cells, outputs):
        for at in range(4):
            cells[f"register{at}"] = register(100 + at, 200 + at, **registers[at % len(registers)])

    both(change, seed)


@pytest.mark.parametrize("wrong", [{}, {"modules": {"other": {}}}])
def test_a_netlist_without_the_module_is_refused(wrong):
    with pytest.raises(ValueError, match="with module top"):
        fold_output_registers(wrong, "top")
