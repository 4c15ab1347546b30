"""A profile as one HTML page: no script, nothing fetched, readable on a phone and on paper."""

from __future__ import annotations

from html import escape

from ..driver.run.profile import Profile, Row

__all__ = ["COLUMNS", "cells", "page"]

COLUMNS = ("layer", "cycles", "share", "utilization", "busy", "token", "memory", "kB", "of minimum")
"""Per launch: share of all cycles; use of the multipliers by the network's own products; cycles of
compute by cause; traffic, and its ratio to inputs, weights and outputs once."""

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.45 system-ui,sans-serif;max-width:62rem;margin:0 auto;padding:1rem}
h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
.facts{display:flex;flex-wrap:wrap;gap:.6rem;padding:0;list-style:none}
.facts li{border:1px solid #8886;border-radius:.4rem;padding:.4rem .7rem}
.facts b{display:block;font-size:1.15rem}
figure{margin:0;background:#fff;color:#000;border-radius:.4rem;overflow-x:auto}
figure svg{width:100%;min-width:34rem;height:auto;display:block}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:right;padding:.15rem .5rem;white-space:nowrap;border-bottom:1px solid #8883}
th:first-child,td:first-child{text-align:left}
.split{display:flex;height:1.4rem;border-radius:.3rem;overflow:hidden}
.split span{color:#fff;font-size:.75rem;padding-left:.3rem;white-space:nowrap;overflow:hidden}
@media print{body{max-width:none;font-size:11px}figure,tr{break-inside:avoid}
figure svg{min-width:0}.wide{overflow:visible}}
"""


def cells(row: Row, profile: Profile) -> list[str]:
    """Return a launch's cells in the order of :data:`COLUMNS`."""

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f} %" if whole else ""

    causes = [share(row.performance.get(f"COMPUTE_{cause}", 0), row.cycles)
              for cause in ("BUSY", "TOKEN", "READ")]
    return [
        row.name, f"{row.cycles}", share(row.cycles, profile.cycles),
        f"{100 * row.utilization:.1f} %" if row.macs else "", *causes, f"{row.bytes / 1e3:.1f}",
        f"{row.bytes / row.compulsory_bytes:.2f} x" if row.compulsory_bytes else "",
    ]


def page(profile: Profile, plots: dict[str, str], target: str, clock_mhz: float) -> str:
    """Return the page.

    Parameters
    ----------
    profile : Profile
    plots : dict of str
        SVG documents by the names of :data:`~.profile_plots.PLOTS`.
    target : str
        URL it was measured on.
    clock_mhz : float
        Clock at which cycles are shown as time.
    """
    launches = profile.launches
    ideal = sum(row.ideal_steps for row in launches)
    device_ms = profile.cycles / clock_mhz / 1e3
    host_ms = 1e3 * sum(row.seconds for row in profile.rows if row.where == "host")
    hosted = [row for row in profile.rows if row.where == "host"]
    facts = [
        (f"{profile.cycles}", "cycles"),
        (f"{100 * ideal / profile.cycles:.1f} %", "of MACs used"),
        (f"{sum(row.macs for row in launches) / 1e6:.1f} M", "MACs"),
        (f"{sum(row.bytes for row in launches) / 1e6:.2f} MB", "moved"),
        (f"{device_ms:.2f} ms", f"at {clock_mhz:g} MHz"),
        (f"{profile.images}", "images"),
    ]
    table = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(row, profile)) + "</tr>\n"
        for row in launches
    )
    steps = "".join(f"<li>{escape(row.name)}: {1e3 * row.seconds:.2f} ms</li>" for row in hosted)
    total = device_ms + host_ms or 1.0
    figures = {name: f'<figure id="{name}">{svg}</figure>' for name, svg in plots.items()}
    title = escape(f"{profile.program} on {profile.config}")
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title><style>{_STYLE}</style></head><body>
<h1>{title}</h1>
<p>Measured on {escape(target)}.</p>
<ul class="facts">{"".join(f"<li><b>{value}</b>{escape(name)}</li>" for value, name in facts)}</ul>
<h2>Timeline of the engines</h2>{figures["timeline"]}
<h2>Roofline, measured</h2>{figures["roofline"]}
<h2>Layers</h2>
<div class="wide"><table id="layers"><thead><tr>{"".join(f"<th>{name}</th>" for name in COLUMNS)}
</tr></thead><tbody>
{table}</tbody></table></div>
<h2>Cycles of compute, by cause</h2>{figures["causes"]}
<h2>Bytes moved</h2>{figures["traffic"]}
<h2>Accelerator and host</h2>
<div class="split" id="split"><span style="background:#2a7f62;width:{100 * device_ms / total:.2f}%">
accelerator {device_ms:.2f} ms</span><span style="background:#c0504d;flex:1">
host {host_ms:.2f} ms</span></div>
<p>Cycles at {clock_mhz:g} MHz against wall time of the steps on this host:</p><ul>{steps}</ul>
</body></html>
"""
