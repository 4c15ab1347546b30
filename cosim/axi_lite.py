"""AXI4-Lite master on MyHDL signals: one register access at a time.  Equivalent to ``lite.h``."""

from __future__ import annotations

from myhdl import SignalType

from .axi_memory import Checker, Random
from .options import SimulationOptions
from .rules import Rule

__all__ = ["AxiLiteMaster"]

_LITE_CHANNEL = 5


class AxiLiteMaster:
    """The register master of one simulation.

    Attributes
    ----------
    done : bool
        No access is in progress.
    data : int
        Data of the last read.
    response : int
        Response of the last access: 0 OKAY, 2 SLVERR, 3 DECERR.
    """

    def __init__(
        self, signals: dict[str, SignalType], options: SimulationOptions, checker: Checker
    ):
        self._wire = {name[6:]: signal for name, signal in signals.items()
                      if name.startswith("s_axi_")}
        self._stall, self._checker = options.stall, checker
        self._random = Random(options.seed, _LITE_CHANNEL)
        self.done, self.data, self.response = True, 0, 0
        self._write = False
        self._address = self._age = 0
        self._delays = [0, 0, 0]
        self.reset()

    def reset(self) -> None:
        """Drop the access in progress."""
        self.done = True
        self._address_done = self._data_done = False
        self._held_b = False
        self._held_r: int | None = None
        self.drive()

    def begin(self, write: bool, address: int, value: int = 0) -> None:
        """Start an access.

        With stalls enabled, address, data and response readiness are delayed by up to 3 cycles,
        independently of each other.
        """
        self.done, self._write = False, write
        self._address, self.data = address & 0xFFFF, value
        self._address_done = self._data_done = False
        self._age = 0
        self._delays = [self._random.below(4) if self._stall else 0 for _ in range(3)]

    @property
    def waiting_for(self) -> str:
        """The port that an unfinished access waits for."""
        if not self._address_done:
            return "s_axi_awready" if self._write else "s_axi_arready"
        if self._write and not self._data_done:
            return "s_axi_wready"
        return "s_axi_bvalid" if self._write else "s_axi_rvalid"

    def sample(self, cycle: int) -> None:
        """Sample the wires at the rising edge ``cycle``."""
        wire = self._wire
        self._check(cycle)
        if self.done:
            return
        if self._write:
            if wire["bvalid"].val and wire["bready"].val:
                self.response, self.done = int(wire["bresp"].val), True
            if wire["awvalid"].val and wire["awready"].val:
                self._address_done = True
            if wire["wvalid"].val and wire["wready"].val:
                self._data_done = True
        else:
            if wire["rvalid"].val and wire["rready"].val:
                self.data = int(wire["rdata"].val)
                self.response, self.done = int(wire["rresp"].val), True
            if wire["arvalid"].val and wire["arready"].val:
                self._address_done = True

    def drive(self) -> None:
        """Set the inputs for the next edge."""
        wire, age = self._wire, self._age
        address_delay, data_delay, response_delay = self._delays
        writing, reading = not self.done and self._write, not self.done and not self._write
        address_valid = not self._address_done and age >= address_delay
        wire["awvalid"].next = writing and address_valid
        wire["wvalid"].next = writing and not self._data_done and age >= data_delay
        wire["bready"].next = writing and age >= response_delay
        wire["arvalid"].next = reading and address_valid
        wire["rready"].next = reading and age >= response_delay
        wire["awaddr"].next = wire["araddr"].next = self._address
        wire["wdata"].next = self.data
        wire["wstrb"].next = 0xF
        self._age += 1

    def _check(self, cycle: int) -> None:
        wire, report = self._wire, self._checker.report
        wants_b = not self.done and self._write and self._address_done and self._data_done
        wants_r = not self.done and not self._write and self._address_done
        bvalid, rvalid, data = wire["bvalid"].val, wire["rvalid"].val, int(wire["rdata"].val)
        if bvalid and not wants_b:
            report(cycle, Rule.RESPONSE, "s_axi_bvalid without a complete write")
        if rvalid and not wants_r:
            report(cycle, Rule.RESPONSE, "s_axi_rvalid without a read")
        if self._held_b and not bvalid:
            report(cycle, Rule.VALID_STABLE, "s_axi_bvalid fell before s_axi_bready")
        if self._held_r is not None and not rvalid:
            report(cycle, Rule.VALID_STABLE, "s_axi_rvalid fell before s_axi_rready")
        if self._held_r is not None and rvalid and data != self._held_r:
            report(cycle, Rule.PAYLOAD_STABLE, "s_axi_rdata changed while it waited")
        self._held_b = bool(bvalid and not wire["bready"].val)
        self._held_r = data if rvalid and not wire["rready"].val else None
