"""``tox -e mutate``: plant bugs in a copy of the hardware, one by one; do the tests see them?

Each planted bug gets a copy of the package of its own and a build cache that ends with the run;
neither the checkout nor the installed package is touched.  Its tests are run in order until one
fails; then it is *killed*, by that test.  One that no test sees has *survived*: exit status 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import planted_compute
import planted_control
import planted_decode
import planted_depthwise
import planted_forward
import planted_lanes
import planted_memory
from planted import PARTS, Planted, problems
from rich.console import Console
from rich.table import Table

import myvta

__all__ = ["PACKAGE", "ROOT", "TABLE", "Result", "main", "plant", "select"]

TABLE = (
    *planted_compute.TABLE, *planted_memory.TABLE, *planted_control.TABLE, *planted_decode.TABLE,
    *planted_depthwise.TABLE, *planted_forward.TABLE,
    *planted_lanes.TABLE,
)
ROOT = Path(__file__).resolve().parents[2]
_TIERS = "not configurations and not browser and not soak and not networks"
RUN_SECONDS = 1200  # a run of tests that takes longer is ended
PACKAGE = Path(myvta.__file__).parent
_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "tests", "docs", "build", "examples", "benchmarks", "*.egg-info"
)


@dataclass(frozen=True)
class Result:
    """What became of a planted bug.

    Attributes
    ----------
    outcome : str
        ``killed``, ``survived``, ``refused`` (by a converter or compiler) or ``broken`` (the tests
        did not run as they should).
    test : str
        Who saw it.
    error : str
        What that test said.
    """

    name: str
    part: str
    file: str
    outcome: str
    test: str
    error: str
    seconds: float


class BaselineError(click.ClickException):
    """The tests are not green without any bug."""


def select(only: tuple[str, ...]) -> list[Planted]:
    """Return the bugs of these parts, or with these words in their name; all without any."""
    chosen = [
        bug for bug in TABLE
        if not only or bug.part in only or any(text in bug.name for text in {*only} - {*PARTS})
    ]
    if not chosen:
        raise click.UsageError(
            f"no planted bug is of part or has in its name {' or '.join(map(repr, only))}; "
            f"parts are {', '.join(PARTS)}"
        )
    return chosen


class Field:
    """A folder where copies of the package are planted, with a build cache for all of them."""

    def __init__(self, folder: Path):
        self._folder = folder

    def copy(self, name: str, bug: Planted | None = None) -> Path:
        """Return a folder with a copy of the package in it."""
        folder = self._folder / name
        shutil.copytree(PACKAGE, folder / "myvta", ignore=_LEFT_OUT)
        if bug:
            file = folder / "myvta" / "rtl" / bug.file
            file.write_text(bug.apply(file.read_text(encoding="utf-8")), encoding="utf-8")
        return folder

    def environment(self, folder: Path) -> dict[str, str]:
        """Return the environment in which ``myvta`` is the copy in ``folder``."""
        helpers = [str(ROOT / "tests" / name) for name in ("support", "mutation")]
        paths = [str(folder), *helpers, os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONDONTWRITEBYTECODE": "1", "MYVTA_CACHE": str(self._folder / "cache"),
            "MYVTA_PLANT_REPORT": str(folder / "report.json"),
        }

    def check(self, folder: Path) -> None:
        """Make sure that tests would import the copy."""
        said = subprocess.run(
            [sys.executable, "-c", "import myvta.rtl.core as it; print(it.__file__)"], cwd=ROOT,
            env=self.environment(folder), capture_output=True, text=True, check=True,
        ).stdout.strip()
        if not Path(said).is_relative_to(folder):
            raise click.ClickException(f"tests would import {said}, not the copy in {folder}")

    def test(self, folder: Path, tests: list[str], *options: str) -> tuple[int, dict, str]:
        """Run tests on a copy; return pytest's exit status, its report and its output."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "plant_report", "-p",
                   "no:cacheprovider", "-m", _TIERS, *options, *tests]
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=self.environment(folder), timeout=RUN_SECONDS,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
            )
        except subprocess.TimeoutExpired:
            return -1, {}, f"not ended after {RUN_SECONDS} s"
        file = folder / "report.json"
        report = json.loads(file.read_text()) if file.exists() else {}
        return done.returncode, report, done.stdout[-3000:]


