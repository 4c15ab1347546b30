"""frame: against the specification's examples, an encoder of its own, and damaged streams."""

import re
import struct
from pathlib import Path
from random import Random

import pytest
from frame_bytes import frame_bytes

from myvta.driver import open_target
from myvta.driver.serve.responder import Responder
from myvta.driver.transport.frame import Frame, FrameDecoder, encode
from myvta.isa.link_protocol import LinkIdentity, LinkStatus, MessageKind

PAGE = (Path(__file__).parents[4] / "docs" / "protocol.md").read_text(encoding="utf-8")


def test_documented_examples_are_the_device_s_responses():
    lines = re.findall(r"^    ([<>]) ((?:[0-9a-f]{2} ?)+)$", PAGE, re.M)
    assert len(lines) == 20
    with open_target("model://?config=1x4x4&mem=0x0:64K") as target:
        device, decoder = Responder(target, 256, 4), FrameDecoder(256)
        for (side, request), (other, response) in zip(lines[::2], lines[1::2], strict=True):
            assert side == ">" and other == "<"
            (frame,) = decoder.feed(bytes.fromhex(request))
            assert encode(frame).hex(" ") == request
            assert encode(device.answer(frame)).hex(" ") == response


def test_frames_are_encoded_as_documented():
    random = Random(1)
    for _ in range(500):
        payload = bytes(random.choice((0x7D, 0x7E, 0x5D, 0x5E, random.randrange(256)))
                        for _ in range(4 * random.randrange(6)))
        frame = Frame(
            random.randrange(16), random.randrange(256), random.getrandbits(32),
            random.randrange(1 << 16), payload, bool(random.randrange(2)),
            LinkStatus(random.randrange(8)),
        )
        first = frame.kind | frame.status << 4 | frame.response << 7
        line = frame_bytes(first, frame.sequence, frame.count, frame.address, payload)
        assert encode(frame) == line
        decoder = FrameDecoder(64)
        pieces = [decoder.feed(line[at:at + 3]) for at in range(0, len(line), 3)]
        assert sum(pieces, []) == [frame] and decoder.bad == 0


@pytest.mark.parametrize("damage", ["flip", "drop", "double", "noise"])
def test_only_the_damaged_frame_is_dropped(damage):
    random = Random(2)
    good = Frame(MessageKind.READ_MEMORY, 9, 0x1234, 16)
    for _ in range(300):
        line = bytearray(encode(Frame(MessageKind.WRITE_MEMORY, 8, 64, 32, random.randbytes(32))))
        at = random.randrange(1, len(line) - 1)
        if damage == "flip":
            line[at] ^= 1 << random.randrange(8)
        elif damage == "drop":
            del line[at]
        elif damage == "double":
            line.insert(at, line[at])
        else:
            line[at:at] = random.randbytes(random.randrange(1, 40))
        decoder = FrameDecoder(256)
        assert decoder.feed(bytes(line) + encode(good))[-1] == good
        assert decoder.feed(b"") == []


def test_frames_of_wrong_length_are_dropped():
    decoder = FrameDecoder(16)
    assert decoder.feed(frame_bytes(4, 1, 20, 0, bytes(20))) == [] and decoder.bad == 1
    assert decoder.feed(frame_bytes(4, 1, 16, 0, bytes(16)))
    assert decoder.feed(frame_bytes(4, 1, 3, 0, bytes(3))) == [] and decoder.bad == 2
    assert decoder.feed(b"\x7e\x1d\xdf\x44\x21\x7e\x7e\x7e") == [] and decoder.bad == 3


def test_an_endless_frame_costs_no_memory():
    decoder = FrameDecoder(64)
    for _ in range(1000):
        assert decoder.feed(bytes(1000)) == []
        assert len(decoder._rest) <= 1200
    assert decoder.pending
    assert decoder.feed(b"\x7e" + encode(Frame(1, 2, 4))) == [Frame(1, 2, 4)]
    assert decoder.bad == 1


def test_an_identity_survives_and_others_are_refused():
    identity = LinkIdentity(256, 4, 0x1000, 0x8000, 100_000_000, 3)
    assert LinkIdentity.from_bytes(identity.to_bytes() + b"more") == identity
    data = identity.to_bytes()
    with pytest.raises(ValueError, match="32 bytes or more, not 31"):
        LinkIdentity.from_bytes(data[:31])
    with pytest.raises(ValueError, match="begins with 0x00000000, not 0x4c54564d"):
        LinkIdentity.from_bytes(bytes(32))
    with pytest.raises(ValueError, match=r"uses protocol 2\.3, this driver 1\.0"):
        LinkIdentity.from_bytes(data[:4] + struct.pack("<HH", 3, 2) + data[8:])
    with pytest.raises(ValueError, match="impossible limits: payload 0, window 4"):
        LinkIdentity.from_bytes(data[:8] + struct.pack("<HH", 0, 4) + data[12:])
