"""status: signals of its own for each module, at rest after reset, as wide as the registers."""

from functools import partial

import pytest
from extended import extended
from myhdl import SignalType

from myvta.isa.opcodes import ErrorCode, MemoryType
from myvta.isa.register_map import REGISTERS, Reg
from myvta.rtl.host.status import FetchStatus, LaunchControl, ModuleStatus, StepEvents

step_events = partial(StepEvents, extended("1x4x4+depthwise"))
CLASSES = [FetchStatus, LaunchControl, ModuleStatus, step_events]


def signals(bundle, prefix=""):
    """Every signal of a bundle and of those inside it, by its path."""
    for name, value in vars(bundle).items():
        if isinstance(value, SignalType):
            yield prefix + name, value
        else:
            yield from signals(value, f"{prefix}{name}.")


@pytest.mark.parametrize("kind", CLASSES)
def test_signals_are_low_after_reset(kind):
    assert {path: int(signal) for path, signal in signals(kind())} == {
        path: 0 for path, _ in signals(kind())
    }


@pytest.mark.parametrize("kind", CLASSES)
def test_two_modules_share_no_signal(kind):
    first, second = (dict(signals(kind())) for _ in range(2))
    assert first.keys() == second.keys()
    assert not {id(signal) for signal in first.values()} & {
        id(signal) for signal in second.values()
    }


@pytest.mark.parametrize("kind", [FetchStatus, ModuleStatus])
def test_a_fault_fits_its_registers(kind):
    widths = {path: len(signal) for path, signal in signals(kind())}
    assert widths["fault.index"] == widths["index"] == 32
    assert widths["error_address"] == 32
    assert 1 << widths["fault.code"] > max(ErrorCode)
    assert {Reg.ERROR_CODE, Reg.ERROR_INDEX, Reg.ERROR_ADDRESS} <= set(REGISTERS)


def test_a_row_holds_the_largest_row_of_an_instruction():
    rows = ModuleStatus().rows
    assert rows.tiles.max == 1 << 16
    assert rows.memory_type.max > max(MemoryType)


@pytest.mark.parametrize("kind", [LaunchControl, step_events])
def test_pulses_are_single_bits(kind):
    assert all(isinstance(signal.val, bool) for _, signal in signals(kind()))


def test_windows_are_counted_on_configurations_with_them():
    assert "dwc_step" not in vars(StepEvents(extended("1x4x4")))
    assert "dwc_step" in vars(step_events())
