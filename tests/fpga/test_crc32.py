"""crc32: against zlib, byte after byte."""

import zlib
from random import Random

from myhdl import Signal, modbv
from rtl_bench import clock_and_reset, simulate

from myvta.fpga.crc32 import CRC_START, crc32
from myvta.isa.link_protocol import CRC_RESIDUE
from myvta.rtl.lib.bundles import word


def checksums(data):
    """Return the inverted register after each byte."""
    clock, reset = clock_and_reset()
    register, byte, result = Signal(modbv(CRC_START)[32:]), word(8), word(32)
    seen = []

    def on_edge(cycle):
        if cycle % 2:
            register.next = result
            seen.append(int(result) ^ 0xFFFF_FFFF)
        else:
            byte.next = data[cycle // 2]
        return cycle == 2 * len(data) - 1

    simulate([crc32(register, byte, result)], clock, reset, on_edge, limit=2 * len(data))
    return seen


def test_checksum_after_each_byte_equals_zlib():
    data = Random(1).randbytes(200)
    assert checksums(data) == [zlib.crc32(data[:count]) for count in range(1, 201)]


def test_checksum_appended_to_its_data_gives_the_residue():
    data = b"123456789"
    crc = zlib.crc32(data)
    assert crc == 0xCBF4_3926  # the check value of CRC-32/ISO-HDLC in every catalogue
    assert checksums(data + crc.to_bytes(4, "little"))[-1] == CRC_RESIDUE
