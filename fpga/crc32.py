"""CRC-32 (IEEE 802.3), one byte per cycle."""

from __future__ import annotations

from typing import Any

from myhdl import always_comb, block, modbv

__all__ = ["CRC_START", "crc32"]

CRC_START = 0xFFFF_FFFF  # start value of the register, whose inverse is the checksum
_HIGH, _LOW = 0xEDB8, 0x8320  # the polynomial, reflected


@block
def crc32(register: Any, data: Any, result: Any) -> Any:
    """Drive ``result``, the ``register`` after the byte ``data``.  Combinational."""

    @always_comb
    def divide() -> None:
        state = modbv(0)[32:]
        state[:] = register
        state[8:0] = state[8:0] ^ data
        for turn in range(8):
            if state[0]:
                state[:] = state >> 1
                state[32:16] = state[32:16] ^ _HIGH
                state[16:0] = state[16:0] ^ _LOW
            else:
                state[:] = state >> 1
        result.next = state

    return divide
