"""Names, comments and a map for converted text, so that a reader finds a signal of the source.

MyHDL names a net after the first block with a process that uses it, with the whole path to it.
Here a net is named after the outermost block that has it.  A member of a bundle keeps its name
there, ``s6_imm`` for ``s[6].imm``, if no other net has it; everything else is prefixed with the
name of its block, with the number of the instance if there are several: ``queue3_stored``.
Verilog and VHDL get the same names.

Each block's docstring begins a comment above its first process, with the path of the instance; and
:func:`net_map` lists, for each instance, the signals it sees, the nets they are, and the nets that
its own processes drive.

This hooks into MyHDL between the analysis of a design and its output (``_analyzeSigs``).
"""

from __future__ import annotations

import keyword
from collections import Counter
from collections.abc import Iterator
from typing import Any

from myhdl import SignalType
from myhdl.conversion import _toVerilog, _toVHDL
from myhdl.conversion._VHDLNameValidation import _vhdl_keywords

__all__ = ["NetNames", "local_signals"]

_PACKAGE = __name__.split(".")[0]
_VERILOG_KEYWORDS = frozenset(
    "always and assign begin buf case deassign default disable else end endcase endfunction "
    "endmodule event for force forever function if initial inout input integer join macromodule "
    "module nand negedge nor not or output parameter posedge reg release repeat scalared signed "
    "small specify strong supply table task time tri unsigned vectored wait wand weak while wire "
    "wor xnor xor".split()
)
_RESERVED = frozenset((*_vhdl_keywords, *_VERILOG_KEYWORDS, *keyword.kwlist))
_DEPTH = 4  # of nested bundles and lists

Path = tuple[str, str]  # of a signal in its block: as in the source, and with underscores


