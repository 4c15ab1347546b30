"""link_target: frames of an access, the window of a device, and options in seconds."""

import pytest

from myvta.driver import LinkError, OpenRequest, UrlError
from myvta.driver.transport.link_target import LinkTarget, open_link_target, seconds_option
from myvta.isa.config import NAMED
from myvta.isa.link_protocol import LinkIdentity, MessageKind
from myvta.isa.register_map import Reg, reset_values

CONFIG = NAMED["1x4x4"]
BASE, SIZE = 0x3000, 0x2000


class ScriptedLink:
    """A link to a device in memory whose frames hold 8 bytes; keeps the requests."""

    def __init__(self, base=BASE, size=SIZE):
        self.identity = LinkIdentity(payload=8, window=4, base=base, size=size, clock_hz=50)
        self.registers, self.memory = reset_values(CONFIG), bytearray(size)
        self.requests, self.closed = [], False

    def ask(self, kind, address, count=0, payload=b""):
        self.requests.append((kind, address, count, payload))
        if kind == MessageKind.READ_REGISTER:
            return self.registers[address].to_bytes(count, "little")
        self.registers[address] = int.from_bytes(payload, "little")
        return b""

    def exchange(self, requests):
        answers = []
        for item in requests:
            self.requests.append((item.kind, item.address, item.count, item.payload))
            start = item.address - self.identity.base
            if item.kind == MessageKind.READ_MEMORY:
                answers.append(bytes(self.memory[start : start + item.count]))
                continue
            skip = item.address % 4
            self.memory[start : start + item.count] = item.payload[skip : skip + item.count]
            answers.append(b"")
        return answers

    def close(self):
        self.closed = True


def test_opening_reads_the_identity_first_and_sets_the_window():
    link = ScriptedLink()
    target = LinkTarget(link, CONFIG, None)
    assert link.requests[0][:2] == (MessageKind.READ_REGISTER, Reg.IDENTITY)
    assert (target.window, target.clock_hz) == ((BASE, SIZE), 50)
    assert link.registers[Reg.WINDOW_BASE] == BASE
    assert link.registers[Reg.WINDOW_LIMIT] == BASE + SIZE - 1
    target.close()
    assert link.closed


def test_memory_frames_end_at_multiples_of_the_payload():
    link = ScriptedLink()
    target = LinkTarget(link, CONFIG, (BASE + 0x1000, 0x1000))
    link.requests.clear()
    target.write_memory(0x4006, b"abcdefghijk")
    # 0x4006..0x4007, 0x4008..0x400f, 0x4010; zeros complete the first and the last word
    assert link.requests == [
        (MessageKind.WRITE_MEMORY, 0x4006, 2, b"\0\0ab"),
        (MessageKind.WRITE_MEMORY, 0x4008, 8, b"cdefghij"),
        (MessageKind.WRITE_MEMORY, 0x4010, 1, b"k\0\0\0"),
    ]
    assert link.memory[0x1006:0x1011] == b"abcdefghijk"
    link.requests.clear()
    assert target.read_memory(0x4005, 5) == b"\0abcd"
    assert [request[1:3] for request in link.requests] == [(0x4005, 3), (0x4008, 2)]


def test_registers_are_little_endian_words():
    link = ScriptedLink()
    target = LinkTarget(link, CONFIG, None)
    link.requests.clear()
    target.write_register(Reg.UOP_BASE, 0x01020304)
    assert link.requests == [(MessageKind.WRITE_REGISTER, Reg.UOP_BASE, 4, b"\4\3\2\1")]
    assert target.read_register(Reg.UOP_BASE) == 0x01020304


@pytest.mark.parametrize("window", [(0, 4096), (BASE, SIZE + 4096), (BASE + SIZE, 4096)])
def test_a_window_outside_the_device_s_memory_is_refused(window):
    with pytest.raises(UrlError, match="is not inside the device's memory 0x3000:8192; leave mem"):
        LinkTarget(ScriptedLink(), CONFIG, window)


def test_a_device_without_whole_pages_is_refused_and_the_link_closed():
    link = ScriptedLink(size=0x1800)
    with pytest.raises(LinkError, match="the device offers memory 0x3000:6144, not whole pages"):
        open_link_target(lambda: link, OpenRequest("", CONFIG))
    assert link.closed


def test_timeout_option_is_parsed_and_removed():
    options = {"timeout": "2.5", "keep": "1"}
    assert seconds_option(options, "timeout", 5.0) == 2.5
    assert seconds_option(options, "timeout", 5.0) == 5.0
    assert seconds_option({"idle": "0"}, "idle", 5.0) == 0.0
    assert options == {"keep": "1"}


@pytest.mark.parametrize("text", ["", "fast", "-1", "3601", "nan", "0"])
def test_invalid_timeouts_are_refused(text):
    with pytest.raises(ValueError, match="timeout must be seconds, at most 3600, not"):
        seconds_option({"timeout": text}, "timeout", 5.0)
