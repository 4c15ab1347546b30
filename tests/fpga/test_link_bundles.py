"""link_bundles: the fields hold every frame that docs/protocol.md allows."""

from random import Random

from rtl_bench import clock_and_reset, simulate

from myvta.fpga.link_bundles import (
    COMMAND_BITS,
    PAYLOAD_BYTES,
    PAYLOAD_WORDS,
    SLOTS,
    WINDOW,
    Command,
    Reply,
    WordPort,
)
from myvta.isa.link_protocol import LinkIdentity
from myvta.rtl.lib.bundles import word
from myvta.rtl.lib.pack import join, split

HEADER = {"kind": 4, "sequence": 8, "count": 16, "address": 32}
"""Bits of the fields that request and response have in common, from the page's table."""


def test_header_fields_are_as_wide_as_in_the_frame():
    for bundle in (Command(), Reply()):
        assert {name: len(getattr(bundle, name)) for name in HEADER} == HEADER
    assert len(Reply().status) == 3


def test_word_counts_hold_the_longest_payload():
    longest = PAYLOAD_BYTES // 4
    assert PAYLOAD_WORDS == longest == 64
    assert 1 << len(Command().words) > longest + 1  # a request that is one word too long
    assert 1 << len(Reply().words) > longest


def test_a_full_window_fits_the_slots_and_a_client_accepts_the_limits():
    assert WINDOW < SLOTS  # one slot is being filled
    identity = LinkIdentity(PAYLOAD_BYTES, WINDOW, 0, 4096)
    assert LinkIdentity.from_bytes(identity.to_bytes()) == identity


def test_a_queued_command_keeps_its_fields_from_bit_0():
    clock, reset = clock_and_reset()
    before, after, packed = Command(), Command(), word(COMMAND_BITS)
    random, seen = Random(1), []
    values = [[random.getrandbits(len(field)) for field in before.fields()] for _ in range(20)]

    def on_edge(cycle):
        if cycle:
            seen.append(([int(field) for field in after.fields()], int(packed)))
        for field, value in zip(before.fields(), values[cycle % 20], strict=True):
            field.next = value
        return cycle == 20

    blocks = [join(before.fields(), packed), split(packed, after.fields())]
    simulate(blocks, clock, reset, on_edge, limit=30)
    assert COMMAND_BITS == sum(HEADER.values()) + len(before.words)
    assert seen == [
        (fields, fields[0] | fields[1] << 4 | fields[2] << 12 | fields[3] << 28 | fields[4] << 60)
        for fields in values
    ]


def test_word_port_has_32_bits_of_data():
    port = WordPort(9)
    assert (len(port.address), len(port.data)) == (9, 32)
