"""`myvta doctor --target URL`: a line for each step of the diagnosis."""

from __future__ import annotations

import json
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from ..driver.validate.diagnose import diagnose

__all__ = ["run"]


def run(url: str, as_json: bool) -> bool:
    """Diagnose a target, printing each step; return whether the target works."""
    console, steps = Console(), []
    for step in diagnose(url):
        steps.append(step)
        if as_json:
            continue
        mark = Text("yes", "green") if step.works else Text("no ", "red")
        console.print(Text.assemble(mark, f" {step.name:16s} {step.found}"), soft_wrap=True)
        if step.advice:
            console.print(Text(f"    {step.advice}"), soft_wrap=True)
    healthy = all(step.works for step in steps)
    if as_json:
        rows = [asdict(step) for step in steps]
        click.echo(json.dumps({"target": url, "healthy": healthy, "checks": rows}, indent=2))
    else:
        console.print("The device works." if healthy else "The device does not work yet.")
    return healthy
