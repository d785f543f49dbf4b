"""Axes of a drawing: a bare panel, and a line of time or of figures below it.

Matplotlib's own ticks are five objects each and half the time of a drawing; a page needs their
texts alone.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sixgates.adapters.standalone_page import COLOURS, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC, like every moment here
_DAY, _HOUR, _MINUTE = 86_400, 3_600, 60
_STYLES = (
    (300 * _DAY, _DAY, "%b %Y"), (3 * _DAY, _DAY, "%d %b"), (3 * _HOUR, _HOUR, "%d %b %H:%M"),
    (3 * _MINUTE, _MINUTE, "%d %b %H:%M"), (0, 1, "%H:%M:%S"),
)  # fmt: skip
"""Of how many seconds on an axis of time shows which unit, and how it is written."""
_FEWEST, _MOST = 3, 16
"""Digits of a figure."""
_LETTERS = 8
"""Of a label, where as many fit as were asked for."""


class Span(NamedTuple):
    """From where to where an axis goes; of time, in days since 1970."""

    first: float
    last: float


def days(at: str) -> float:
    """Place a moment on an axis of time."""
    return (datetime.fromisoformat(at) - _EPOCH) / timedelta(days=1)


def panel(
    figure: "Figure", box: tuple[float, float, float, float], x: Span, y: Span
) -> "Axes":  # fmt: skip
    """Add a panel without lines and ticks.

    Args:
        figure: To what.
        box: Left, bottom, width and height, as shares of the figure.
        x: From left to right.
        y: From bottom to top.
    """
    ax = figure.add_axes(box)
    ax.set_axis_off()
    ax.set_xlim(*x)
    ax.set_ylim(*y)
    return ax


def floor(ax: "Axes") -> None:
    """Draw the line on which a panel stands."""
    ax.plot((0, 1), (0, 0), transform=ax.transAxes, color=COLOURS["muted"], lw=0.8, clip_on=False)


def below(ax: "Axes", at: Sequence[float], labels: Sequence[str]) -> None:
    """Write labels below a panel."""
    for x, label in zip(at, labels, strict=True):
        ax.annotate(label, (x, 0), xycoords=("data", "axes fraction"), xytext=(0, -4), va="top",
                    textcoords="offset points", ha="center", size=SMALL,
                    color=COLOURS["ink"])  # fmt: skip


def beside(ax: "Axes", at: Sequence[float], labels: Sequence[str]) -> None:
    """Write labels to the left of a panel."""
    for y, label in zip(at, labels, strict=True):
        ax.annotate(label, (0, y), xycoords=("axes fraction", "data"), xytext=(-4, 0),
                    textcoords="offset points", ha="right", va="center_baseline", size=SMALL,
                    color=COLOURS["ink"])  # fmt: skip


def dated(ax: "Axes", span: Span, most: int) -> None:
    """Write dates or times below a panel, at most so many."""
    first, last = (x * _DAY for x in span)
    unit, style = next((unit, how) for least, unit, how in _STYLES if last - first >= least)
    fits = min(most, most * _LETTERS // len(_EPOCH.strftime(style)))
    step = unit * math.ceil((last - first) / unit / fits)
    whole = range(unit * math.ceil(first / unit), math.floor(last) + 1, step)
    at: list[float] = [*whole] or [(first + last) / 2]  # all of it within a second
    labels = [(_EPOCH + timedelta(seconds=n)).strftime(style) for n in at]
    below(ax, [n / _DAY for n in at], labels)


def round_numbers(span: Span, most: int, *, whole: bool = False) -> list[float]:
    """Return round numbers within a span, about so many at most, and whole ones where asked."""
    from matplotlib.ticker import MaxNLocator

    at = MaxNLocator(most, integer=whole).tick_values(*span)
    return [float(x) for x in at if span.first <= x <= span.last]


def apart(values: Sequence[float]) -> list[str]:
    """Write the figures of an axis in a few letters, by which each can be told from the others.

    >>> apart([-0.5, 33_400, 2_500_000]), apart([0.4124, 0.41241]), apart([1000, 1000.2])
    (['-0.5', '33.4k', '2.5M'], ['0.4124', '0.41241'], ['1000.0', '1000.2'])
    """
    for digits in range(_FEWEST, _MOST):
        labels = [_short(value, digits) for value in values]
        if len({*labels}) == len({*values}):
            return labels
    return [repr(value) for value in values]


def _short(value: float, digits: int) -> str:
    for size, unit, sign in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= size:
            return f"{value / unit:.{digits}g}{sign}"
    return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.{max(digits - 4, 0)}f}"  # noqa: PLR2004


def cut(name: str, longest: int) -> str:
    """Return a name with at most so many letters."""
    return name if len(name) <= longest else f"{name[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
