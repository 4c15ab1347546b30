"""Ports of the core's top module, as the converted Verilog names them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Port", "ports"]


@dataclass(frozen=True)
class Port:
    """One port: width in bits; ``driven`` when the device drives it (an output)."""

    name: str
    width: int
    driven: bool


_LITE = (
    "awaddr 16 in", "awvalid 1 in", "awready 1 out", "wdata 32 in", "wstrb 4 in", "wvalid 1 in",
    "wready 1 out", "bresp 2 out", "bvalid 1 out", "bready 1 in", "araddr 16 in", "arvalid 1 in",
    "arready 1 out", "rdata 32 out", "rresp 2 out", "rvalid 1 out", "rready 1 in",
)
_MEMORY = (
    "awaddr 32 out", "awlen 8 out", "awsize 3 out", "awburst 2 out", "awvalid 1 out",
    "awready 1 in", "wdata BUS out", "wstrb LANES out", "wlast 1 out", "wvalid 1 out",
    "wready 1 in", "bresp 2 in", "bvalid 1 in", "bready 1 out", "araddr 32 out", "arlen 8 out",
    "arsize 3 out", "arburst 2 out", "arvalid 1 out", "arready 1 in", "rdata BUS in",
    "rresp 2 in", "rlast 1 in", "rvalid 1 in", "rready 1 out",
)


def ports(bus_width: int) -> tuple[Port, ...]:
    """Return the ports of a core whose memory port has ``bus_width`` bits."""
    widths = {"BUS": bus_width, "LANES": bus_width // 8}
    table = [Port("clock", 1, False), Port("reset", 1, False), Port("interrupt", 1, True)]
    for prefix, rows in (("s_axi_", _LITE), ("m_axi_", _MEMORY)):
        for row in rows:
            name, width, direction = row.split()
            bits = widths[width] if width in widths else int(width)
            table.append(Port(prefix + name, bits, direction == "out"))
    return tuple(table)
