"""The table of passes in the documentation is that of the list."""

from __future__ import annotations

from pathlib import Path

from golden_files import compare_with_section

from myvta.compiler.compile import PASSES
from myvta.compiler.pipeline import model_passes, network_stages

DOCS = Path(__file__).parents[4] / "docs/compiler.md"
HEAD = "| pass | from | to | work |\n"


def test_docs_have_the_table_of_passes() -> None:
    rows = [
        f"| `{item.name}` | `{item.source}` | `{item.target}` | {item.doc} |\n" for item in PASSES]
    compare_with_section(DOCS, HEAD, HEAD + "|---|---|---|---|\n" + "".join(rows))


def test_passes_are_a_chain_of_documented_representations() -> None:
    for before, after in zip(PASSES, PASSES[1:], strict=False):
        assert before.target == after.source
    for item in PASSES:
        ir = getattr(model_passes, item.target, None) or getattr(network_stages, item.target)
        assert ir.__doc__
    assert len({item.name for item in PASSES}) == len(PASSES)
