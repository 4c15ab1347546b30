"""Plots of a profile as SVG: roofline, causes of cycles, traffic, timeline.

Text stays text, widths follow the page, and the same profile gives the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from ..driver.run.profile import Profile, Row
from .input_errors import InputError

__all__ = ["PLOTS", "draw", "plots_of"]

CAUSES = {  # of an engine's cycle, in the order of isa.register_map.PERFORMANCE
    "compute": (
        ("COMPUTE_BUSY", "busy", "#2a7f62"), ("COMPUTE_TOKEN", "waits for a token", "#e0a030"),
        ("COMPUTE_READ", "waits for memory", "#c0504d"),
        ("COMPUTE_EMPTY", "no instruction", "#9a9a9a"),
    ),
    "load": (("LOAD_BUSY", "busy", "#2a6f97"),),
    "store": (("STORE_BUSY", "busy", "#7d4f9e"),),
}
TRAFFIC = (("INP_BYTES", "inputs", "#2a6f97"), ("WGT_BYTES", "weights", "#e0a030"),
           ("UOP_BYTES", "micro-ops", "#9a9a9a"), ("ACC_BYTES", "parameters", "#c0504d"),
           ("ACC_8BIT_BYTES", "8-bit accumulator", "#d08fb0"), ("OUT_BYTES", "outputs", "#7d4f9e"))
WIDTH = 9.0  # inches at which text is drawn 9 points high


def draw(name: str, profile: Profile) -> str:
    """Return a plot (a key of :data:`PLOTS`) as an SVG document.

    Raises
    ------
    InputError
        matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "plots need matplotlib: pip install 'myvta[plot]', or leave out --report"
        ) from None
    height, plot = PLOTS[name]
    rows = len(profile.launches)
    style = {"svg.fonttype": "none", "svg.hashsalt": "myvta", "font.size": 9,
             "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(WIDTH, height(rows)), layout="constrained")
        plot(figure.subplots(), profile)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg"):]


def plots_of(profile: Profile) -> dict[str, str]:
    """Return every plot of a profile by name; without causes none of them and of busy engines."""
    names = PLOTS if profile.has_causes else ("roofline", "traffic")
    return {name: draw(name, profile) for name in names}


def _roofline(axes: Any, profile: Profile) -> None:
    rows = [row for row in profile.launches if row.macs and row.cycles]
    peak, bus = profile.macs_per_step, profile.bus_bytes
    points = [(row.macs / max(row.bytes, 1), row.macs / row.cycles, row) for row in rows]
    xs = [x for x, _, _ in points] or [peak / bus]
    left, right = min([*xs, peak / bus]) / 2, max([*xs, peak / bus]) * 2
    axes.plot([left, peak / bus, right], [left * bus, peak, peak], color="#444444")
    axes.annotate(f"{peak} MACs a cycle", (right, peak), ha="right", va="bottom")
    axes.annotate(f"{bus} bytes a cycle", (left, left * bus), ha="left", xytext=(14, 2),
                  textcoords="offset points")
    if points:
        size = [20 + 180 * row.cycles / profile.cycles for _, _, row in points]
        axes.scatter(xs, [y for _, y, _ in points], s=size, alpha=0.6, color="#2a7f62")
    for x, y, row in sorted(points, key=lambda point: -point[2].cycles)[:8]:
        axes.annotate(row.name, (x, y), fontsize=7, xytext=(4, -9), textcoords="offset points")
    axes.set(xscale="log", yscale="log", xlabel="MACs a byte moved",
             ylabel="MACs a cycle")


def _bars(
    axes: Any, rows: tuple[Row, ...], parts: list[tuple[str, list[float], str]], label: str,
) -> None:
    left = [0.0] * len(rows)
    for name, values, color in parts:
        if any(values):
            axes.barh(range(len(rows)), values, left=left, color=color, label=name, height=0.75)
            left = [a + b for a, b in zip(left, values, strict=True)]
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.margins(y=0.01)


def _causes(axes: Any, profile: Profile) -> None:
    rows = profile.launches
    parts = [
        (name, [float(row.performance.get(key, 0)) for row in rows], color)
        for key, name, color in CAUSES["compute"]
    ]
    _bars(axes, rows, parts, "cycles")
    axes.legend(loc="best", fontsize=7)


def _traffic(axes: Any, profile: Profile) -> None:
    rows = profile.launches
    parts = [
        (name, [row.counters.get(key, 0) / 1e3 for row in rows], color)
        for key, name, color in TRAFFIC
    ]
    _bars(axes, rows, parts, "kB")
    minimum = [row.compulsory_bytes / 1e3 for row in rows]
    if any(minimum):
        axes.scatter(minimum, range(len(rows)), marker="|", s=60, color="black", zorder=3,
                     label="inputs, weights, outputs once")
    axes.legend(loc="best", fontsize=7)


def _timeline(axes: Any, profile: Profile) -> None:
    engines = ("load", "compute", "store")
    start = 0
    for row in profile.launches:
        for level, engine in enumerate(engines):
            key, _, color = CAUSES[engine][0]
            share = row.performance.get(key, 0) / row.cycles if row.cycles else 0
            axes.broken_barh([(start, row.cycles)], (-level, 0.8), facecolors="#eeeeee")
            axes.broken_barh([(start, row.cycles)], (-level, 0.8 * share), facecolors=color)
        axes.axvline(start, color="white", linewidth=0.6)
        if row.cycles > profile.cycles / 40:
            axes.text(start + row.cycles / 2, 1.0, row.name, rotation=60, fontsize=7, ha="left")
        start += row.cycles
    axes.set_yticks([0.4 - level for level in range(len(engines))], engines)
    axes.set(xlim=(0, max(start, 1)), ylim=(-2.1, 2.2), xlabel="cycles; height: share of them busy")


PLOTS: dict[str, tuple[Callable[[int], float], Callable[[Any, Profile], None]]] = {
    "roofline": (lambda rows: 4.5, _roofline),
    "causes": (lambda rows: 1.2 + 0.16 * rows, _causes),
    "traffic": (lambda rows: 1.2 + 0.16 * rows, _traffic),
    "timeline": (lambda rows: 3.2, _timeline),
}
"""Plot by name: its height in inches for so many launches, and its function."""
