"""``icarus://``: the converted core in Icarus Verilog, connected to MyHDL by ``Cosimulation``.

Thousands of cycles per second: for instructions and blocks.  Its memory, register master and
checker are MyHDL equivalents of those under Verilator; the same options give the same cycle counts.
"""

from __future__ import annotations

from ..driver.errors import TargetTimeout
from ..driver.target.schemes import DEFAULT_WINDOW, OpenRequest, TargetScheme
from ..isa.config import Config
from .axi_lite import AxiLiteMaster
from .axi_memory import AxiMemory, Checker
from .bench import Bench
from .cosim_errors import SimulatorError
from .design import read_design
from .options import SimulationOptions, parse_options, with_bus
from .ports import ports
from .rules import Counter, Rule
from .simulated_target import SimulatedTarget
from .tools import find_icarus
from .vpi import compile_design, vpi_module

__all__ = ["SCHEME", "IcarusTarget", "open_icarus"]

MAX_CYCLES = 5_000_000
WAVE_CYCLES = 10_000
_RESET_CYCLES = 4
_RESPONSE_LIMIT = 10_000  # cycles a register access may take
_POLL_PERIOD = 32  # cycles between two polls of a register
_HANDSHAKES = {port.name for port in ports(64)
               if port.driven and port.name.endswith(("valid", "ready"))}


class IcarusTarget(SimulatedTarget):
    """A core in vvp; see :class:`~myvta.cosim.simulated_target.SimulatedTarget`.

    Only one can be open in a process at a time.

    Parameters
    ----------
    design
        Verilog text.
    """

    chunk = 2000

    def __init__(
        self, design: str, config: Config, window: tuple[int, int], options: SimulationOptions
    ):
        super().__init__(config, window, options)
        _, vvp, _ = find_icarus()
        vpi = vpi_module()
        command = [str(vvp), "-n", "-M", str(vpi.parent), "-m", vpi.stem,
                   str(compile_design(design, config.bus_width))]
        if options.wave:
            wave = options.wave
            command += [f"+wave={wave.file}", f"+wave_from={wave.first}",
                        f"+wave_cycles={wave.count}"]
        if options.events:
            command += [f"+events={options.events}"]
        self._counters = [0] * len(Counter)
        self._checker = Checker()
        self._reset_left = 0
        self._bench = Bench(command, ports(config.bus_width), self._edge)
        try:
            signals = self._bench.signals
            self._axi = AxiMemory(signals, self.memory, window[0], config.bus_bytes, options,
                                  self._counters, self._checker)
            self._lite = AxiLiteMaster(signals, options, self._checker)
            self._reset()
            self.open_window()
        except BaseException:
            self.close()
            raise

    def _edge(self) -> None:
        """Process one rising edge, as Harness::step in harness.cpp."""
        cycle = self._counters[Counter.CYCLES]
        self._counters[Counter.CYCLES] += 1
        if self._reset_left:
            if self._reset_left < _RESET_CYCLES:
                self._axi.check_reset(cycle)
            self._reset_left -= 1
            if self._reset_left == 0:
                self._bench.signals["reset"].next = 0
                self._axi.drive(cycle + 1)
            return
        unknown = self._bench.unknown & _HANDSHAKES
        if unknown:
            self._checker.report(cycle, Rule.UNKNOWN, f"{', '.join(sorted(unknown))} has no value")
        self._axi.sample(cycle)
        self._lite.sample(cycle)
        self._axi.drive(cycle + 1)
        self._lite.drive()

    def _step(self, cycles: int = 1) -> None:
        self._bench.step(cycles)
        if self._checker.violation:
            raise self._checker.violation

    def _access(self, write: bool, offset: int, value: int = 0) -> int:
        if self._checker.violation:
            raise self._checker.violation
        limit = self._counters[Counter.CYCLES] + _RESPONSE_LIMIT
        self._lite.begin(write, offset, value)
        while not self._lite.done:
            if self._counters[Counter.CYCLES] >= limit:
                raise TargetTimeout(
                    f"{'writing' if write else 'reading'} register {offset:#x}: the device does "
                    f"not answer, waited for {self._lite.waiting_for}"
                )
            self._step()
        if self._lite.response:
            raise SimulatorError(
                f"{'writing' if write else 'reading'} register {offset:#x} was answered with "
                f"response {self._lite.response}, not OKAY"
            )
        return self._lite.data

    def _read(self, offset: int) -> int:
        return self._access(False, offset)

    def _write(self, offset: int, value: int) -> None:
        self._access(True, offset, value)

    def _poll(self, offset: int, mask: int, cycles: int) -> int:
        until = self._counters[Counter.CYCLES] + cycles
        while True:
            value = self._access(False, offset)
            if not value & mask:
                return value
            left = until - self._counters[Counter.CYCLES]
            if left > 0:
                self._step(min(_POLL_PERIOD, left))
            if left < _POLL_PERIOD:
                return value

    def _run(self, cycles: int, until_interrupt: bool) -> bool:
        if not until_interrupt:
            self._step(cycles)
            return False
        for _ in range(cycles):
            if self._bench.signals["interrupt"].val:
                return True
            self._step()
        return bool(self._bench.signals["interrupt"].val)

    def _reset(self) -> None:
        self._reset_left = _RESET_CYCLES
        self._axi.reset()
        self._lite.reset()
        self._bench.signals["reset"].next = 1
        self._step(_RESET_CYCLES)

    def _outstanding(self) -> tuple[int, int]:
        return self._axi.outstanding

    def _release(self) -> None:
        self._bench.close()

    def counters(self) -> dict[Counter, int]:
        """Return the memory's counters since the target was opened."""
        return dict(zip(Counter, self._counters, strict=True))


def open_icarus(request: OpenRequest) -> IcarusTarget:
    """Open ``icarus://``; options as :class:`~myvta.cosim.options.SimulationOptions`.

    Waves go to a ``.vcd`` file; rising edge n is at n * 10 + 5 ns.

    Raises
    ------
    ValueError
        An option that is unknown or out of range.
    MissingTool, BuildError, TargetError
        The simulation cannot be built or started.
    """
    parsed, bus = parse_options(
        request.options, scheme="icarus", suffixes=(".vcd",), max_cycles=MAX_CYCLES,
        wave_cycles=WAVE_CYCLES,
    )
    config = with_bus(request.config, bus)
    window = request.window or DEFAULT_WINDOW
    design = read_design(request.location, config, events=parsed.events is not None)
    return IcarusTarget(design, config, window, parsed)


SCHEME = TargetScheme(open_icarus)
"""The scheme ``icarus://``."""
