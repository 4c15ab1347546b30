"""Names shared by the Python and the C++ side: rules of the bus and counters of the harness."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Counter", "Rule", "header"]


class Rule(IntEnum):
    """Rules of AXI4 and AXI4-Lite that every simulated run is checked against."""

    NONE = 0
    VALID_STABLE = 1
    PAYLOAD_STABLE = 2
    RESET_VALID = 3
    BURST_TYPE = 4
    SIZE = 5
    BOUNDARY_4K = 6
    LAST = 7
    STROBE = 8
    RESPONSE = 9
    OUTSTANDING = 10
    UNKNOWN = 11
    LENGTH = 12
    WINDOW = 13

    @property
    def meaning(self) -> str:
        """The rule in words, with the section of the AXI specification (ARM IHI 0022)."""
        return _MEANINGS[self]


_MEANINGS = {
    Rule.NONE: "no rule",
    Rule.VALID_STABLE: "once VALID is high it stays until READY, A3.2.1",
    Rule.PAYLOAD_STABLE: "the payload of a VALID does not change until READY, A3.2.1",
    Rule.RESET_VALID: "VALID is low while reset is high, A3.1.2",
    Rule.BURST_TYPE: "the memory port only issues incrementing bursts, A3.4.1",
    Rule.SIZE: "a beat is no wider than the bus, A3.4.1",
    Rule.BOUNDARY_4K: "a burst does not cross a 4 KiB boundary, A3.4.1",
    Rule.LAST: "WLAST is high in the last beat of a burst and only there, A3.4.1",
    Rule.STROBE: "WSTRB is high only for the byte lanes of the beat, A3.4.3",
    Rule.RESPONSE: "a response follows a complete request, once, A3.3.1",
    Rule.OUTSTANDING: "no burst is outstanding when a launch has ended, unless DRAINING is set",
    Rule.UNKNOWN: "VALID and READY are 0 or 1 after reset; only Icarus can detect it",
    Rule.LENGTH: "a burst has at most 16 beats, which AXI3 memories accept too, A3.4.1",
    Rule.WINDOW: "no burst leaves the bytes that the test guards; only Verilator checks it",
}


class Counter(IntEnum):
    """Counters of the memory since the opening of a target, independent of the device."""

    CYCLES = 0
    READ_BURSTS = 1
    READ_BEATS = 2
    READ_BYTES = 3  # beats times their size
    WRITE_BURSTS = 4
    WRITE_BEATS = 5
    WRITE_BYTES = 6  # strobed bytes
    OUTSIDE = 7  # bursts outside memory, answered DECERR
    FAILURES = 8  # errors that a test injected


def header() -> str:
    """Return both enumerations as the C++ header ``rules.h``."""
    rules = [f"    RULE_{rule.name} = {rule.value}," for rule in Rule]
    counters = [f"    COUNTER_{counter.name} = {counter.value}," for counter in Counter]
    return "\n".join([
        "// Generated from cosim/rules.py.", "#pragma once",
        "enum Rule {", *rules, "};",
        "enum Counter {", *counters, f"    COUNTER_COUNT = {len(Counter)}", "};", "",
    ])
