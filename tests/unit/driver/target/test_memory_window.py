"""memory_window: programmed, read back, and refused where the device does not take it."""

import re

import pytest

from myvta.driver import TargetError, open_target
from myvta.driver.target.memory_window import program_window
from myvta.isa.register_map import Reg

URL = "model://?config=1x4x4&mem=0x3000:32K"


def test_both_ends_of_the_window_are_programmed():
    with open_target(URL) as target:
        target.write_register(Reg.WINDOW_BASE, 0)
        target.write_register(Reg.WINDOW_LIMIT, 0xFFFF_FFFF)
        program_window(target, "nothing was done")
        assert target.read_register(Reg.WINDOW_BASE) == 0x3000
        assert target.read_register(Reg.WINDOW_LIMIT) == 0xAFFF


def test_a_locked_window_is_refused_with_the_consequence():
    with open_target(URL) as target:
        target.write_register(Reg.WINDOW_BASE, 0)
        target.write_register(Reg.WINDOW_LOCK, 1)
        with pytest.raises(TargetError, match="^" + re.escape(
            "the memory window reads 0x0..0xafff, not 0x3000..0xafff: it is locked until the reset "
            "wire; nothing was done"
        )):
            program_window(target, "nothing was done")


def test_dropped_writes_and_a_locked_window_have_different_errors(monkeypatch):
    with open_target(URL) as target:
        target.write_register(Reg.WINDOW_BASE, 0)
        monkeypatch.setattr(type(target), "write_register", lambda target, offset, value: None)
        with pytest.raises(TargetError, match="the device did not take it; stop$"):
            program_window(target, "stop")
