"""The drawing of gate 4: by how much two models differ, over all rows and by segment."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sixgates.adapters.figure_axes import (
    Span,
    apart,
    below,
    beside,
    cut,
    floor,
    panel,
    round_numbers,
)
from sixgates.adapters.standalone_page import COLOURS, INCH, drawing, inline

_WIDTH, _ROW, _NAMES, _RIGHT, _BOTTOM = 270.0, 14.0, 84.0, 10.0, 18.0
_LONGEST = 18
"""Letters of a segment's name."""
MOST = 12
"""Rows of the drawing."""


def draw_differences(
    found: Sequence[Mapping[str, Any]], margin: float, outcome: str, salt: str
) -> Markup:
    """Draw intervals beside no difference and the margin, as wide as a telephone.

    Args:
        found: `Difference` as plain values, at most `MOST` of them, that over all rows first.
        margin: Of gate 4.
        outcome: Of its check of all rows.
        salt: Makes the names in the drawing its own.
    """
    from matplotlib.figure import Figure

    height = _ROW * len(found) + _BOTTOM
    ends = [x for d in found for x in (d["mean"], d["low"], d["high"]) if x is not None]
    room = (max(*ends, margin, 0.0) - min(*ends, margin, 0.0)) * 0.04 or 1.0
    span = Span(min(*ends, margin, 0.0) - room, max(*ends, margin, 0.0) + room)
    box = (_NAMES / _WIDTH, _BOTTOM / height, 1 - (_NAMES + _RIGHT) / _WIDTH, 1 - _BOTTOM / height)
    places = range(len(found))
    with drawing(salt):
        figure = Figure(figsize=(_WIDTH / INCH, height / INCH), dpi=INCH)
        ax = panel(figure, box, span, Span(len(found) - 0.5, -0.5))
        ax.vlines(0.0, len(found) - 0.5, -0.5, color=COLOURS["muted"], lw=1)
        ax.vlines(margin, len(found) - 0.5, -0.5, color=COLOURS["fail"], lw=1.2, ls="--")
        for y, d in enumerate(found):
            if d["low"] is not None:
                colour = COLOURS[outcome if y == 0 else "ink"]
                ax.plot((d["low"], d["high"]), (y, y), color=colour, lw=1.6)
        ax.plot(found[0]["mean"], 0, "s", color=COLOURS[outcome], ms=6, mew=0)
        ax.plot([d["mean"] for d in found[1:]], places[1:], "o", color=COLOURS["ink"], ms=4, mew=0)
        beside(ax, places, [cut(d["rows"], _LONGEST) for d in found])
        floor(ax)
        at = round_numbers(span, 4)
        below(ax, at, apart(at))
        return inline(figure)
