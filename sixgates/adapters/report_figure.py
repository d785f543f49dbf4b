"""One figure of a play: alerts, gates, route and losses on one axis of event time, as SVG."""

import math
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sixgates.adapters.standalone_page import INCH, SMALL, drawing, inline
from sixgates.gates.verdict import Gate
from sixgates.ledger.route import OPEN_STEPS, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {
    "ink": "#000001", "muted": "#000002", "pass": "#000003", "fail": "#000004",
    "inconclusive": "#000005", "served": "#000006", "soft": "#000007", "alert": "#000008",
}  # fmt: skip
"""Stand-ins that a drawn figure trades for the page's variables, so it follows light and dark."""
_MARKS = {"pass": "o", "fail": "X", "inconclusive": "D", "alert": "v"}
_LANES = ("alert", *(f"{gate.number} {gate}" for gate in Gate), "release", "serves")
_ENDS = {Step.CONFIRMED: "pass", Step.ROLLED_BACK: "fail", Step.EXPIRED: "inconclusive",
         Step.SUPERSEDED: "inconclusive"}  # fmt: skip
_SIGNS = {"alert": "alert", Step.PROMOTED: "pass", Step.ROLLED_BACK: "fail"}
"""What is marked across the losses, with its colour."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, like every moment here
_HOURS, _YEARS = 3.0, 300.0
"""Below so many days the axis of time shows hours, from so many on years."""
_LANE = 17.0
_GLYPH = 0.55 * SMALL
"""Mean width of a small letter."""
_POINTS = 100
"""A line of losses has at most so many points."""


def draw(result: dict[str, Any], salt: str, *, wide: bool) -> Markup:
    """Draw a play for a desk or for a telephone.

    Args:
        result: `alerts`, `verdicts`, `timeline` and `daily` of a play, and when it `began`.
        salt: makes the names in the drawing its own; no two drawings of a page share one.
        wide: for a desk.
    """
    from matplotlib.figure import Figure

    width, left, right, bottom = (720.0 if wide else 270.0), 60.0, 8.0, 22.0
    lanes, gap = _LANE * len(_LANES), 26.0
    losses = (150.0 if wide else 120.0) if result["daily"] else 0.0
    height = bottom + losses + (gap if losses else 0.0) + lanes + 4.0
    span = _span(result)
    per_point = (span[1] - span[0]) / (width - left - right)
    x, across = left / width, (width - left - right) / width
    with drawing(salt):
        figure = Figure(figsize=(width / INCH, height / INCH), dpi=INCH)
        panels = [figure.add_axes((x, 1 - (lanes + 4) / height, across, lanes / height))]
        _draw_lanes(panels[0], result, span[1], per_point)
        if losses:
            panels.append(figure.add_axes((x, bottom / height, across, losses / height)))
            _draw_losses(panels[1], result, span, per_point)
        for panel in panels:
            _plain_axes(panel, span, ticks=8 if wide else 4, dated=panel is panels[-1])
        return inline(figure, _COLOURS)


def _draw_lanes(ax: "Axes", result: dict[str, Any], end: float, per_point: float) -> None:
    places = range(len(_LANES))
    ax.set_ylim(len(_LANES) - 0.5, -0.5)
    ax.set_yticks(places, _LANES)
    for place in places:
        ax.axhline(place, lw=0.5, color=_COLOURS["soft"])
    _mark(ax, "alert", "alert", [alert["at"] for alert in result["alerts"]])
    for verdict in result["verdicts"]:
        gate = Gate(verdict["gate"])
        _mark(ax, f"{gate.number} {gate}", verdict["outcome"], [verdict["at"]])
    route = result["timeline"]
    for step, until in _with_ends(route, end):
        if step["step"] in OPEN_STEPS:
            _bar(ax, "release", (_days(step["at"]), until), _phase(step), per_point)
        elif step["step"] in _ENDS:
            _mark(ax, "release", _ENDS[step["step"]], [step["at"]])
    changes = [
        step
        for before, step in pairwise([{"champion": None}, *route])
        if step["champion"] != before["champion"]
    ]
    for step, until in _with_ends(changes, end):
        _bar(ax, "serves", (_days(step["at"]), until), f"v{step['champion']}", per_point)


def _with_ends(steps: list[dict[str, Any]], end: float) -> list[tuple[dict[str, Any], float]]:
    """Pair each step with the moment at which the next one took its place."""
    ends = [_days(step["at"]) for step in steps[1:]]
    return list(zip(steps, [*ends, end], strict=False))


def _mark(ax: "Axes", lane: str, colour: str, at: list[str]) -> None:
    x, y = [_days(a) for a in at], [_LANES.index(lane)] * len(at)
    ax.plot(x, y, _MARKS[colour], color=_COLOURS[colour], ms=6, zorder=3, clip_on=False)


def _bar(ax: "Axes", lane: str, when: tuple[float, float], label: str, per_point: float) -> None:
    (since, until), y = when, _LANES.index(lane)
    soft = 0.15 if label == Step.SHADOW else 0.35
    ax.fill_between(when, y - 0.36, y + 0.36, color=_COLOURS["served"], alpha=soft, lw=0)
    ax.vlines(since, y - 0.36, y + 0.36, color=_COLOURS["ink"], lw=0.7)
    if until - since > (len(label) * _GLYPH + 4) * per_point:
        ax.text(since + 2 * per_point, y, label, va="center_baseline", size=SMALL,
                color=_COLOURS["ink"])  # fmt: skip


def _phase(step: dict[str, Any]) -> str:
    if step["step"] == Step.CANARY:
        return f"{step['share']:.0%}"
    return "watched" if step["step"] == Step.PROMOTED else str(step["step"])


def _draw_losses(
    ax: "Axes", result: dict[str, Any], span: tuple[float, float], per_point: float
) -> None:
    points = _points(result["daily"])
    mark = "." if len(points) == 1 else ""
    for name, style, colour in (("served", "-", "served"), ("never", "--", "ink")):
        x, y = [p["at"] for p in points], [p[name] for p in points]
        ax.plot(x, y, ls=style, marker=mark, color=_COLOURS[colour], lw=1.4)
    signs = [(_days(alert["at"]), "alert") for alert in result["alerts"]]
    signs += [(_days(s["at"]), s["step"]) for s in result["timeline"] if s["step"] in _SIGNS]
    free = -math.inf
    for when, sign in sorted(signs):
        ax.axvline(when, color=_COLOURS[_SIGNS[sign]], lw=1, ls=":")
        label = str(sign).replace("_", " ")
        left = min(when, span[1] - len(label) * _GLYPH * per_point)
        if left >= free:
            free = left + (len(label) * _GLYPH + 6) * per_point
            ax.annotate(label, (left, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
                        textcoords="offset points", color=_COLOURS["ink"], size=SMALL)  # fmt: skip


def periods_per_point(daily: list[dict[str, Any]]) -> int:
    """Return how many periods one drawn point stands for."""
    return math.ceil(len(daily) / _POINTS) or 1


def _points(daily: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Average neighbouring periods by their rows, so that a long history stays readable."""
    size = periods_per_point(daily)
    points = []
    for first in range(0, len(daily), size):
        group = daily[first : first + size]
        point = {"at": _days(group[0]["at"])}
        for name in ("served", "never"):
            known = [day for day in group if _is_number(day[name]) and day["n"] > 0]
            rows = sum(day["n"] for day in known)
            point[name] = sum(d[name] * d["n"] for d in known) / rows if rows else math.nan
        points.append(point)
    return points


