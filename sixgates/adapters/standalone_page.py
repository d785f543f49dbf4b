"""What every page shares: one look, and nothing outside the file.

A page holds its style (`page.css`, light and dark, screen, telephone and paper) and its drawings,
which take their colours from that style.
"""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INCH = 72.0
"""Points. All lengths of a drawing are points."""
FONT, SMALL = 9.0, 8.0
"""Sizes of the letters in a drawing."""


def environment() -> Environment:
    """Return where the templates of the pages are found; what they are given is escaped."""
    return Environment(
        loader=PackageLoader("sixgates.adapters", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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
        yield


def inline(figure: "Figure", colours: Mapping[str, str]) -> Markup:
    """Make a drawn figure part of a page: no header, no names that two figures share.

    Args:
        figure: Drawn within `drawing`.
        colours: Name of a variable of the page to the stand-in that the figure was drawn with, so
            that it follows light and dark.
    """
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    text = drawn.getvalue()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg .*?(viewBox="[^"]*").*?>', r'<svg \1 aria-hidden="true">', svg, count=1,
                 flags=re.DOTALL)  # fmt: skip
    svg = re.sub(r'<g id="[^"]*"', "<g", svg).replace("xlink:href", "href")
    for name, stand_in in colours.items():
        svg = svg.replace(stand_in, f"var(--{name})")
    # Every character that came from a result was escaped by the writer of the SVG.
    return Markup(svg)  # noqa: S704
