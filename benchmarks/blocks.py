"""Cells of a netlist by block of the source, from the names of the nets that survive in it.

The map that conversion writes next to the Verilog (``myvta_core.map.json``) tells which instance
drives a net.  A memory belongs to the block whose array it is, any other cell that drives a named
net to the block that drives it in the source; of several names of one net, a register's decides,
then the innermost block's, and blocks that only wire (``join``, ``take``) never do.  A cell without
a name at its outputs belongs to the block of most of the cells that it feeds.  Instances of one
block in one parent are counted together.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path as File
from typing import Any

from myvta.rtl.convert import MAP_SUFFIX

__all__ = ["COLUMNS", "KINDS", "Path", "Usage", "by_block", "fold", "fpga_amounts", "show"]

Path = tuple[str, ...]  # functions of the source from below the core to the block
Usage = Counter[str]  # amounts by kind: lut, ff, dsp, bram
_WIRING = frozenset({"join", "pack", "split", "take"})  # of rtl/lib/pack.py
_UNNAMED: Path = ("(no name)",)
_NUMBERS = re.compile(r"\d+(_\d+)?$")  # of an instance: its own, and where that is taken another
COLUMNS = {"lut": "LUT", "ff": "FF", "dsp": "DSP48E1", "bram": "RAMB36"}
KINDS = {  # cell type: the kind it counts as, and how much
    **{f"LUT{n}": ("lut", 1) for n in range(1, 7)}, "INV": ("lut", 1),
    "RAM32M": ("lut", 4), "RAM64M": ("lut", 4), "RAM32X1D": ("lut", 2), "RAM64X1D": ("lut", 2),
    "RAM128X1D": ("lut", 4), "SRL16E": ("lut", 1), "SRLC32E": ("lut", 1),
    **dict.fromkeys(("FDRE", "FDSE", "FDCE", "FDPE", "TRELLIS_FF"), ("ff", 1)),
    "RAMB36E1": ("bram", 1), "RAMB18E1": ("bram", 0.5), "DP16KD": ("bram", 1),
    "PDPW16KD": ("bram", 1), "DSP48E1": ("dsp", 1), "MULT18X18D": ("dsp", 1),
    "CCU2C": ("lut", 2), "TRELLIS_DPR16X4": ("lut", 6),
}


def fpga_amounts(cell: str) -> dict[str, float]:
    """Return what a cell of an FPGA counts as."""
    return dict([KINDS[cell]]) if cell in KINDS else {}


def by_block(
    module: dict[str, Any], verilog: File, amounts_of: Callable[[str], dict[str, float]],
) -> dict[Path, Usage]:
    """Count the cells of a netlist by block.

    Parameters
    ----------
    module : dict
        The module of a netlist of yosys (``write_json``).
    verilog : Path
        The converted file, next to its map.
    amounts_of : callable
        Returns the amounts by kind of a cell's type; nothing if it is not counted.
    """
    drivers = _drivers(json.loads(verilog.with_suffix(MAP_SUFFIX).read_text())["blocks"])
    owners = _owners(module["netnames"], drivers, _registers(verilog.read_text()))
    cells: dict[str, Path] = {}
    sinks: dict[str, Counter[str]] = {}
    readers: dict[Any, list[str]] = defaultdict(list)
    for name, cell in module["cells"].items():
        for bit in _bits(cell, "input"):
            readers[bit].append(name)
    for name, cell in module["cells"].items():
        outputs = list(_bits(cell, "output"))
        named = Counter(owners[bit] for bit in outputs if bit in owners)
        array = name.partition(".")[0]  # memories are named array.x.y
        if array in drivers:
            cells[name] = drivers[array]
        elif named:
            cells[name] = _most(named)
        else:
            sinks[name] = Counter(one for bit in outputs for one in readers[bit] if one != name)
    _propagate(cells, sinks)
    usage: dict[Path, Usage] = defaultdict(Counter)
    for name, cell in module["cells"].items():
        amounts = amounts_of(cell["type"])
        if amounts:
            usage[cells.get(name, _UNNAMED)].update(amounts)
    return dict(usage)


def _bits(cell: dict[str, Any], direction: str) -> Iterable[Any]:
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == direction:
            yield from (bit for bit in bits if not isinstance(bit, str))  # str: a constant


def _drivers(blocks: dict[str, Any]) -> dict[str, Path]:
    """Return the block that drives each net: of concatenations, the innermost that sees it."""
    seen, drivers = {}, {}
    for path, entry in sorted(blocks.items(), key=lambda item: item[0].count(".")):
        functions = tuple(_NUMBERS.sub("", one) for one in path.split("."))
        seen |= dict.fromkeys(entry["nets"].values(), functions)
        drivers |= dict.fromkeys(entry["drives"], functions)
    return seen | drivers


def _registers(verilog: str) -> frozenset[str]:
    return frozenset(re.findall(r"^(?:output )?reg .*?(\w+)(?: \[[^]]*\])?;", verilog, re.M))


def _owners(
    netnames: dict[str, Any], drivers: dict[str, Path], registers: frozenset[str]
) -> dict[Any, Path]:
    best: dict[Any, tuple[tuple[bool, bool, int, Path], Path]] = {}
    for net, entry in netnames.items():
        path = drivers.get(net)
        if path is None:
            continue
        wiring = path[-1] in _WIRING
        rank = (not wiring, net in registers, len(path), path)
        while len(path) > 1 and path[-1] in _WIRING:
            path = path[:-1]
        for bit in entry["bits"]:
            if bit not in best or rank > best[bit][0]:
                best[bit] = rank, path
    return {bit: path for bit, (_, path) in best.items()}


def _most(named: Counter[Path]) -> Path:
    return max(named, key=lambda path: (named[path], path))


def _propagate(cells: dict[str, Path], sinks: dict[str, Counter[str]]) -> None:
    """Give unnamed cells the block of most of their sinks, the last cells of a cone first."""
    while sinks:
        ready = [name for name, feeds in sinks.items() if feeds and all(s in cells for s in feeds)]
        if not ready:  # sinks without an owner: a loop of unnamed cells, or nothing
            ready = [name for name, feeds in sinks.items() if any(s in cells for s in feeds)]
        if not ready:
            return
        for name in ready:
            votes: Counter[Path] = Counter()
            for sink, number in sinks.pop(name).items():
                if sink in cells:
                    votes[cells[sink]] += number
            cells[name] = _most(votes)


def fold(usage: dict[Path, Usage], share: float) -> dict[Path, Usage]:
    """Add blocks below ``share`` of every total to the block around them; keeps the totals."""
    totals = _sum(usage.values())
    rows: dict[Path, Usage] = {
        path[:length]: Counter() for path in usage for length in range(1, len(path))
    }
    for path, amounts in usage.items():
        rows.setdefault(path, Counter()).update(amounts)
    for path in sorted(rows, key=len, reverse=True):
        small = all(amount < share * totals[kind] for kind, amount in rows[path].items())
        if small and len(path) > 1 and not any(other[:-1] == path for other in rows):
            rows[path[:-1]].update(rows.pop(path))
    return rows


def _sum(usages: Iterable[Usage]) -> Usage:
    total: Usage = Counter()
    for one in usages:
        total.update(one)
    return total


def show(rows: dict[Path, Usage], columns: dict[str, str]) -> str:
    """Return a table of blocks, each indented below the block around it, and the totals.

    Parameters
    ----------
    rows : dict
        Of :func:`fold`: a row excludes the rows below it.
    columns : dict
        Heading of each kind.
    """
    names = {path: "  " * (len(path) - 1) + path[-1] for path in rows}
    width = max(len("block"), *map(len, names.values()))
    lines = [
        f"{'block':<{width}}" + "".join(f"  {head:>8}" for head in columns.values()),
        "-" * width + "  --------" * len(columns),
    ]
    for path in sorted(rows):
        lines.append(f"{names[path]:<{width}}" + _amounts(rows[path], columns))
    lines.append(f"{'total':<{width}}" + _amounts(_sum(rows.values()), columns))
    return "\n".join(line.rstrip() for line in lines)


def _amounts(usage: Usage, columns: dict[str, str]) -> str:
    cells = (f"{usage[kind]:,.10g}" if usage[kind] else "-" for kind in columns)
    return "".join(f"  {cell:>8}" for cell in cells)
