"""`myvta config`: the named configurations, and the widths and sizes of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from ..isa.config import NAMED, Config, load_config
from ..isa.extensions import EXTENSIONS
from ..isa.geometry import COUNTER_SETS, SCRATCHPADS
from .files import write_files
from .input_errors import InputError
from .text_table import Column, Kind, open_console, print_table

__all__ = ["command", "facts"]

_LIST = (
    Column("name", Kind.WORD),
    *map(Column, ("MACs/cycle", "bits", "uop", "inp", "wgt", "acc")),
    Column("extensions", Kind.WORD),
)
_MEMORIES = (
    Column("memory", Kind.WORD), Column("bytes of an element"), Column("elements on chip"),
    Column("bytes on chip"),
)
_EXTENSIONS = (
    Column("extension", Kind.WORD), Column("", Kind.WORD), Column("purpose", Kind.TEXT),
    Column("encoding", Kind.TEXT), Column("cost", Kind.TEXT),
)


def facts(config: Config) -> dict[str, Any]:
    """Return a configuration and everything derived from it, ready for JSON."""
    return {
        "name": config.name,
        "fingerprint": f"0x{config.fingerprint:08x}",
        "vta_config": config.to_dict(),
        "tile": {
            "batch": config.batch, "block_in": config.block_in, "block_out": config.block_out,
        },
        "macs_per_cycle": config.macs_per_step,
        "bits": {
            "inp": config.inp_width, "wgt": config.wgt_width, "acc": config.acc_width,
            "out": config.out_width, "bus": config.bus_width,
        },
        "memories": {
            kind.name.lower(): {
                "element_bytes": config.tile_bytes(kind), "depth": config.depth(kind),
            }
            for kind in config.memory_types
        },
        "extensions": {row.name: getattr(config, row.name) for row in EXTENSIONS},
        "counters": config.counters,
        "window": {"taps": config.taps, "rows": config.window[0], "columns": config.window[1]},
    }


@click.command()
@click.argument("name_or_file", required=False)
@click.option("--write", type=click.Path(path_type=Path), metavar="FILE",
              help="Write it as a vta_config.json.")
@click.option("--check", is_flag=True, help="Check only whether it is legal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(name_or_file: str | None, write: Path | None, check: bool, as_json: bool) -> None:
    """Show configurations.

    Without an argument, list the named ones. With the name of one, or the path of a
    vta_config.json, show its widths and sizes.
    """
    if name_or_file is None:
        if write or check:
            raise InputError("--write and --check need a configuration: name one of "
                             + ", ".join(NAMED) + ", or a file")
        _list(as_json)
        return
    config = load_config(name_or_file)
    if write:
        write_files({write: config.to_json(all_keys=True)})
    if as_json:
        click.echo(json.dumps(facts(config), indent=2))
    elif check:
        click.echo(f"{name_or_file} is legal: {config.canonical}")
    elif write:
        click.echo(f"wrote {write}")
    else:
        _show(config)


def _list(as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({name: facts(config) for name, config in NAMED.items()}, indent=2))
        return
    rows = []
    for name, config in NAMED.items():
        sizes = (config.log_uop_buff_size, config.log_inp_buff_size, config.log_wgt_buff_size,
                 config.log_acc_buff_size)
        rows.append([
            name, str(config.macs_per_step), f"{config.inp_width} x {config.wgt_width}",
            *(_bytes(1 << size) for size in sizes), _extensions(config),
        ])
    console = open_console()
    print_table(console, _LIST, rows)
    console.print("bits: of an input and a weight; uop, inp, wgt, acc: bytes on chip", style="dim")


def _show(config: Config) -> None:
    facts = {
        "name": config.name,
        "fingerprint": f"0x{config.fingerprint:08x} of {config.canonical}",
        "extensions": _extensions(config),
        "GEMM step": f"{config.batch}x{config.block_in} by {config.block_in}x{config.block_out}: "
                     f"{config.macs_per_step} MACs, {config.inp_width} x {config.wgt_width} bits "
                     f"into {config.acc_width}",
        "memory port": f"{config.bus_width} bits",
        "counters": f"{config.counters}: {COUNTER_SETS[config.counters]}",
    }
    if config.depthwise:
        facts["DWC window"] = "at most {}x{}, {} taps per lane and step".format(
            *config.window, config.taps)
    console = open_console()
    for title, value in facts.items():
        console.print(Text.assemble((f"{title:<11}", "bold"), "  ", value), soft_wrap=True)
    console.print()
    rows = []
    for kind in config.memory_types:
        size, scratchpad = config.tile_bytes(kind), SCRATCHPADS[kind]
        own = kind == scratchpad
        rows.append([
            kind.name, str(size),
            str(config.depth(kind)) if own else f"those of {scratchpad.name}",
            _bytes(size * config.depth(kind)) if own else "",
        ])
    print_table(console, _MEMORIES, rows)
    console.print()
    print_table(console, _EXTENSIONS, [
        [row.name, "yes" if getattr(config, row.name) else "no", row.purpose, row.encoding,
         row.cost or "not measured"]
        for row in EXTENSIONS
    ])
    console.print("cost: on a 7-series FPGA, with the geometry of default (docs/area.md)",
                  style="dim", soft_wrap=True)


def _extensions(config: Config) -> str:
    present = [row.name for row in EXTENSIONS if getattr(config, row.name)]
    absent = [row.name for row in EXTENSIONS if not getattr(config, row.name)]
    if len(absent) < 2:
        return " but ".join(["all", *absent])
    return ", ".join(present) or "none"


def _bytes(count: int) -> str:
    return f"{count // 1024}K" if count >= 1024 else str(count)
