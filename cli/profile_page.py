"""A profile as one HTML page: no script, nothing fetched, readable on a phone and on paper."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from ..driver.run.profile import Profile, Row
from ..driver.run.timeline import Timeline
from .timeline_plot import TIMELINE_STYLE, timeline_figure

__all__ = ["COLUMNS", "ProfileReport", "cells", "page"]

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


@dataclass(frozen=True, kw_only=True)
class ProfileReport:
    """A profile and its origin.

    Attributes
    ----------
    profile : Profile
    source : str
        ``measured on verilator://``, or the model that predicted it.
    timelines : tuple of Timeline
        One for each launch, in order.
    timelines_source : str
        ``recorded from the RTL``, or the model that predicted them.
    clock_mhz : float
        Clock at which cycles are shown as time.
    """

    profile: Profile
    source: str
    timelines: tuple[Timeline, ...]
    timelines_source: str
    clock_mhz: float



def cells(row: Row, profile: Profile) -> list[str]:
    """Return a launch's cells in the order of :data:`COLUMNS`; a prediction leaves some empty."""

    def share(part: int, whole: int) -> str:
        return f"{100 * part / whole:.1f} %" if whole else ""

    causes = [share(row.performance[f"COMPUTE_{cause}"], row.cycles) if row.performance else ""
              for cause in ("BUSY", "TOKEN", "READ")]
    return [
        row.name, f"{row.cycles}", share(row.cycles, profile.cycles),
        f"{100 * row.utilization:.1f} %" if row.macs else "", *causes, f"{row.bytes / 1e3:.1f}",
        f"{row.bytes / row.compulsory_bytes:.2f} x" if row.compulsory_bytes else "",
    ]


def page(report: ProfileReport, plots: dict[str, str]) -> str:
    """Return the page; ``plots`` are SVG documents by the names of ``.profile_plots.PLOTS``."""
    profile = report.profile
    title = escape(f"{profile.program} on {profile.config}")
    figures = {name: f'<figure id="{name}">{svg}</figure>' for name, svg in plots.items()}
    sections = [
        ("Timeline of the engines", figures.get("timeline", "")),
        ("Timeline of the instructions", _instructions(report)),
        ("Roofline", figures.get("roofline", "")),
        ("Layers", _layers(profile)),
        ("Cycles of compute, by cause", figures.get("causes", "")),
        ("Bytes moved", figures.get("traffic", "")),
        ("Accelerator and host", _split(report) if profile.measured else ""),
    ]
    parts = "\n".join(f"<h2>{name}</h2>{part}" for name, part in sections if part)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{title}</title><style>{_STYLE}{TIMELINE_STYLE}</style></head><body>
<h1>{title}</h1>
<p>{_sentence(report.source)}</p>
{_facts(report)}
{parts}
</body></html>
"""


def _sentence(text: str) -> str:
    return escape(f"{text[:1].upper()}{text[1:]}.")


def _facts(report: ProfileReport) -> str:
    profile = report.profile
    launches = profile.launches
    ideal = sum(row.ideal_steps for row in launches)
    facts = [
        (f"{profile.cycles}", "cycles"),
        (f"{100 * ideal / profile.cycles:.1f} %", "of MACs used"),
        (f"{sum(row.macs for row in launches) / 1e6:.1f} M", "MACs"),
        (f"{sum(row.bytes for row in launches) / 1e6:.2f} MB", "moved"),
        (f"{_device_ms(report):.2f} ms", f"at {report.clock_mhz:g} MHz"),
        (f"{profile.images}", "images"),
    ]
    items = "".join(f"<li><b>{value}</b>{escape(name)}</li>" for value, name in facts)
    return f'<ul class="facts">{items}</ul>'


def _device_ms(report: ProfileReport) -> float:
    return report.profile.cycles / report.clock_mhz / 1e3


def _instructions(report: ProfileReport) -> str:
    """Return a drawing for each launch, all but the first one folded."""
    parts = [
        f"<details{' open' if number == 0 else ''}><summary>{escape(timeline.name)}: "
        f"{len(timeline.bars)} instructions, {timeline.cycles} cycles</summary>"
        f"{timeline_figure(timeline)}</details>"
        for number, timeline in enumerate(report.timelines)
    ]
    return (f'<div id="instructions"><p>{_sentence(report.timelines_source)} A bar '
            "reaches from the start of an instruction in its engine to its completion; the bar "
            "under the pointer shows its tokens as arrows, from the instruction that pushes one "
            f"to the one that pops it.</p>{''.join(parts)}</div>")


def _layers(profile: Profile) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells(row, profile)) + "</tr>\n"
        for row in profile.launches
    )
    heads = "".join(f"<th>{name}</th>" for name in COLUMNS)
    return (f'<div class="wide"><table id="layers"><thead><tr>{heads}\n</tr></thead><tbody>\n'
            f"{rows}</tbody></table></div>")


def _split(report: ProfileReport) -> str:
    hosted = [row for row in report.profile.rows if row.where == "host"]
    device_ms, host_ms = _device_ms(report), 1e3 * sum(row.seconds for row in hosted)
    total = device_ms + host_ms or 1.0
    steps = "".join(f"<li>{escape(row.name)}: {1e3 * row.seconds:.2f} ms</li>" for row in hosted)
    return f"""
<div class="split" id="split"><span style="background:#2a7f62;width:{100 * device_ms / total:.2f}%">
accelerator {device_ms:.2f} ms</span><span style="background:#c0504d;flex:1">
host {host_ms:.2f} ms</span></div>
<p>Cycles at {report.clock_mhz:g} MHz against wall time of the steps on this host:</p>
<ul>{steps}</ul>"""
