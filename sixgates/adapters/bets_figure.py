"""The drawing of gates 5 and 6: how the evidence grew, against the values at which it is enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from sixgates.adapters.figure_axes import Span, beside, dated, floor, panel
from sixgates.adapters.standalone_page import COLOURS, INCH, drawing, inline

_WIDTH, _HIGH, _LEFT, _RIGHT, _TOP, _BOTTOM = 270.0, 92.0, 34.0, 12.0, 6.0, 18.0
_LEAST, _MOST = 1e-2, 1e4
"""Evidence beyond these is drawn at them: it says no more."""


class Style(NamedTuple):
    """How a line is drawn; never by its colour alone."""

    colour: str
    line: str
    marker: str
    sign: str
    """The marker as a letter, for the caption."""


STYLES = (
    Style("served", "-", "o", "●"),
    Style("alert", "--", "^", "▲"),
    Style("rank", "-.", "D", "◆"),
    Style("mixed", ":", "v", "▼"),
    Style("pass", "--", "s", "■"),
    Style("ink", "-.", "X", "✖"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """The evidence of one check, at each verdict on record."""

    name: str
    style: Style
    at: tuple[float, ...]
    """Days since 1970."""
    e: tuple[float, ...]
    """E-values; 1 is no evidence."""
    enough: float


def draw_bets(lines: Sequence[Line], colour: str, salt: str) -> Markup:
    """Draw e-values over time on a log scale, as wide as a telephone.

    Args:
        lines: One or more, each with one moment at least.
        colour: Of the values at which they are enough.
        salt: Makes the names in the drawing its own.
    """
    from matplotlib.figure import Figure

    height = _TOP + _HIGH + _BOTTOM
    moments = [at for line in lines for at in line.at]
    room = (max(moments) - min(moments)) * 0.03 or 0.5
    x = Span(min(moments) - room, max(moments) + room)
    every = [e for line in lines for e in line.e]
    high = max(10.0, *(line.enough for line in lines), *map(_kept, every))
    y = Span(math.log10(_LEAST) - 0.1, math.log10(high) + 0.15)
    box = (_LEFT / _WIDTH, _BOTTOM / height, 1 - (_LEFT + _RIGHT) / _WIDTH, _HIGH / height)
    with drawing(salt):
        figure = Figure(figsize=(_WIDTH / INCH, height / INCH), dpi=INCH)
        ax = panel(figure, box, x, y)
        ax.hlines(0.0, *x, color=COLOURS["soft"], lw=0.8)
        for enough in sorted({line.enough for line in lines}):
            ax.hlines(math.log10(enough), *x, color=COLOURS[colour], lw=1.4, ls="--")
        for line in reversed(lines):
            style = line.style
            ax.plot(line.at, [math.log10(_kept(e)) for e in line.e], ls=style.line, lw=1.3,
                    marker=style.marker, ms=4.5, mew=0, color=COLOURS[style.colour],
                    clip_on=False)  # fmt: skip
        marks = {_LEAST: "\N{LESS-THAN OR EQUAL TO}.01", 1.0: "1"}
        marks |= {_MOST: "\N{GREATER-THAN OR EQUAL TO}10k"} if high == _MOST else {}
        marks |= {line.enough: f"{line.enough:,.0f}" for line in lines}
        beside(ax, [math.log10(e) for e in marks], list(marks.values()))
        floor(ax)
        dated(ax, x, 4)
        return inline(figure)


def _kept(e: float) -> float:
    return min(max(e, _LEAST), _MOST)
