"""control: launch, every way to end, and the status, cycle by cycle."""

from random import Random

import pytest
from control_bench import (
    FAULTS,
    LAUNCH,
    MODULES,
    Bench,
    merge,
    pulse,
    raise_fault,
)
from extended import extended

from myvta.isa.opcodes import ErrorCode
from myvta.rtl.host.launch_end import QUIET_CYCLES


def test_a_good_launch_cycle_by_cycle():
    bench = Bench()
    script = merge(LAUNCH, pulse(20, "finish"), {18: {"port.idle": False}, 29: {"port.idle": True}})
    last = bench.play(script, 40)
    assert bench.cycles("busy") == list(range(6, 32))
    assert bench.cycles("halt") == list(range(22, 32))
    assert bench.cycles("module_reset") == [*range(6), *range(32, 41)]
    assert bench.cycles("ended") == [32]
    assert [row["control"] for row in bench.trace[4:33]] == [0, 0] + [1] * 26 + [2]
    assert last == {
        "busy": False, "module_reset": True, "halt": True, "ended": False, "control": 2,
        "cycles": 16, "error_code": 0, "error_index": 0, "error_address": 0,
    }


@pytest.mark.parametrize("first", range(4))
def test_faults_of_one_cycle_have_a_fixed_priority(first):
    bench = Bench()
    script = merge(LAUNCH, *(raise_fault(11, *fault) for fault in FAULTS[first:]))
    last = bench.play(script, 20)
    assert (last["control"], last["error_code"], last["error_index"]) == (6, *FAULTS[first][1:])
    assert last["cycles"] == 8 and bench.cycles("halt") == [14, 15]


def test_the_first_fault_counts_and_later_ones_are_ignored():
    bench = Bench()
    script = merge(
        LAUNCH, {8: {"port.idle": False}}, raise_fault(10, *FAULTS[3]), raise_fault(11, *FAULTS[0]),
        pulse(14, "finish"), {20: {"port.idle": True}},
    )
    last = bench.play(script, 30)
    assert (last["control"], last["error_code"], last["error_index"]) == (6, ErrorCode.WINDOW, 6)


@pytest.mark.parametrize(("name", "register", "step"), [
    *(("lean", *row) for row in (
        ("insn_base", 16), ("uop_base", 4), ("inp_base", 16), ("wgt_base", 256), ("acc_base", 64),
        ("out_base", 16))),
    ("1x4x4_int4", "wgt_base", 8), ("1x4x4_int4", "out_base", 2), ("1x4x4", "acc_base", 16),
    ("default", "acc_base", 512), ("1x4x4+lookup", "acc_base", 512),
    ("1x4x4+weights4", "wgt_base", 16),
])
def test_a_base_off_its_element_ends_at_once_with_alignment(name, register, step):
    config = extended(name)
    for base, good in ((3 * step, True), (step // 2, False)):
        bench = Bench(config)
        last = bench.play(merge({0: {register: base}}, LAUNCH), 12)
        assert not any(row["cycles"] for row in bench.trace[:7])
        if good:
            assert last["busy"] and not last["module_reset"] and last["error_code"] == 0
        else:
            assert all(row["module_reset"] for row in bench.trace)
            assert (last["control"], last["error_code"], last["error_index"]) == (
                6, ErrorCode.ALIGNMENT, 0
            )
            assert last["cycles"] == 0 and len(bench.cycles("ended")) == 1


@pytest.mark.parametrize("done", ["fetch.done", "fetch.blocked"])
@pytest.mark.parametrize("waiting", range(1, 8))
def test_deadlock_names_the_lowest_waiting_index(done, waiting):
    random = Random(waiting)
    wires, indices = {done: True}, []
    for number, module in enumerate(MODULES):
        waits = bool(waiting >> number & 1)
        wires[f"{module}.idle"], wires[f"{module}.waiting"] = not waits, waits
        wires[f"{module}.present"] = waits
        wires[f"{module}.oldest"] = index = random.getrandbits(32)
        indices += [index] * waits
    bench = Bench()
    last = bench.play(merge(LAUNCH, {9: wires}), 9 + QUIET_CYCLES + 6)
    assert (last["control"], last["error_code"], last["error_index"]) == (
        6, ErrorCode.DEADLOCK, min(indices)
    )
    assert bench.cycles("halt") == [13 + QUIET_CYCLES, 14 + QUIET_CYCLES]


QUIET = {
    "fetch.done": True, "load.idle": True, "compute.waiting": True, "store.idle": True,
    "compute.present": True, "compute.oldest": 3,
}


@pytest.mark.parametrize("wire", ["fetch.done", "load.idle", "compute.waiting", "store.idle"])
def test_any_movement_starts_the_quiet_time_again(wire):
    bench = Bench()
    script = merge(LAUNCH, {9: QUIET}, {60: {wire: False}, 61: {wire: True}})
    bench.play(script, 61 + QUIET_CYCLES + 6)
    assert bench.cycles("halt") == [65 + QUIET_CYCLES, 66 + QUIET_CYCLES]


def test_a_module_at_work_is_never_a_deadlock():
    bench = Bench()
    script = merge(LAUNCH, {9: QUIET | {"load.idle": False}})
    assert bench.play(script, 200)["busy"]


def test_a_stream_without_finish_ends_with_no_finish_and_its_count():
    bench = Bench()
    idle = {"load.idle": True, "compute.idle": True, "store.idle": True, "fetch.done": True}
    last = bench.play(merge(LAUNCH, {9: idle}), 9 + QUIET_CYCLES + 6)
    assert (last["control"], last["error_code"], last["error_index"]) == (
        6, ErrorCode.NO_FINISH, 77
    )


@pytest.mark.parametrize("queue", ["l2g", "g2l", "s2g", "g2s"])
def test_tokens_left_over_are_a_warning_after_finish_only(queue):
    bench = Bench()
    script = merge(
        LAUNCH, {12: {f"tokens.{queue}.available": True}}, pulse(12, "finish"),
        pulse(30, "launch.start"),
        raise_fault(35, *FAULTS[0]),
    )
    last = bench.play(script, 45)
    assert bench.trace[25]["control"] == 2 | 8 and last["control"] == 6


def test_status_holds_is_cleared_by_clear_and_by_the_next_launch():
    bench = Bench()
    script = merge(
        LAUNCH, raise_fault(10, *FAULTS[1]), {16: {"load.fault.raised": False}},
        pulse(20, "launch.clear"), pulse(30, "launch.start"), pulse(33, "launch.clear"),
        pulse(34, "launch.start"), pulse(40, "finish"),
    )
    last = bench.play(script, 50)
    rows = bench.trace
    assert (rows[19]["control"], rows[19]["error_code"], rows[19]["error_index"]) == (6, 11, 8)
    assert (rows[25]["control"], rows[25]["error_code"], rows[25]["error_index"]) == (0, 11, 8)
    assert rows[25]["cycles"] == 7
    assert (rows[31]["control"], rows[31]["error_code"], rows[31]["error_index"]) == (1, 0, 0)
    assert rows[31]["cycles"] == 0
    assert last["control"] == 2 and last["cycles"] == 11


def control_top(config):
    """The block that test_replay converts."""
    return Bench(config).block
