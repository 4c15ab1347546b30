"""The timeline of a launch as SVG: a bar for each instruction, its tokens as arrows on hover.

Without a script: style sheets show the arrows of the bar under the pointer, or in focus (a bar is
reached by a tap or with the tab key).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from math import log10
from statistics import median

from ..driver.run.timeline import Bar, Timeline
from ..isa.opcodes import Module

__all__ = ["TIMELINE_STYLE", "timeline_figure", "timeline_svg"]

TIMELINE_STYLE = """
.timeline{display:flex;background:#fff;color:#000;border-radius:.4rem;padding:.4rem 0}
.timeline>div{overflow-x:auto}.timeline svg{font:11px system-ui,sans-serif;display:block}
.timeline .axis{stroke:#ddd}.timeline text{pointer-events:none}
.bar{outline:none}.bar path{display:none;fill:none;stroke:#c0392b;stroke-width:1.6;
pointer-events:none;marker-end:url(#arrow)}
.bar:hover path,.bar:focus path{display:inline}
.timeline svg:hover .bar rect{fill-opacity:.45}.timeline svg .bar:hover rect,
.timeline svg .bar:focus rect{fill-opacity:1;stroke:#000}
.load rect{fill:#2a6f97}.compute rect{fill:#2a7f62}.store rect{fill:#7d4f9e}
"""
"""Style sheet of the page for :func:`timeline_figure`."""

_PAPER = """
svg{font:11px system-ui,sans-serif}.bar path{display:inline;stroke-width:1}
"""
_DEFINITIONS = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
    'markerHeight="6" orient="auto"><path d="M0 0L8 4L0 8z" fill="#c0392b"/></marker></defs>'
)
_LANE, _GAP, _TOP, _LEFT = 16, 3, 18, 66  # pixels
_NARROWEST, _WIDEST = 900, 60_000  # widths of the drawing
_BAR = 6  # pixels that a bar of median length should have
_LETTER = 6.2
_TICK = 120  # pixels between two ticks, at least
_TICK_TEXT = 40  # pixels of a tick's number


@dataclass(frozen=True)
class _Scale:
    """Pixels of the drawing."""

    per_cycle: float
    rows: dict[int, int]  # instruction -> its row
    left: int = 0

    def x(self, cycle: int) -> float:
        return round(self.left + cycle * self.per_cycle, 2)

    def y(self, index: int) -> int:
        return _TOP + self.rows[index] * (_LANE + _GAP)


def timeline_figure(timeline: Timeline) -> str:
    """Return a timeline as HTML: the engines' names, and a drawing that scrolls sideways.

    Its width gives a bar of median length 6 pixels, within 900 to 60,000 pixels.
    """
    rows, labels, height = _layout(timeline)
    typical = median([bar.end - bar.start for bar in timeline.bars] or [1])
    cycles = max(timeline.cycles, 1)
    width = min(max(_NARROWEST, cycles * _BAR / max(typical, 1)), _WIDEST)
    scale = _Scale(width / cycles, rows)
    return (
        f'<div class="timeline"><svg width="{_LEFT}" height="{height}">{labels}</svg>'
        f'<div><svg width="{width:.0f}" height="{height}">{_DEFINITIONS}'
        f"{''.join(_axis(scale, cycles, height))}\n{_bars(timeline, scale)}</svg></div></div>"
    )


def timeline_svg(timeline: Timeline) -> str:
    """Return a timeline as an SVG document of 900 pixels, every arrow visible: for paper."""
    rows, labels, height = _layout(timeline)
    cycles = max(timeline.cycles, 1)
    scale = _Scale((_NARROWEST - _LEFT - _GAP) / cycles, rows, _LEFT)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="timeline" width="{_NARROWEST}" '
        f'height="{height}" viewBox="0 0 {_NARROWEST} {height}">'
        f"<style>{TIMELINE_STYLE}{_PAPER}</style>{_DEFINITIONS}"
        f'<rect width="100%" height="100%" fill="#fff"/>{labels}'
        f"{''.join(_axis(scale, cycles, height))}\n{_bars(timeline, scale)}</svg>\n"
    )


def _layout(timeline: Timeline) -> tuple[dict[int, int], str, int]:
    """Return the row of each instruction, the engines' names, and the height in pixels."""
    rows: dict[int, int] = {}
    labels, count = [], 0
    for engine in Module:
        lanes = timeline.lanes(engine)
        if lanes:
            labels.append(f'<text x="4" y="{_TOP + count * (_LANE + _GAP) + 12}">'
                          f"{engine.name.lower()}</text>")
        for lane in lanes:
            rows.update((bar.index, count) for bar in lane)
            count += 1
    return rows, "".join(labels), _TOP + count * (_LANE + _GAP)


def _axis(scale: _Scale, cycles: int, height: int) -> Iterator[str]:
    step = 10 ** max(0, round(log10(_TICK / scale.per_cycle) + 0.5))
    for factor in (5, 2):  # from a power of ten down to the narrowest step with room for its text
        if step // factor * scale.per_cycle >= _TICK and step % factor == 0:
            step //= factor
            break
    last = cycles - round(_TICK_TEXT / scale.per_cycle)
    for cycle in range(0, max(last, 0) + 1, step):
        x = scale.x(cycle)
        yield (f'<path class="axis" d="M{x} {_TOP - 4}V{height}"/>'
               f'<text x="{x + 2}" y="10">{cycle}</text>')


def _bars(timeline: Timeline, scale: _Scale) -> str:
    arrows: dict[int, list[str]] = {}
    for token in timeline.tokens:
        source, sink = timeline.bars[token.source], timeline.bars[token.sink]
        middle = _LANE // 2
        path = (f'<path d="M{scale.x(source.end)} {scale.y(source.index) + middle}'
                f'L{scale.x(sink.start)} {scale.y(sink.index) + middle}"/>')
        for bar in (source, sink):
            arrows.setdefault(bar.index, []).append(path)
    return "\n".join(_bar(bar, scale, "".join(arrows.get(bar.index, ())))
                     for bar in timeline.bars)


def _bar(bar: Bar, scale: _Scale, arrows: str) -> str:
    x, y = scale.x(bar.start), scale.y(bar.index)
    width = max(round(scale.x(bar.end) - x, 2), 1)
    note = f"\n{bar.note}" if bar.note else ""
    title = f"{bar.index}: {bar.text}\ncycles {bar.start} to {bar.end}, {bar.end - bar.start}{note}"
    label = next((text for text in (bar.name, bar.name.split()[0])
                  if len(text) * _LETTER + 4 < width), "")
    text = f'<text x="{x + 2}" y="{y + 12}" fill="#fff">{escape(label)}</text>' if label else ""
    return (f'<g class="bar {bar.engine.name.lower()}" tabindex="0"><title>{escape(title)}</title>'
            f'<rect x="{x}" y="{y}" width="{width}" height="{_LANE}"/>{text}{arrows}</g>')