def local_signals(names: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield the signals and memories in the local names of a block, bundles and lists included."""
    for name, value in names.items():
        if not name.startswith("_"):
            yield from _open(name, name, value, _DEPTH)


def _open(source: str, net: str, value: Any, depth: int) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, SignalType):
        yield (source, net), value
    elif depth and isinstance(value, (list, tuple)):
        if value and all(isinstance(one, SignalType) for one in value):
            yield (source, net), value  # perhaps a memory
        for number, one in enumerate(value):
            separator = "_" if net[-1].isdigit() else ""
            yield from _open(f"{source}[{number}]", f"{net}{separator}{number}", one, depth - 1)
    elif depth and type(value).__module__.split(".")[0] == _PACKAGE and hasattr(value, "__dict__"):
        for name, one in vars(value).items():
            yield from _open(f"{source}.{name}", f"{net}_{name}", one, depth - 1)


class NetNames:
    """Names the nets of the one design that this process converts; ``map`` describes them."""

    def __init__(self) -> None:
        self.map: dict[str, Any] = {}
        self._nets: dict[int, str] = {}
        self._processes: list[Any] = []
        self._trees: list[Any] = []
        self._symbols: dict[int, dict[str, Any]] = {}

    def install(self) -> None:
        """Hook into MyHDL's next conversion."""
        for module in (_toVerilog, _toVHDL):
            self._wrap(module)

    def _wrap(self, module: Any) -> None:
        analyze_processes, analyze_signals = module._analyzeGens, module._analyzeSigs

        def analyze_gens(top: list[Any], labels: dict[int, str]) -> list[Any]:
            self._processes, self._trees = top, analyze_processes(top, labels)
            return self._trees

        def analyze_sigs(hierarchy: list[Any], hdl: str = "Verilog") -> tuple[Any, Any]:
            signals, memories = analyze_signals(hierarchy, hdl=hdl)
            self._rename(hierarchy, signals, memories, hdl)
            self._comment(hierarchy)
            return signals, memories

        module._analyzeGens, module._analyzeSigs = analyze_gens, analyze_sigs

    def _rename(
        self, hierarchy: list[Any], signals: list[Any], memories: list[Any], hdl: str
    ) -> None:
        nets = {id(signal): signal for signal in signals}
        nets |= {id(memory.mem): memory for memory in memories if memory._used}
        members = {id(one) for memory in memories if memory._used for one in memory.mem}
        ports = {id(value): name for (_, name), value in self._ports(hierarchy[0].obj)}
        candidates: dict[int, tuple[str, str]] = {}  # name without and with the block's
        instances = Counter(inst.obj.func.__name__ for inst in hierarchy)
        for inst in hierarchy:
            name = inst.obj.func.__name__
            block = name if instances[name] == 1 else inst.name
            here: dict[int, tuple[str, str]] = {}
            for (source, net), value in local_signals(self._locals(inst.obj)):
                key = id(value)
                if key not in nets or key in ports or key in members or key in candidates:
                    continue
                bare = "." in source or inst is hierarchy[0]
                names = net if bare else f"{block}_{net}", f"{block}_{net}"
                if key not in here or len(names[0]) < len(here[key][0]):
                    here[key] = names
            candidates |= here
        taken = {name.lower() for name in ports.values()} | _RESERVED
        for tree in self._trees:  # labels, and the processes' own variables
            taken |= {tree.name.lower(), *(name.lower() for name in tree.vardict)}
        taken |= {
            _name(net).lower() for key, net in nets.items()
            if key not in candidates and key not in ports
        }
        wanted = Counter(short.lower() for short, _ in candidates.values())
        for key, (short, qualified) in candidates.items():
            choice = short if wanted[short.lower()] == 1 and short.lower() not in taken else (
                qualified
            )
            if choice.lower() in taken:
                continue  # MyHDL's own name is unique
            taken.add(choice.lower())
            _set_name(nets[key], choice, hdl)
        self._nets = {key: _name(net) for key, net in nets.items()} | ports

    def _comment(self, hierarchy: list[Any]) -> None:
        """Put the head of each block's docstring above its first process."""
        trees = self._trees_of_processes()
        top = hierarchy[0].obj
        pending: list[str] = []

        def walk(block: Any, path: str) -> None:
            head = (block.func.__doc__ or "").strip().partition("\n")[0]
            self.map[path] = {"block": block.func.__name__, "text": head, "instance": block}
            if block is not top:
                pending.append(f"{path}: {head}")
            for sub in block.subs:
                if hasattr(sub, "subs"):
                    walk(sub, f"{path}.{sub.name}" if block is not top else sub.name)
                elif pending and id(sub) in trees:
                    node = trees[id(sub)].body[0]
                    node.doc = "\n".join((*pending, *filter(None, [node.doc])))
                    pending.clear()

        walk(top, top.func.__name__)

    def net_map(self, text: str) -> dict[str, Any]:
        """Return, by path of instance, its block, docstring head, and nets by name in the source.

        ``drives`` lists the nets assigned in the instance's own processes, not in its sub-blocks.
        Only nets that are declared in the converted ``text`` count.
        """
        declared = set(_identifiers(text))
        described, trees = {}, self._trees_of_processes()
        for path, entry in self.map.items():
            found = {
                source: self._nets[id(value)]
                for (source, _), value in local_signals(self._locals(entry["instance"]))
                if self._nets.get(id(value)) in declared
            }
            driven = {self._nets.get(key) for key in _driven(entry["instance"], trees)}
            described[path] = {
                "block": entry["block"], "text": entry["text"], "nets": found,
                "drives": sorted(name for name in driven if name in declared),
            }
        return described

    def _trees_of_processes(self) -> dict[int, Any]:
        """Return MyHDL's annotated syntax trees by the key of their process."""
        return dict(zip(map(id, self._processes), self._trees, strict=True))

    def _locals(self, block: Any) -> dict[str, Any]:
        if id(block) not in self._symbols:
            names: dict[str, Any] = {}
            for sub in block.subs:
                names |= sub.callinfo.symdict
            scope = block.func.__globals__
            self._symbols[id(block)] = {
                name: value for name, value in names.items()
                if name not in scope or scope[name] is not value
            }
        return self._symbols[id(block)]

    @staticmethod
    def _ports(top: Any) -> list[tuple[Path, Any]]:
        names = dict(zip(top.func.__code__.co_varnames, top.args, strict=False)) | top.kwargs
        return list(local_signals(names))


def _driven(block: Any, trees: dict[int, Any]) -> Iterator[int]:
    """Yield the keys of the signals and memories that a block's own processes assign."""
    for process in block.subs:
        tree = trees.get(id(process))
        if tree is not None:
            yield from (id(tree.sigdict[name]) for name in tree.outputs)
            yield from (id(tree.symdict[name]) for name in tree.outmems)


def _identifiers(text: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in text).split()


def _name(net: Any) -> str:
    return net._name if isinstance(net, SignalType) else net.name


def _set_name(net: Any, name: str, hdl: str) -> None:
    if isinstance(net, SignalType):
        net._name = name
        for part in net._slicesigs:
            part._setName(hdl)
        return
    net.name = name
    opening, closing = "()" if hdl == "VHDL" else "[]"
    for number, one in enumerate(net.mem):
        one._name = f"{name}{opening}{number}{closing}"
