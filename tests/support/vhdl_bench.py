"""Run programs on the converted VHDL under GHDL: a register driver and an AXI memory in VHDL.

Python writes the memory image and a script of register accesses as text, GHDL simulates, and the
bench writes the values it read and the final memory.  VHDL ``assert`` guards the bus; GHDL runs
with ``--assert-level=error``, without which a failed assertion would still exit with 0.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from myvta.cosim.ports import ports
from myvta.isa.config import Config
from myvta.isa.register_map import Reg, Status
from myvta.rtl.convert import CONVERTED_PACKAGE, convert

__all__ = ["VhdlBench"]

LIMIT = 200_000  # cycles of a run of the bench
_LINE = 16  # bytes of a line of a memory file


def _signals(config: Config) -> tuple[str, str]:
    """Return the declarations and the port map of the core."""
    declarations, pins = [], []
    for port in ports(config.bus_width):
        pins.append(f"{port.name} => {port.name}")
        kind = "std_logic" if port.width == 1 else f"unsigned({port.width - 1} downto 0)"
        value = "'0'" if port.width == 1 else "(others => '0')"
        declarations.append(f"    signal {port.name}: {kind} := {value};")
    return "\n".join(declarations), ",\n        ".join(pins)


class VhdlBench:
    """The core of a configuration, analysed and elaborated once in ``folder``.

    Parameters
    ----------
    base, size : int
        The memory, bytes; also the window that :meth:`run` opens.
    pause : int
        A channel of the memory rests in one of so many cycles; 0 never.
    """

    def __init__(self, config: Config, folder: Path, base: int, size: int, pause: int = 0):
        self.config, self.folder, self.base, self.size = config, folder, base, size
        convert(config, folder, "vhdl")
        declarations, pins = _signals(config)
        text = (Path(__file__).parents[1] / "data" / "vhdl_bench.vhd").read_text()
        for name, value in {
            "SIGNALS": declarations, "PINS": pins, "BASE": base, "SIZE": size, "PAUSE": pause,
            "BUS_BYTES": config.bus_bytes, "LIMIT": LIMIT,
        }.items():
            text = text.replace(f"@{name}@", str(value))
        (folder / "bench.vhd").write_text(text)
        self._ghdl("-a", CONVERTED_PACKAGE, "myvta_core.vhd", "bench.vhd")
        self._ghdl("-e", "bench")

    def _ghdl(self, verb: str, *arguments: str) -> None:
        done = subprocess.run(
            ["ghdl", verb, "--std=08", *arguments], cwd=self.folder, capture_output=True,
            text=True, check=False,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

    def run(
        self, image: bytes, writes: Sequence[tuple[int, int]], reads: Sequence[int]
    ) -> tuple[dict[int, int], bytes]:
        """Open the window, write registers, launch, wait; return registers and memory."""
        assert len(image) == self.size
        script = [(Reg.WINDOW_BASE, self.base), (Reg.WINDOW_LIMIT, self.base + self.size - 1)]
        lines = [f"W {offset:04X} {value:08X}" for offset, value in [*script, *writes]]
        lines += [f"W {Reg.CONTROL:04X} {int(Status.LAUNCH):08X}", f"P {Reg.CONTROL:04X} 00000001"]
        lines += [f"R {offset:04X} 00000000" for offset in reads]
        (self.folder / "script.txt").write_text("\n".join(lines) + "\n")
        (self.folder / "memory.txt").write_text("".join(
            image[at : at + _LINE][::-1].hex().upper() + "\n" for at in range(0, self.size, _LINE)
        ))
        for name in ("registers.out", "memory.out"):
            (self.folder / name).unlink(missing_ok=True)
        self._ghdl("-r", "bench", "--assert-level=error", "--ieee-asserts=disable-at-0")
        values = [int(line, 16) for line in (self.folder / "registers.out").read_text().split()]
        memory = b"".join(
            bytes.fromhex(line)[::-1] for line in (self.folder / "memory.out").read_text().split()
        )
        assert len(values) == len(reads) and len(memory) == self.size
        return dict(zip(reads, values, strict=True)), memory
