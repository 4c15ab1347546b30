"""`myvta convert`: the accelerator as Verilog or VHDL."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ..isa.config import load_config

__all__ = ["command"]


@click.command()
@click.option("--config", "config_name", default="default", show_default=True, metavar="NAME",
              help="Configuration: a name or a vta_config.json.")
@click.option("--hdl", type=click.Choice(["verilog", "vhdl"]), default="verilog",
              show_default=True, help="Language to write.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("build/hdl"),
              show_default=True, metavar="FOLDER", help="Folder to write into.")
@click.option("--json", "as_json", is_flag=True, help="Print the written files as JSON.")
def command(config_name: str, hdl: str, output: Path, as_json: bool) -> None:
    """Write the accelerator's hardware as synthesizable text, and a map of its nets.

    The map (NAME.map.json) tells for each block which net of the text a signal of the source is.
    The same configuration always gives the same bytes.
    """
    from ..rtl.convert import MAP_SUFFIX, convert  # loads MyHDL, which the other verbs do without

    config = load_config(config_name)
    path = convert(config, output, hdl)
    net_map = path.with_suffix(MAP_SUFFIX)
    if as_json:
        click.echo(json.dumps(
            {"config": config.name, "hdl": hdl, "file": str(path), "bytes": path.stat().st_size,
             "map": str(net_map)},
            indent=2,
        ))
    else:
        click.echo(
            f"wrote {path} ({path.stat().st_size} bytes) for {config.name}, its nets in "
            f"{net_map.name}"
        )
