"""The drawing of one feature that moved: as it was in training, and over it as it is now."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

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
from sixgates.adapters.standalone_page import COLOURS, INCH, SMALL, drawing, inline

_WIDTH, _HIGH, _BOTTOM = 270.0, 70.0, 18.0
_ROW, _NAMES, _SHARES = 18.0, 76.0, 62.0
"""Height of a level; width of what is written before and behind its bars."""
_LONGEST = 16
"""Letters of a level's name."""
_TAIL, _FEWEST = 3.0, 5
"""An outer group is drawn as at most so many times as wide as its neighbour, where edges are so
many."""
_SPIKE = 25.0
"""A group so many times denser than the middle one would leave nothing to see of the others."""


def draw_shape(shape: Mapping[str, Any], salt: str) -> Markup:
    """Draw a `Shape`, given as plain values, as wide as a telephone.

    A feature that was null throughout the training has no groups, and nothing to draw.

    Args:
        shape: What.
        salt: Makes the names in the drawing its own.
    """
    if not shape["reference"]:
        return Markup()
    with drawing(salt):
        return _levels(shape) if shape["levels"] else _numbers(shape)


def _numbers(shape: Mapping[str, Any]) -> Markup:
    from matplotlib.figure import Figure

    edges = np.asarray(shape["edges"], dtype=np.float64)
    sides = [np.asarray(shape[side], dtype=np.float64) for side in ("reference", "window")]
    widths = np.diff(edges)
    if is_even(shape):
        places, widths = np.arange(len(edges), dtype=np.float64), np.ones(len(widths))
        chosen = np.unique(np.linspace(0, len(edges) - 1, 4).astype(int))
        span, at, labels = Span(places[0], places[-1]), places[chosen], edges[chosen]
    else:
        places, span = edges, _middle(edges)
        whole = not (2 * edges % 2 - 1).any()  # then each cell is around one number
        at = labels = round_numbers(span, 4, whole=whole)
    usual, now = (np.repeat(side / widths, 2) for side in sides)
    steps, top = np.repeat(places, 2)[1:-1], max(usual.max(), now.max()) or 1.0
    figure = Figure(figsize=(_WIDTH / INCH, (_HIGH + _BOTTOM) / INCH), dpi=INCH)
    box = (0.06, _BOTTOM / (_HIGH + _BOTTOM), 0.88, _HIGH / (_HIGH + _BOTTOM))
    ax = panel(figure, box, span, Span(0.0, top * 1.04))
    ax.fill_between(steps, usual, color=COLOURS["soft"], lw=0)
    ax.plot(steps, usual, color=COLOURS["muted"], lw=0.8)
    ax.plot(steps, now, color=COLOURS["served"], lw=1.6)
    floor(ax)
    below(ax, list(at), apart([float(label) for label in labels]))
    return inline(figure)


def _middle(edges: NDArray[np.float64]) -> Span:
    """Return where the picture ends: tails that reach far would leave no room for the rest."""
    if len(edges) < _FEWEST:
        return Span(edges[0], edges[-1])
    low, high = np.diff(edges)[[1, -2]] * _TAIL
    return Span(max(edges[0], edges[1] - low), min(edges[-1], edges[-2] + high))


def is_even(shape: Mapping[str, Any]) -> bool:
    """Whether every group is drawn as wide as the others, for densities differ too much.

    Args:
        shape: A number's; of a categorical feature there is nothing to choose.
    """
    if not shape["edges"]:
        return False
    widths = np.diff(np.asarray(shape["edges"], dtype=np.float64))
    if not (widths > 0).all():
        return True
    usual, now = (np.asarray(shape[side], dtype=np.float64) for side in ("reference", "window"))
    filled = usual > 0
    middle = float(np.median(usual[filled] / widths[filled])) if filled.any() else 0.0
    return float(max((usual / widths).max(), (now / widths).max())) > _SPIKE * middle


def _levels(shape: Mapping[str, Any]) -> Markup:
    from matplotlib.figure import Figure

    usual, now, names = shape["reference"], shape["window"], shape["levels"]
    places, height = range(len(names)), _ROW * len(names) + 4.0
    most = max((*usual, *now)) or 1.0
    figure = Figure(figsize=(_WIDTH / INCH, height / INCH), dpi=INCH)
    box = (_NAMES / _WIDTH, 0.0, (_WIDTH - _NAMES - _SHARES) / _WIDTH, 1.0)
    ax = panel(figure, box, Span(0.0, most), Span(len(names) - 0.5, -0.5))
    ax.barh([y - 0.18 for y in places], usual, 0.34, color=COLOURS["muted"], lw=0)
    ax.barh([y + 0.18 for y in places], now, 0.34, color=COLOURS["served"], lw=0)
    beside(ax, places, [cut(name, _LONGEST) for name in names])
    for y in places:
        shares = f"{_share(usual[y])} \N{RIGHTWARDS ARROW} {_share(now[y])}"
        ax.annotate(shares, (1, y), xytext=(_SHARES, 0),
                    xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                    va="center_baseline", size=SMALL, color=COLOURS["ink"])  # fmt: skip
    return inline(figure)


def _share(share: float) -> str:
    """Write a share of rows; a rare level that moved would else be told as none.

    >>> _share(0.25), _share(0.004), _share(0.0)
    ('25%', '0.4%', '0%')
    """
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{100 * share:.1g}%"  # noqa: PLR2004