def plant(field: Field, bug: Planted, number: int) -> Result:
    """Plant one bug and run its tests until one fails."""
    start = time.monotonic()
    folder = field.copy(f"bug{number}", bug)
    status, report, said = field.test(folder, bug.asked(), "-x")
    shutil.rmtree(folder)
    outcome, test, error = "broken", "", f"pytest ended with status {status}: {said}"
    if status == 0:
        outcome, error = "survived", f"{report['passed']} tests passed"
    elif status == 1 and report.get("failures"):
        first = report["failures"][0]
        outcome = {"seen": "killed"}.get(first["verdict"], first["verdict"])
        test, error = first["test"], f"{first['error']}: {first['text']}"
    return Result(bug.name, bug.part, bug.file, outcome, test, error, time.monotonic() - start)


def run(field: Field, bugs: list[Planted], jobs: int, console: Console) -> list[Result]:
    """Run the tests without a bug, then with each; tell the progress."""
    clean = field.copy("clean")
    field.check(clean)
    files = list(dict.fromkeys(file for bug in bugs for file in bug.files()))
    console.print(f"{len(bugs)} bugs; first {len(files)} test files without any", highlight=False)
    start = time.monotonic()
    status, _, said = field.test(clean, files, *(["-n", str(jobs)] if jobs > 1 else []))
    if status:
        raise BaselineError(f"the tests are not green without a bug:\n{said}")
    last = said.strip().splitlines()[-1]
    console.print(f"{last}, {time.monotonic() - start:.0f} s in all", highlight=False)
    results = {}
    with ThreadPoolExecutor(jobs) as pool:
        tasks = {pool.submit(plant, field, bug, n): bug for n, bug in enumerate(bugs)}
        for count, task in enumerate(as_completed(tasks), 1):
            result = results[tasks[task].name] = task.result()
            console.print(
                f"[{count}/{len(bugs)}] {result.part}: {result.name}: {result.outcome} "
                f"{result.test} ({result.seconds:.1f} s)", markup=False, highlight=False,
            )
    return [results[bug.name] for bug in bugs]


def show(results: list[Result], console: Console) -> None:
    """Print which test kills which bug."""
    table = Table("part", "planted bug", "outcome", "killed by", "s")
    for result in results:
        test = result.test.removeprefix("tests/").replace(".py::", "::")
        colour = "green" if result.outcome == "killed" else "red"
        table.add_row(result.part, result.name, f"[{colour}]{result.outcome}", test or "-",
                      f"{result.seconds:.0f}")
    console.print(table)
    for result in results:
        if result.outcome != "killed":
            console.print(f"{result.outcome}: {result.name} (rtl/{result.file}): {result.error}",
                          markup=False, highlight=False)
    killed = sum(result.outcome == "killed" for result in results)
    console.print(f"{killed} of {len(results)} planted bugs killed", highlight=False)


@click.command()
@click.option("--only", multiple=True, metavar="TEXT",
              help="A part, or words of a name; may be given several times.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default=True,
              help="Bugs tried at once.")
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path),
              help="Also write the results there.")
def main(only: tuple[str, ...], jobs: int, file: Path | None) -> None:
    """Plant bugs in a copy of the hardware and see whether the tests find them."""
    console = Console()
    rotten = problems(TABLE, PACKAGE / "rtl", ROOT)
    if rotten:
        raise click.ClickException("planted bugs do not apply any more:\n" + "\n".join(rotten))
    bugs = select(only)
    with tempfile.TemporaryDirectory(prefix="myvta-plant-") as folder:
        results = run(Field(Path(folder)), bugs, jobs, console)
    show(results, console)
    if file:
        file.write_text(json.dumps([asdict(result) for result in results], indent=1) + "\n")
    sys.exit(any(result.outcome != "killed" for result in results))


if __name__ == "__main__":
    main()
