"""The page of a sweep: how often each rule is wrong, how soon right, and whether bounds are kept.

The page stands alone: no outside asset, no script, light and dark, on paper and on a telephone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sixgates.adapters.standalone_page import environment
from sixgates.adapters.sweep_figure import Style, draw_world, style_of


def write_sweep(path: Path, found: Mapping[str, Any]) -> None:
    """Write the page.

    Args:
        path: Where to.
        found: What `sixgates sweep --json` prints.
    """
    pages = environment()
    pages.filters |= {"count": _count, "end": _end}
    limits = found["limits"]
    bars = limits["alpha"], limits["beta"]
    worlds = [
        _World(f"world-{n}", name, found["scenarios"].get(name, ""), list(cells), bars)
        for n, (name, cells) in enumerate(groupby(found["cells"], key=lambda c: c["world"]), 1)
    ]
    page = pages.get_template("sweep.html.j2").render(
        found=found,
        limits=limits,
        worlds=worlds,
        kept=sum(bool(figure["ok"]) for figure in found["figures"]),
    )
    path.write_text(page, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _World:
    """One world, as the page tells it."""

    id: str
    name: str
    told: str
    cells: list[dict[str, Any]]
    bars: tuple[float, float]

    @property
    def rules(self) -> dict[str, Style]:
        """Each rule that was played, and how it is drawn."""
        return {cell["rule"]: style_of(cell["rule"]) for cell in self.cells}

    def figure(self, *, wide: bool) -> Markup:
        """Draw it, for a desk or for a telephone."""
        salt = f"{self.id}-{'wide' if wide else 'narrow'}"
        return draw_world(self.cells, self.bars, salt, wide=wide)


def _end(value: float) -> str:
    """Write an end of an interval."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"  # noqa: PLR2004


def _count(value: float | None) -> str:
    """Write how many, or that nobody knows."""
    return "\N{EN DASH}" if value is None else f"{value:,.0f}"
