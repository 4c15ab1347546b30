"""The drawings of ARCHITECTURE.md, made from the imports.

    python tests/support/room_drawing.py --write

replaces the text between the markers ``<!-- rooms: NAME -->`` and ``<!-- end -->`` by a Mermaid
flowchart of the rooms of part NAME, or of all parts for NAME ``parts``.  An arrow runs from a room
to one that it imports; arrows that follow from others are left out.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

import rooms

__all__ = ["DRAWN", "PAGE", "drawing", "edges", "page", "reduced"]

PAGE = rooms.ROOT / "ARCHITECTURE.md"
DRAWN = ("parts", "compiler", "driver", "rtl")
Edges = set[tuple[str, str]]

_SECTION = re.compile(r"(<!-- rooms: (\w+) -->\n).*?(<!-- end -->)", re.S)


def edges(name: str) -> Edges:
    """Return the arrows of a drawing: between parts, or between the rooms of one part."""
    pairs = rooms.arrows()
    if name == "parts":
        parts = {(source.split(".")[0], target.split(".")[0]) for source, target in pairs}
        return {(source, target) for source, target in parts if source != target}
    return {
        (source, target) for source, target in pairs
        if source.split(".")[0] == target.split(".")[0] == name
    }


def reduced(arrows: Edges) -> Edges:
    """Return the arrows that do not follow from others (the transitive reduction)."""
    targets: dict[str, set[str]] = {}
    for source, target in arrows:
        targets.setdefault(source, set()).add(target)

    def reachable(room: str) -> set[str]:
        return {room}.union(*map(reachable, targets.get(room, ())))

    return {
        (source, target) for source, target in arrows
        if not any(target in reachable(other) for other in targets[source] - {target})
    }


def drawing(name: str) -> str:
    """Return the Mermaid text of a drawing, in a fence."""
    arrows = reduced(edges(name))
    nodes = rooms.PARTS if name == "parts" else sorted(
        room for floor in rooms.FLOORS for room in floor if room.split(".")[0] == name
    )
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {_key(node)}["{node.replace(".", "/")}/"]' for node in nodes]
    lines += [f"    {_key(source)} --> {_key(target)}" for source, target in sorted(arrows)]
    return "\n".join([*lines, "```", ""])


def _key(room: str) -> str:
    return room.replace(".", "_")


def page(text: str) -> str:
    """Return the text of the page with its drawings made again."""
    return _SECTION.sub(lambda part: part[1] + drawing(part[2]) + part[3], text)


def main(arguments: Iterable[str]) -> None:
    """Print the page's drawings, or write them into it."""
    if "--write" in arguments:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return
    for name in DRAWN:
        print(drawing(name))


if __name__ == "__main__":
    main(sys.argv[1:])
