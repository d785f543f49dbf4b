"""One figure of a play: alerts, gates, route and losses on one axis of event time, as SVG."""

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sixgates.adapters.figure_axes import Span, apart, beside, dated, days, floor, panel
from sixgates.adapters.standalone_page import COLOURS, GLYPH, INCH, SMALL, drawing, inline
from sixgates.gates.verdict import Gate, percent
from sixgates.ledger.route import OPEN_STEPS, Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKS = {"pass": "o", "fail": "X", "inconclusive": "D", "alert": "v"}
_LANES = ("alert", *(f"{gate.number} {gate}" for gate in Gate), "release", "serves")
_ENDS = {Step.CONFIRMED: "pass", Step.ROLLED_BACK: "fail", Step.EXPIRED: "inconclusive",
         Step.SUPERSEDED: "inconclusive"}  # fmt: skip
_SIGNS = {"alert": "alert", Step.PROMOTED: "pass", Step.ROLLED_BACK: "fail"}
"""What is marked across the losses, with its colour."""
_LANE = 17.0
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
    per_point = (span.last - span.first) / (width - left - right)
    x, across = left / width, (width - left - right) / width
    with drawing(salt):
        figure = Figure(figsize=(width / INCH, height / INCH), dpi=INCH)
        box = (x, 1 - (lanes + 4) / height, across, lanes / height)
        lowest = panel(figure, box, span, Span(len(_LANES) - 0.5, -0.5))
        _draw_lanes(lowest, result, span, per_point)
        if losses:
            points = _points(result["daily"])
            box = (x, bottom / height, across, losses / height)
            lowest = panel(figure, box, span, _reach(points))
            _draw_losses(lowest, result, points, per_point)
        floor(lowest)
        dated(lowest, span, 8 if wide else 4)
        return inline(figure)


def _draw_lanes(ax: "Axes", result: dict[str, Any], span: Span, per_point: float) -> None:
    places = range(len(_LANES))
    ax.hlines(places, *span, lw=0.5, color=COLOURS["soft"])
    beside(ax, places, _LANES)
    marks: dict[str, list[tuple[float, int]]] = {}
    for alert in result["alerts"]:
        marks.setdefault("alert", []).append((days(alert["at"]), 0))
    for verdict in result["verdicts"]:
        place = days(verdict["at"]), Gate(verdict["gate"]).number
        marks.setdefault(verdict["outcome"], []).append(place)
    route = result["timeline"]
    release, serves = _LANES.index("release"), _LANES.index("serves")
    for step, until in _with_ends(route, span.last):
        if step["step"] in OPEN_STEPS:
            _bar(ax, release, Span(days(step["at"]), until), _phase(step), per_point)
        elif step["step"] in _ENDS:
            marks.setdefault(_ENDS[step["step"]], []).append((days(step["at"]), release))
    changes = [
        step
        for before, step in pairwise([{"champion": None}, *route])
        if step["champion"] != before["champion"]
    ]
    for step, until in _with_ends(changes, span.last):
        _bar(ax, serves, Span(days(step["at"]), until), f"v{step['champion']}", per_point)
    for kind, at in marks.items():
        ax.plot(*zip(*at, strict=True), _MARKS[kind], color=COLOURS[kind], ms=6, zorder=3,
                clip_on=False)  # fmt: skip


def _with_ends(steps: list[dict[str, Any]], end: float) -> list[tuple[dict[str, Any], float]]:
    """Pair each step with the moment at which the next one took its place."""
    ends = [days(step["at"]) for step in steps[1:]]
    return list(zip(steps, [*ends, end], strict=False))


def _bar(ax: "Axes", lane: int, when: Span, label: str, per_point: float) -> None:
    from matplotlib.patches import Rectangle

    (since, until), low = when, lane - 0.36
    soft = 0.15 if label == Step.SHADOW else 0.35
    ax.add_artist(Rectangle((since, low), until - since, 0.72, fc=COLOURS["served"], alpha=soft))
    ax.plot((since, since), (low, low + 0.72), color=COLOURS["ink"], lw=0.7)
    if until - since > (len(label) * GLYPH + 4) * per_point:
        ax.text(since + 2 * per_point, lane, label, va="center_baseline", size=SMALL,
                color=COLOURS["ink"])  # fmt: skip


def _phase(step: dict[str, Any]) -> str:
    if step["step"] == Step.CANARY:
        return percent(step["share"])
    return "watched" if step["step"] == Step.PROMOTED else str(step["step"])


def _draw_losses(
    ax: "Axes", result: dict[str, Any], points: list[dict[str, float]], per_point: float
) -> None:
    mark = "." if len(points) == 1 else ""
    for name, style, colour in (("served", "-", "served"), ("never", "--", "ink")):
        x, y = [p["at"] for p in points], [p[name] for p in points]
        ax.plot(x, y, ls=style, marker=mark, color=COLOURS[colour], lw=1.4)
    low, high = ax.get_ylim()
    at = [low + share * (high - low) for share in (0.08, 0.5, 0.92)]
    beside(ax, at, apart(at))
    signs = [(days(alert["at"]), "alert") for alert in result["alerts"]]
    signs += [(days(s["at"]), s["step"]) for s in result["timeline"] if s["step"] in _SIGNS]
    free, last = -math.inf, ax.get_xlim()[1]
    for when, sign in sorted(signs):
        ax.plot((when, when), (low, high), color=COLOURS[_SIGNS[sign]], lw=1, ls=":")
        label = str(sign).replace("_", " ")
        left = min(when, last - len(label) * GLYPH * per_point)
        if left >= free:
            free = left + (len(label) * GLYPH + 6) * per_point
            ax.annotate(label, (left, 1), xycoords=("data", "axes fraction"), xytext=(0, 3),
                        textcoords="offset points", color=COLOURS["ink"], size=SMALL)  # fmt: skip


def periods_per_point(daily: list[dict[str, Any]]) -> int:
    """Return how many periods one drawn point stands for."""
    return math.ceil(len(daily) / _POINTS) or 1


def _points(daily: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Average neighbouring periods by their rows, so that a long history stays readable."""
    size = periods_per_point(daily)
    points = []
    for first in range(0, len(daily), size):
        group = daily[first : first + size]
        point = {"at": days(group[0]["at"])}
        for name in ("served", "never"):
            known = [day for day in group if _is_number(day[name]) and day["n"] > 0]
            rows = sum(day["n"] for day in known)
            point[name] = sum(d[name] * d["n"] for d in known) / rows if rows else math.nan
        points.append(point)
    return points


def _reach(points: list[dict[str, float]]) -> Span:
    """Return between which losses the lines lie, with a little room."""
    losses = [p[name] for p in points for name in ("served", "never") if math.isfinite(p[name])]
    if not losses:
        return Span(0.0, 1.0)
    room = (max(losses) - min(losses)) * 0.08 or abs(losses[0]) * 0.1 or 1.0
    return Span(min(losses) - room, max(losses) + room)


def _span(result: dict[str, Any]) -> Span:
    """Return the stretch of event time in which anything happened, with a little room."""
    kinds = ("alerts", "verdicts", "timeline", "daily")
    moments = [days(item["at"]) for kind in kinds for item in result[kind]]
    moments.append(days(result["began"]))
    room = (max(moments) - min(moments)) * 0.02 or 0.5
    return Span(min(moments) - room, max(moments) + room)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
