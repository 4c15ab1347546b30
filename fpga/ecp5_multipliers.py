"""ECP5: fold the register after a multiplier into the multiplier.

Every output of a MULT18X18D has its own register (Lattice FPGA-TN-02205, sysDSP).  Without it, the
product leaves the multiplier late and still has to be routed to a flip-flop nearby.  yosys folds no
register into these multipliers, so this module does, in the netlist that yosys writes
(``write_json``), before nextpnr reads it.

A register is folded when every used output of the multiplier drives only a flip-flop, and all of
these are alike: same rising clock, always enabled, never set or reset.  Others remain unchanged,
and so do multipliers with a register already in use.  A register with an enable is excluded because
nextpnr writes no bits that choose an enable for an output register.  ``CE0`` is tied to 1 and
``RST0`` to 0.  After power-up a folded register holds a value that the device determines, so reset
must not depend on it; no product of this project's RTL is used before it was computed.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Folded", "fold_output_registers"]

MULTIPLIER, FLIP_FLOP = "MULT18X18D", "TRELLIS_FF"
_REGISTER = {"REG_OUTPUT_CLK": "CLK0", "REG_OUTPUT_CE": "CE0", "REG_OUTPUT_RST": "RST0"}
_CLOCKED = re.compile("REG_.*_CLK")  # selects the clock of a register of the multiplier


@dataclass
class Folded:
    """Result of :func:`fold_output_registers`.

    ``multipliers``: those whose registers were folded; ``flip_flops``: those removed thereby;
    ``unfolded``: multipliers left unchanged, by reason.
    """

    multipliers: int = 0
    flip_flops: int = 0
    unfolded: Counter[str] = field(default_factory=Counter)


def fold_output_registers(netlist: dict[str, Any], module: str) -> Folded:
    """Fold the registers of one flattened module of a netlist of yosys, in place.

    Raises ValueError when the netlist has no such module.
    """
    modules = netlist.get("modules", {})
    if module not in modules:
        raise ValueError(
            f"expected a netlist of yosys (write_json) with module {module}, it has "
            f"{', '.join(modules) or 'none'}"
        )
    cells = modules[module]["cells"]
    sinks = _sinks(modules[module])
    done = Folded()
    for cell in [cell for cell in cells.values() if cell["type"] == MULTIPLIER]:
        outputs = {
            port: bits[0]
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] == "output" and sinks.get(bits[0])
        }
        reason = _unfolded_reason(cell, outputs, sinks, cells)
        if reason:
            done.unfolded[reason] += 1
            continue
        names = {port: sinks[bit][0][0] for port, bit in outputs.items()}
        clock = cells[next(iter(names.values()))]["connections"]["CLK"]
        for port, name in names.items():
            cell["connections"][port] = cells.pop(name)["connections"]["Q"]
        _connect(cell, CLK0=list(clock), CE0=["1"], RST0=["0"])
        cell["parameters"].update(_REGISTER)
        done.multipliers += 1
        done.flip_flops += len(names)
    return done


def _sinks(module: dict[str, Any]) -> dict[int | str, list[tuple[str, str]]]:
    """Return cell and port of each reader of each net; a port of the module is cell ``""``."""
    sinks: dict[int | str, list[tuple[str, str]]] = defaultdict(list)
    for name, cell in module["cells"].items():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "output":
                for bit in bits:
                    sinks[bit].append((name, port))
    for port, wires in module["ports"].items():
        if wires["direction"] != "input":
            for bit in wires["bits"]:
                sinks[bit].append(("", port))
    return sinks


def _unfolded_reason(
    cell: dict[str, Any], outputs: dict[str, Any], sinks: Any, cells: dict[str, Any]
) -> str:
    """Return why the outputs of a multiplier have no register to fold, ``""`` if they have."""
    clocked = [name for name in cell["parameters"] if _CLOCKED.fullmatch(name)]
    if any(cell["parameters"][name] != "NONE" for name in clocked):
        return "one of its registers is in use"  # and with it possibly CLK0, CE0 and RST0
    if not outputs:
        return "no output is used"
    if any(not port.removeprefix("P").isdigit() for port in outputs):
        return "an output other than the product is used"
    clocks, reads = set(), [sinks[bit] for bit in outputs.values()]
    if any(len(read) > 1 for read in reads):
        return "an output has more than one reader"
    for ((name, port),) in reads:
        register = cells.get(name)
        if register is None or register["type"] != FLIP_FLOP or port != "DI":
            return "an output is not registered"
        parameters, connections = register["parameters"], register["connections"]
        if parameters["CEMUX"].strip() != "1":
            return "the register has an enable"
        if connections.get("LSR", ["0"]) != ["0"] or parameters["LSRMUX"] != "LSR":
            return "the register has a set or reset"
        if parameters["CLKMUX"] != "CLK" or parameters["REGSET"] != "RESET":
            return "the register has a falling clock or starts at one"
        clocks.add(connections["CLK"][0])
    return "" if len(clocks) == 1 else "registers on different clocks"


def _connect(cell: dict[str, Any], **nets: list[Any]) -> None:
    """Connect inputs of a cell."""
    for port, bits in nets.items():
        cell["connections"][port] = bits
        cell["port_directions"][port] = "input"
