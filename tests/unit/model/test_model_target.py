"""model:// as a Target: options, window, closing, registers after an error."""

import re

import pytest

from myvta.driver import OpenRequest, TargetError, WindowError
from myvta.isa.config import named
from myvta.isa.instructions import Finish, Store, Undefined, encode_stream
from myvta.isa.opcodes import ErrorCode
from myvta.isa.register_map import Reg
from myvta.model.model_errors import UnwrittenReadWarning
from myvta.model.model_target import open_model

CONFIG = named("1x4x4")


def target(**options):
    return open_model(OpenRequest("", CONFIG, (0x1000, 0x4000), options))


def launch(it, stream):
    it.write_memory(0x2000, encode_stream(stream, CONFIG))
    it.write_register(Reg.INSN_BASE, 0x2000)
    it.write_register(Reg.INSN_COUNT, len(stream))
    it.write_register(Reg.CONTROL, 1)


def test_opening_programs_the_window():
    with target() as it:
        assert it.window == (0x1000, 0x4000)
        assert it.config is CONFIG
        assert it.read_register(Reg.WINDOW_BASE) == 0x1000
        assert it.read_register(Reg.WINDOW_LIMIT) == 0x4FFF
        assert it.read_register(Reg.FINGERPRINT) == CONFIG.fingerprint


def test_memory_is_the_window():
    it = target()
    it.write_memory(0x4FFE, b"ab")
    assert it.read_memory(0x4FFD, 3) == b"\x00ab"
    for address in (0xFFF, 0x4FFF):
        with pytest.raises(WindowError):
            it.write_memory(address, memoryview(b"xy"))
        with pytest.raises(WindowError, match=r"2 bytes at 0x\w+ are outside the memory"):
            it.read_memory(address, 2)
    assert it.read_memory(0x4FFE, 2) == b"ab"


def test_a_fault_is_read_in_the_registers_and_explained():
    it = target()
    launch(it, [Undefined(6), Finish()])
    assert it.read_register(Reg.CONTROL) == 6
    assert it.read_register(Reg.ERROR_CODE) == ErrorCode.OPCODE
    assert str(it.last_fault) == (
        "OPCODE at instruction 0: opcode 6 is not defined\n"
        "  .word 0x00000000000000000000000000000006"
    )
    launch(it, [Finish()])
    assert it.last_fault is None


@pytest.mark.parametrize("strict", ["0", "1"])
def test_strict_warns_after_the_launch(strict, recwarn):
    launch(target(strict=strict), [Store(x_size=1, dram_base=0x1000), Finish()])
    texts = [str(entry.message) for entry in recwarn if entry.category is UnwrittenReadWarning]
    assert texts == ["STORE reads never-written ACC [0]"] * int(strict)


def test_order_takes_a_seed():
    it = target(order="12", strict="0")
    launch(it, [Finish()])
    assert it.read_register(Reg.CONTROL) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"options": {"latency": "3", "order": "1"}},
            "model:// has no option latency; options: order, strict",
        ),
        ({"options": {"order": "x"}}, "order must be a seed 0, 1, 2 ..., not 'x'"),
        ({"options": {"order": "-1"}}, "order must be a seed 0, 1, 2 ..., not '-1'"),
        ({"options": {"strict": "yes"}}, "strict must be 0 or 1, not 'yes'"),
        ({"location": "here"}, "model:// takes no location, not 'here'"),
        ({"window": (0, 100)}, "memory size must be a multiple of 4096, not 0x64"),
    ],
)
def test_bad_openings_are_refused(changes, message):
    arguments = {"location": "", "config": CONFIG, "window": (0, 4096)}
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        open_model(OpenRequest(**{**arguments, **changes}))


def test_a_closed_target_refuses_use():
    with target() as it:
        pass
    uses = (
        lambda: it.read_register(0), lambda: it.write_register(0, 0),
        lambda: it.read_memory(0x1000, 1), lambda: it.write_memory(0x1000, b"a"),
    )
    for use in uses:
        with pytest.raises(TargetError, match=r"^the target is closed \(\w+\); open it again$"):
            use()
