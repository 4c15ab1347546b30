"""Replay of a MyHDL simulation on the converted text: same inputs, same outputs, every cycle.

The converter is silent where its output differs from the simulation (style.md section 3), so a
block's ports are recorded at each clock edge and Icarus (Verilog) or GHDL (VHDL) compares.
"""

import subprocess

from myvta.rtl.convert import CONVERTED_PACKAGE

__all__ = ["Recorder", "replay_verilog", "replay_vhdl"]


class Recorder:
    """Values of a block's ports, cycle by cycle; both maps go from converted names to signals.

    Outputs named in ``memories`` show memory contents, unknown in the text until written.
    """

    def __init__(self, inputs, outputs, memories=()):
        self.inputs, self.outputs, self.memories = inputs, outputs, memories
        self.rows = []

    def edge(self):
        """Record the cycle that ends."""
        self.rows.append([
            "".join(f"{int(s):0{len(s)}b}" for s in ports.values())
            for ports in (self.inputs, self.outputs)
        ])

    def write(self, path):
        path.write_text("".join(f"{a}{b}\n" for a, b in self.rows))
        return sum(len(s) for s in self.inputs.values()), len(self.rows[0][1])


def replay_verilog(recorder, source, folder):
    """Run the recorded cycles on a Verilog module; returns the report, empty when equal."""
    name, bench = source.stem, folder / "replay.v"
    wide, narrow = recorder.write(folder / "vectors.txt")
    inputs = ", ".join(recorder.inputs)
    expected = ", ".join(f"expected_{port}" for port in recorder.outputs)
    compare = [
        f'if ({port} {"!=" if port in recorder.memories else "!=="} expected_{port}) begin '
        f'$display("cycle %0d: {port} is %h, expected %h", cycle, {port}, expected_{port}); '
        "$finish; end"
        for port in recorder.outputs
    ]
    declare = [
        f"{kind} [{(len(s)) - 1}:0] {port};"
        for kind, ports in (("reg", recorder.inputs), ("wire", recorder.outputs))
        for port, s in ports.items()
    ]
    declare += [f"reg [{len(s) - 1}:0] expected_{p};" for p, s in recorder.outputs.items()]
    connect = ", ".join(f".{p}({p})" for p in ["clock", "reset", *recorder.inputs, *recorder.outputs])
    bench.write_text(f"""
module replay;
reg clock, reset; reg [{wide + narrow - 1}:0] vectors [0:{len(recorder.rows) - 1}];
integer cycle;
{chr(10).join(declare)}
{name} dut({connect});
initial begin
  $readmemb("{folder / 'vectors.txt'}", vectors);
  reset = 1; clock = 0; {{{inputs}}} = 0;
  repeat (3) begin #5 clock = 1; #5 clock = 0; end
  reset = 0; #5 clock = 1; #5 clock = 0;  // as rtl_bench.simulate does
  for (cycle = 0; cycle < {len(recorder.rows)}; cycle = cycle + 1) begin
    {{{inputs}, {expected}}} = vectors[cycle];
    #4
    {chr(10).join(compare)}
    #1 clock = 1; #5 clock = 0;
  end
end
endmodule
""")
    program = folder / "replay.vvp"
    for command in (
        ["iverilog", "-g2005", "-o", str(program), str(bench), str(source)], ["vvp", str(program)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def replay_vhdl(recorder, source, folder):
    """Run the recorded cycles on a VHDL entity; returns the report, empty when equal."""
    name, bench = source.stem, folder / "replay.vhd"
    wide, narrow = recorder.write(folder / "vectors.txt")

    def kind(signal):
        return f"unsigned({len(signal) - 1} downto 0)" if not isinstance(signal.val, bool) else "std_logic"

    def zeros(signal):
        return "'0'" if isinstance(signal.val, bool) else "(others => '0')"

    declare = [
        f"signal {port}: {kind(s)};"
        for ports in (recorder.inputs, recorder.outputs) for port, s in ports.items()
    ]
    drive, at = [], wide + narrow
    compare = []
    for port, s in {**recorder.inputs, **recorder.outputs}.items():
        width = len(s)
        part = f"word({at - 1} downto {at - width})" if not isinstance(s.val, bool) else f"word({at - 1})"
        part = part if isinstance(s.val, bool) else f"unsigned({part})"
        at -= width
        if port in recorder.inputs:
            drive.append(f"{port} <= {part};")
        else:
            unknown = f"is_x({port}) or " if port in recorder.memories else ""
            compare.append(
                f'assert {unknown}{port} = {part} report "cycle " & integer\'image(cycle) & " {port}" '
                "severity failure;"
            )
    zero = "\n".join(
        f"{port} <= {zeros(s)};"
        for port, s in recorder.inputs.items()
    )
    connect = ", ".join(
        f"{p} => {p}" for p in ["clock", "reset", *recorder.inputs, *recorder.outputs]
    )
    bench.write_text(f"""
library ieee; use ieee.std_logic_1164.all; use ieee.numeric_std.all; use std.textio.all;
entity replay is end entity;
architecture test of replay is
signal clock, reset: std_logic := '0';
{chr(10).join(declare)}
begin
dut: entity work.{name} port map ({connect});
process
  file vectors: text open read_mode is "{folder / 'vectors.txt'}";
  variable row: line; variable word: std_logic_vector({wide + narrow - 1} downto 0);
  variable cycle: integer := 0;
begin
  reset <= '1';
{zero}
  for i in 1 to 3 loop
    wait for 5 ns; clock <= '1'; wait for 5 ns; clock <= '0';
  end loop;
  reset <= '0'; wait for 5 ns; clock <= '1'; wait for 5 ns; clock <= '0';
  while not endfile(vectors) loop
    readline(vectors, row); read(row, word);
    {chr(10).join(drive)}
    wait for 4 ns;
    {chr(10).join(compare)}
    wait for 1 ns; clock <= '1'; wait for 5 ns; clock <= '0';
    cycle := cycle + 1;
  end loop;
  wait;
end process;
end architecture;
""")
    options = ["--std=08", f"--workdir={folder}"]
    files = [str(source.with_name(CONVERTED_PACKAGE)), str(source), str(bench)]
    subprocess.run(["ghdl", "-a", *options, *files], capture_output=True, text=True, check=True)
    program = str(folder / "replay")
    subprocess.run(["ghdl", "-e", *options, "-o", program, "replay"], check=True, cwd=folder)
    done = subprocess.run(
        ["ghdl", "-r", *options, "replay", "--ieee-asserts=disable"], capture_output=True,
        text=True, check=False, cwd=folder,
    )
    return (done.stdout + done.stderr).strip()
