"""The pages agree with the tree, and their examples run."""

import re
from pathlib import Path

import pytest
import rooms

from myvta.cli.main import VERBS

ROOT = Path(__file__).parents[3]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/*.md")]


def test_readme_lists_every_verb():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\| `myvta (\w+)", text, re.M)) == VERBS


def test_readme_lists_every_room():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert rooms <= set(re.findall(r"`(\w+)/`", text))


def test_index_lists_every_page_once():
    index = ROOT / "docs" / "index.md"
    links = re.findall(r"\]\(([^)#]+)\)", index.read_text(encoding="utf-8"))
    listed = [(index.parent / link).resolve() for link in links]
    assert sorted(listed) == sorted(page for page in PAGES if page != index)


def test_references_in_docstrings_name_modules_of_the_tree():
    """A rename that forgets ``:mod:`.old``` leaves readers searching."""
    names = {module.rpartition(".")[2] for module, _ in rooms.modules()}
    known = names | {part for module, _ in rooms.modules() for part in module.split(".")}
    stale = []
    for module, path in rooms.modules():
        text = path.read_text(encoding="utf-8")
        for kind, target in re.findall(r":(mod|class|func|meth|data|attr):`[~!.]*([\w.]+)`", text):
            *parts, last = target.split(".")
            modules = [last] if kind == "mod" else [part for part in parts if part[0].islower()]
            stale += [f"{module}: {target}" for name in modules[-1:]
                      if name not in known | {"inspect", "myvta"}]
    assert stale == []


def test_glossary_defines_each_term_once():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (?:<a id=\"\w+\"></a>)?([^|]+?) \|", text, re.M)
    terms = [term for cell in cells if cell not in ("term",)
             for term in cell.split(", ")]
    assert len(terms) > 60
    assert len(set(terms)) == len(terms)
    anchors = set(re.findall(r'id="(\w+)"', text))
    assert set(re.findall(r"\]\(#(\w+)\)", text)) == anchors


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_are_not_broken(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_examples_run(page):
    for example in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        exec(compile(example, page.name, "exec"), {})


def test_rules_of_the_device_are_listed_once_and_cited_as_rules():
    """D1 to D23: a table in device.md, the comparison in vta_isa.md; code cites ``rule D7``."""
    listed = re.findall(r"^\| D(\d+) \|", (ROOT / "docs/device.md").read_text(), re.M)
    assert listed == [str(number) for number in range(1, 24)]
    compared = re.findall(r"^\| D(\d+) \|", (ROOT / "docs/vta_isa.md").read_text(), re.M)
    assert compared == listed
    cites = re.compile(r"(\b[Rr]ules? )?\bD([1-9]\d?)\b(?:(?:, | and | to )\bD[1-9]\d?\b)*")
    for room in ("isa", "model", "driver", "rtl", "tests"):
        for path in (ROOT / room).rglob("*.py"):
            text = re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))
            bare = [match[0] for match in cites.finditer(text) if not match[1]]
            assert not bare or path.name == "test_docs.py", f"{path}: {bare}"
