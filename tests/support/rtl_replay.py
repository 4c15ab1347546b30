"""Replay a block's MyHDL simulation on its converted Verilog (Icarus) and VHDL (GHDL).

A recorder notes every port in every cycle of a simulation.  The converted text is then driven with
the same inputs and must show the same outputs before every clock edge.  Bits that are unknown
there (memories and data registers before their first write) are not compared, but outputs whose
names end in one of ``known`` must always be known.
"""

from __future__ import annotations

import inspect
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from myhdl import SignalType

from myvta.rtl.convert import CONVERTED_PACKAGE

__all__ = ["Recorder", "replay"]

_PORT = re.compile(r"^(input|output)\s+(?:\[(\d+):0\]\s*)?(\w+);", re.MULTILINE)
Ports = list[tuple[str, int]]  # name, width


class Recorder:
    """Notes all signals of a block's interface; call ``edge`` at each rising clock edge."""

    def __init__(self, block: Any):
        self.signals: dict[str, Any] = {}
        self.rows: list[dict[str, int]] = []
        arguments = inspect.signature(block.func).bind(*block.args, **block.kwargs).arguments
        for name, value in arguments.items():
            self._add(name, value)

    def _add(self, name: str, value: Any) -> None:
        if isinstance(value, SignalType):
            self.signals[name] = value
        elif type(value).__module__.startswith("myvta.rtl"):
            for member, inner in vars(value).items():
                self._add(f"{name}_{member}", inner)

    def edge(self, cycle: int) -> None:
        self.rows.append({name: int(signal) for name, signal in self.signals.items()})


def replay(
    verilog: Path, vhdl: Path, rows: list[dict[str, int]], *, known: tuple[str, ...]
) -> tuple[int, int, int]:
    """Replay on both; return the output bits of the recording, and how many were equal in each."""
    ports = [(way, name, int(high or 0) + 1)
             for way, high, name in _PORT.findall(verilog.read_text())]
    inputs = [(name, width) for way, name, width in ports if way == "input" and name != "clock"]
    outputs = [(name, width) for way, name, width in ports if way == "output"]
    assert outputs, "no outputs to compare"
    folder, top = verilog.parent, verilog.stem
    for kind, chosen in (("inputs", inputs), ("outputs", outputs)):
        digits = _digits(chosen)
        text = "".join(f"{_join(row, chosen):0{digits}x}\n" for row in rows)
        (folder / f"{top}.{kind}").write_text(text)

    (folder / "bench.v").write_text(_verilog(top, inputs, outputs, len(rows), known))
    _run(folder, "iverilog", "-g2005", "-o", "bench.vvp", "bench.v", verilog.name)
    in_verilog = _read(_run(folder, "vvp", "-n", "bench.vvp"), len(rows))

    (folder / "bench.vhd").write_text(_vhdl(top, inputs, outputs, known))
    _run(folder, "ghdl", "-a", "--std=08", CONVERTED_PACKAGE, vhdl.name, "bench.vhd")
    _run(folder, "ghdl", "-e", "--std=08", "bench")
    said = _run(folder, "ghdl", "-r", "--std=08", "bench", "--ieee-asserts=disable")
    return len(rows) * sum(width for _, width in outputs), in_verilog, _read(said, len(rows))


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:2000]
    return done.stdout


def _read(said: str, count: int) -> int:
    assert "MISMATCH" not in said, said[:2000]
    finished = re.search(r"REPLAYED (\d+) EQUAL (\d+)", said)
    assert finished, said[:2000]
    assert int(finished[1]) == count, said[:2000]
    return int(finished[2])


def _digits(ports: Ports) -> int:
    return (sum(width for _, width in ports) + 3) // 4


def _join(row: dict[str, int], ports: Ports) -> int:
    word = position = 0
    for name, width in ports:
        word |= row[name] << position
        position += width
    return word


def _slices(ports: Ports) -> Sequence[tuple[str, int, int]]:
    """Names with the highest and lowest bit in the concatenated word."""
    slices, position = [], 0
    for name, width in ports:
        slices.append((name, position + width - 1, position))
        position += width
    return slices


