"""The drawing of one policy of a backtest: what it lost over time, and what it did when."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sixgates.adapters.figure_axes import Span, apart, beside, dated, days, floor, panel
from sixgates.adapters.standalone_page import COLOURS, INCH, drawing, inline

_WIDTH, _HIGH, _LANE = 270.0, 92.0, 10.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 66.0, 8.0, 4.0, 18.0
_POINTS = 60
"""A line of losses has at most so many points."""
_LANES = {
    "alert": ("v", "alert"), "held": ("s", "muted"), "retrain": ("|", "ink"),
    "refused": ("X", "fail"), "promoted": ("o", "pass"), "rolled back": ("D", "fail"),
    "expired": ("D", "inconclusive"),
}  # fmt: skip
"""What is marked, from top to bottom, with its marker and colour."""
_BLIND = "without gates"
"""The lane of retrains that no gate judged."""
Play = Mapping[str, Any]


def windows_per_point(windows: Sequence[str]) -> int:
    """Return how many windows one drawn point stands for."""
    return math.ceil(len(windows) / _POINTS) or 1


def draw_policy(
    plays: Mapping[str, Play], windows: Sequence[str], reach: tuple[float, float], salt: str
) -> Markup:
    """Draw a policy with its gates on and off beside no retrain at all, as wide as a telephone.

    Args:
        plays: By `on`, `off` and `never`; what was not played is left out.
        windows: When each window of the losses ended.
        reach: Between which losses to draw, the same for all policies.
        salt: Makes the names in the drawing its own.
    """
    from matplotlib.figure import Figure

    lanes = _lanes(plays)
    below = _LANE * len(lanes)
    height = _TOP + _HIGH + below + _BOTTOM
    at = [days(end) for end in windows[:: windows_per_point(windows)]]
    room = (days(windows[-1]) - at[0]) * 0.02 or 0.5
    x = Span(at[0] - room, days(windows[-1]) + room)
    left, across = _LEFT / _WIDTH, 1 - (_LEFT + _RIGHT) / _WIDTH
    with drawing(salt):
        figure = Figure(figsize=(_WIDTH / INCH, height / INCH), dpi=INCH)
        box = (left, (below + _BOTTOM) / height, across, _HIGH / height)
        ax = panel(figure, box, x, Span(*reach))
        for name, style, colour in (("never", ":", "ink"), ("off", "--", "alert"),
                                    ("on", "-", "served")):  # fmt: skip
            if name in plays:
                ax.plot(at, averaged(plays[name]["loss_by_window"]), ls=style, lw=1.3,
                        marker="." if len(at) == 1 else "", color=COLOURS[colour])  # fmt: skip
        low, high = reach
        marks = [low + share * (high - low) for share in (0.08, 0.5, 0.92)]
        beside(ax, marks, apart(marks))
        if lanes:
            box = (left, _BOTTOM / height, across, below / height)
            ax = panel(figure, box, x, Span(len(lanes) - 0.5, -0.5))
            ax.hlines(range(len(lanes)), *x, lw=0.5, color=COLOURS["soft"])
            beside(ax, range(len(lanes)), list(lanes))
            for place, (name, moments) in enumerate(lanes.items()):
                marker, colour = _LANES["retrain" if name == _BLIND else name]
                ax.plot(moments, [place] * len(moments), marker, ms=4.5, color=COLOURS[colour],
                        clip_on=False)  # fmt: skip
        floor(ax)
        dated(ax, x, 4)
        return inline(figure)


def averaged(losses: Sequence[float | None]) -> list[float]:
    """Average neighbouring windows, so that a long history stays readable; NaN without a label.

    >>> averaged([0.1, None, 0.3])
    [0.1, nan, 0.3]
    """
    size = math.ceil(len(losses) / _POINTS) or 1
    groups = (losses[first : first + size] for first in range(0, len(losses), size))
    known = ([loss for loss in group if loss is not None] for group in groups)
    return [sum(group) / len(group) if group else math.nan for group in known]


def _lanes(plays: Mapping[str, Play]) -> dict[str, list[float]]:
    """Return what happened with gates on, by kind, and the retrains without them."""
    told: dict[str, list[float]] = {}
    for event in plays["on"]["events"] if "on" in plays else ():
        what = str(event["what"]).split(" at ", maxsplit=1)[0].replace("_", " ")
        told.setdefault(what, []).append(days(event["at"]))
    lanes = {name: told[name] for name in _LANES if name in told}
    blind = [e for e in plays["off"]["events"] if e["what"] == "retrain"] if "off" in plays else []
    return lanes | ({_BLIND: [days(e["at"]) for e in blind]} if blind else {})
