"""What every page shares: one look, and nothing outside the file.

A page holds its style (`page.css`, light and dark, screen, telephone and paper) and its drawings,
which take their colours from that style.
"""

import io
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sixgates.gates.verdict import number, numbers, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 72.0
"""Points. All lengths of a drawing are points."""
FONT, SMALL = 9.0, 8.0
"""Sizes of the letters in a drawing."""
GLYPH = 0.55 * SMALL
"""Mean width of a small letter."""
COLOURS = {
    "ink": "#000001", "muted": "#000002", "soft": "#000003", "pass": "#000004", "fail": "#000005",
    "inconclusive": "#000006", "served": "#000007", "alert": "#000008", "rank": "#000009",
    "mixed": "#00000a",
}  # fmt: skip
"""Stand-ins that a drawn figure trades for the page's variables, so it follows light and dark."""
NONE = "\N{EN DASH}"
"""Stands where there is no figure."""


@cache
def environment() -> Environment:
    """Return where the templates of the pages are found; what they are given is escaped."""
    pages = Environment(
        loader=PackageLoader("sixgates.adapters", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "number": figure_of, "numbers": figures_of, "day": day, "share": share_of,
        "percent": percent, "seconds": _seconds,
    }  # fmt: skip
    return pages


@contextmanager
def drawing(salt: str) -> Iterator[None]:
    """Draw with the fonts of a page.

    Args:
        salt: Makes the names in the drawing its own; no two drawings of a page share one.
    """
    import matplotlib as mpl

    # Fonts and salt are read while drawing, and only from the settings in force.
    with mpl.rc_context():
        mpl.rcParams["svg.hashsalt"] = salt
        mpl.rcParams["svg.fonttype"] = "none"
        mpl.rcParams["font.family"] = "DejaVu Sans"
        mpl.rcParams["font.size"] = FONT
        mpl.rcParams["text.parse_math"] = False  # a level "$$" is a price, and no formula
        yield


def inline(figure: "Figure") -> Markup:
    """Make a drawn figure part of a page: no header, no names that two figures share.

    Args:
        figure: Drawn within `drawing`, with the stand-ins of `COLOURS`.
    """
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    text = drawn.getvalue()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg .*?(viewBox="[^"]*").*?>', r'<svg \1 aria-hidden="true">', svg, count=1,
                 flags=re.DOTALL)  # fmt: skip
    svg = re.sub(r'<g id="[^"]*"', "<g", svg).replace("xlink:href", "href")
    for name, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{name})")
    # Every character that came from a result was escaped by the writer of the SVG.
    return Markup(svg)  # noqa: S704


def figure_of(value: float | None) -> str:
    """Write a figure, or say that there is none."""
    if value is None:
        return NONE
    return number(value) if math.isfinite(value) else str(value)


def figures_of(values: Iterable[float | None]) -> list[str]:
    """Write figures that are compared, see `numbers`."""
    return numbers(*values, unknown=NONE)


def day(at: str) -> str:
    """Write a moment without a midnight that says nothing."""
    moment = datetime.fromisoformat(at)
    midnight = moment.time() == moment.min.time()
    return moment.strftime("%Y-%m-%d") if midnight else moment.strftime("%Y-%m-%d %H:%M")


def share_of(value: float) -> str:
    """Write a share in percent."""
    return f"{value:.1%}"


def _seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f} s"