def _verilog(top: str, inputs: Ports, outputs: Ports, count: int, known: tuple[str, ...]) -> str:
    given, shown = _slices(inputs), _slices(outputs)
    in_high, out_high = given[-1][1], shown[-1][1]
    pins = [f".{name}(given[{high}:{low}])" for name, high, low in given]
    pins += [f".{name}(shown[{high}:{low}])" for name, high, low in shown]
    reset = next(low for name, _, low in given if name == "reset")
    checks = [
        f"    if (shown[{high}:{low}] {'!==' if name.endswith(known) else '!='}"
        f" wanted[{high}:{low}]) $display(\n"
        f'      "MISMATCH cycle %0d {name}: %h, wanted %h",'
        f" i, shown[{high}:{low}], wanted[{high}:{low}]);"
        for name, high, low in shown
    ]
    return f"""
module bench;
reg clock = 0;
reg [{in_high}:0] given, inputs [0:{count - 1}];
reg [{out_high}:0] wanted, outputs [0:{count - 1}];
wire [{out_high}:0] shown;
integer i, k, equal;
{top} dut (.clock(clock), {', '.join(pins)});
task tick; begin #1 clock = 1; #1 clock = 0; end endtask
initial begin
  $readmemh("{top}.inputs", inputs);
  $readmemh("{top}.outputs", outputs);
  given = inputs[0];
  given[{reset}] = 1;  // as rtl_bench.simulate: two cycles of reset, one without
  tick; tick;
  given = inputs[0];
  tick;
  equal = 0;
  for (i = 0; i < {count}; i = i + 1) begin
    given = inputs[i];
    wanted = outputs[i];
    #1;
    for (k = 0; k <= {out_high}; k = k + 1) if (shown[k] === wanted[k]) equal = equal + 1;
{chr(10).join(checks)}
    tick;
  end
  $display("REPLAYED %0d EQUAL %0d", i, equal);
end
endmodule
"""


def _vhdl(top: str, inputs: Ports, outputs: Ports, known: tuple[str, ...]) -> str:
    given, shown = _slices(inputs), _slices(outputs)
    pins = [
        f"{name} => {wires}({low})" if high == low else f"{name} => {wires}({high} downto {low})"
        for wires, slices in (("given", given), ("shown", shown)) for name, high, low in slices
    ]
    reset = next(low for name, _, low in given if name == "reset")
    checks = [
        f'    check("{name}", shown({high} downto {low}), wanted({high} downto {low}),'
        f" {str(name.endswith(known)).lower()});"
        for name, high, low in shown
    ]
    return f"""
library ieee;
use ieee.std_logic_1164.all;
use ieee.numeric_std.all;
use std.textio.all;
entity bench is end;
architecture replay of bench is
  signal clock: std_logic := '0';
  signal given: unsigned({4 * _digits(inputs) - 1} downto 0) := (others => '0');
  signal shown: unsigned({4 * _digits(outputs) - 1} downto 0);
begin
dut: entity work.{top} port map (clock => clock, {', '.join(pins)});
process
  file inputs: text open read_mode is "{top}.inputs";
  file outputs: text open read_mode is "{top}.outputs";
  variable row: line;
  variable word: std_logic_vector(given'range);
  variable result: std_logic_vector(shown'range);
  variable wanted: unsigned(shown'range);
  variable count, equal: natural := 0;
  procedure tick is begin
    wait for 1 ns; clock <= '1'; wait for 1 ns; clock <= '0'; wait for 0 ns;
  end;
  procedure check(name: string; value, wish: unsigned; strict: boolean) is
    alias a: unsigned(value'length - 1 downto 0) is value;
    alias b: unsigned(value'length - 1 downto 0) is wish;
  begin
    for k in a'range loop
      if a(k) = b(k) then equal := equal + 1;
      elsif strict or a(k) = '0' or a(k) = '1' then
        write(output, "MISMATCH cycle " & to_string(count) & " " & name & ": " & to_string(value)
          & ", wanted " & to_string(wish) & LF);
        exit;
      end if;
    end loop;
  end;
begin
  while not endfile(inputs) loop
    readline(inputs, row);
    hread(row, word);
    readline(outputs, row);
    hread(row, result);
    wanted := unsigned(result);
    given <= unsigned(word);
    if count = 0 then
      given({reset}) <= '1';
      tick; tick;
      given <= unsigned(word);
      tick;
    end if;
    wait for 1 ns;
{chr(10).join(checks)}
    tick;
    count := count + 1;
  end loop;
  write(output, "REPLAYED " & to_string(count) & " EQUAL " & to_string(equal) & LF);
  wait;
end process;
end;
"""
