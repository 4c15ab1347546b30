"""The table of operators in docs/operators.md, generated from the registry.

    python -m myvta.compiler.operators.operator_docs docs/operators.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from .registry import OPERATORS

__all__ = ["BEGIN", "END", "operator_table", "with_table"]

BEGIN = (
    "<!-- made by `python -m myvta.compiler.operators.operator_docs docs/operators.md`; "
    "change compiler/operators/, not this table -->"
)
END = "<!-- end of the table -->"


def operator_table() -> str:
    """Return the table as Markdown, one row per operator."""
    rows = ["| operator | from ONNX | integers | steps |", "|---|---|---|---|"]
    for name, operator in OPERATORS.items():
        docs = operator.docs
        rows.append(f"| {name} | {docs.sources} | {docs.integers} | {docs.steps} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """Return a page with the table between its two markers.

    Raises
    ------
    ValueError
        The page does not have both markers in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page must hold {BEGIN!r} and, after it, {END!r}")
    return f"{before}{BEGIN}\n\n{operator_table()}\n\n{END}{after}"


def main(paths: list[str]) -> None:
    """Rewrite the table in the pages."""
    for path in map(Path, paths):
        path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
