"""base_target: every access is checked before a subclass sees it; closing happens once."""

import pytest

from myvta.driver import BaseTarget, RegisterError, Target, TargetError, WindowError
from myvta.isa.config import named
from myvta.isa.register_map import Reg


class Logged(BaseTarget):
    """A subclass that records its accesses."""

    def __init__(self):
        super().__init__(named("1x4x4"), (0x3000, 0x1000))
        self.calls = []

    def _read_register(self, offset):
        self.calls.append(("R", offset))
        return 7

    def _write_register(self, offset, value):
        self.calls.append(("W", offset, value))

    def _read_memory(self, offset, size):
        self.calls.append(("RM", offset, size))
        return bytes(size)

    def _write_memory(self, offset, data):
        self.calls.append(("WM", offset, bytes(data)))

    def _release(self):
        self.calls.append("closed")


def test_a_subclass_gets_checked_arguments_and_offsets_from_the_base():
    target = Logged()
    assert isinstance(target, Target)
    assert target.read_register(8) == 7
    target.write_register(8, 9)
    assert target.read_memory(0x3FFF, 1) == b"\0"
    target.write_memory(0x3004, memoryview(b"ab"))
    assert target.calls == [("R", 8), ("W", 8, 9), ("RM", 0xFFF, 1), ("WM", 4, b"ab")]


def test_refused_accesses_do_not_reach_the_subclass():
    target = Logged()
    for error, access in (
        (RegisterError, lambda: target.read_register(2)),
        (RegisterError, lambda: target.write_register(2, 0)),
        (RegisterError, lambda: target.write_register(0, 1 << 32)),
        (WindowError, lambda: target.read_memory(0x3FFF, 2)),
        (WindowError, lambda: target.write_memory(0x2FFF, b"ab")),
    ):
        with pytest.raises(error):
            access()
    assert target.calls == []


def test_open_window_writes_both_ends():
    target = Logged()
    target.open_window()
    assert target.calls == [("W", Reg.WINDOW_BASE, 0x3000), ("W", Reg.WINDOW_LIMIT, 0x3FFF)]


def test_a_closed_target_is_released_once_and_refuses_every_access():
    with Logged() as target:
        pass
    target.close()
    assert target.calls == ["closed"]
    for access in (
        lambda: target.read_register(0), lambda: target.write_register(0, 0),
        lambda: target.read_memory(0x3000, 1), lambda: target.write_memory(0x3000, b"a"),
    ):
        with pytest.raises(TargetError, match=r"^the target is closed \(\w+\); open it again$"):
            access()