def _plain_axes(ax: "Axes", span: tuple[float, float], *, ticks: int, dated: bool) -> None:
    hours = span[1] - span[0] < _HOURS
    unit = 1 / 24 if hours else 1.0
    step = math.ceil((span[1] - span[0]) / unit / ticks)
    first, last = math.ceil(span[0] / unit), math.floor(span[1] / unit)
    at = [n * unit for n in range(first, last + 1, step)]
    style = "%d %b %H:%M" if hours else "%d %b" if span[1] - span[0] < _YEARS else "%b %Y"
    ax.set_xticks(at, [(_EPOCH + timedelta(days=x)).strftime(style) for x in at])
    ax.set_xlim(*span)
    ax.tick_params(length=0, colors=_COLOURS["ink"], labelbottom=dated)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(_COLOURS["muted"])


def _span(result: dict[str, Any]) -> tuple[float, float]:
    """Return the stretch of event time in which anything happened, with a little room."""
    kinds = ("alerts", "verdicts", "timeline", "daily")
    moments = [_days(item["at"]) for kind in kinds for item in result[kind]]
    moments.append(_days(result["began"]))
    room = (max(moments) - min(moments)) * 0.02 or 0.5
    return min(moments) - room, max(moments) + room


def _days(at: str) -> float:
    """Place a moment on the axis."""
    return (datetime.fromisoformat(at) - _EPOCH) / timedelta(days=1)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
