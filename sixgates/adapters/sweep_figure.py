"""The drawing of one world of a sweep: what each rule decides, and after how many requests."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from markupsafe import Markup

from sixgates.adapters.standalone_page import COLOURS, INCH, SMALL, drawing, inline

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Style(NamedTuple):
    """How a rule is drawn; never by its colour alone."""

    colour: str
    line: str
    marker: str
    sign: str
    """The marker as a letter, for the caption."""


_STYLES = {
    "production": Style("served", "-", "o", "●"),
    "z-peek": Style("fail", ":", "X", "✖"),
    "fixed-limit": Style("alert", "-.", "^", "▲"),
    "mann-whitney": Style("rank", "--", "D", "◆"),
    "mixture-sprt": Style("mixed", "--", "v", "▼"),
}
_OTHER = Style("pass", "-.", "s", "■")
"""The gate's own methods put together otherwise."""
_PANELS = (
    ("P(promote)", "p_promote"),
    ("P(roll back)", "p_rollback"),
    ("requests to the verdict", "requests"),
)
_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 8.0, 18.0, 30.0
"""Room around a panel."""


def style_of(rule: str) -> Style:
    """Return how a rule is drawn."""
    return _STYLES.get(rule, _OTHER)


def draw_world(
    cells: Sequence[Mapping[str, Any]], bars: tuple[float, float], salt: str, *, wide: bool
) -> Markup:
    """Draw the power curves of a world and the time to the verdict, for a desk or a telephone.

    Args:
        cells: Its cells, of all rules and effects.
        bars: Alpha and beta.
        salt: Makes the names in the drawing its own.
        wide: Side by side, for a desk; otherwise one above the other.
    """
    from matplotlib.figure import Figure

    width, across, high = (720.0, 190.0, 150.0) if wide else (270.0, 226.0, 120.0)
    columns, rows = (3, 1) if wide else (1, 3)
    step = width / columns, _TOP + high + _BOTTOM
    height = rows * step[1]
    with drawing(salt):
        figure = Figure(figsize=(width / INCH, height / INCH), dpi=INCH)
        for n, (title, value) in enumerate(_PANELS):
            left, top = (n % columns) * step[0] + _LEFT, (n // columns) * step[1] + _TOP
            place = (left / width, 1 - (top + high) / height, across / width, high / height)
            ax = figure.add_axes(place)
            _draw_requests(ax, cells) if value == "requests" else _draw_power(
                ax, cells, value, bars
            )
            _plain_axes(ax, title, sorted({cell["effect_in_margins"] for cell in cells}))
        return inline(figure)


def _draw_power(
    ax: "Axes", cells: Sequence[Mapping[str, Any]], value: str, bars: tuple[float, float]
) -> None:
    low, high = _reach([cell["effect_in_margins"] for cell in cells])
    # Where the decision is wrong, more than the promised rate is shaded.
    wrong = (1.0, high, bars[0]) if value == "p_promote" else (low, 0.0, bars[1])
    if wrong[0] < wrong[1]:
        ax.fill_between(wrong[:2], wrong[2], 1.0, color=COLOURS["soft"], alpha=0.5, lw=0)
    for rule, x, line in _by_rule(cells):
        style = style_of(rule)
        if rule == "production":
            ends = [cell[f"{value}_low"] for cell in line], [cell[f"{value}_high"] for cell in line]
            ax.vlines(x, *ends, color=COLOURS[style.colour], lw=1)
        _line(ax, style, x, [cell[value] for cell in line])
    ax.set_ylim(-0.03, 1.03)
    ax.set_yticks([0, 0.5, 1], ["0", ".5", "1"])


def _draw_requests(ax: "Axes", cells: Sequence[Mapping[str, Any]]) -> None:
    ax.set_yscale("log")
    for rule, x, line in _by_rule(cells):
        _line(ax, style_of(rule), x, [cell["mean_requests"] for cell in line])
    known = {
        cell["effect_in_margins"]: cell["wald_requests"]
        for cell in cells
        if cell["wald_requests"] is not None
    }
    ax.plot(list(known), list(known.values()), "_", color=COLOURS["ink"], ms=11, mew=1.6, zorder=4)
    low, high = ax.get_ylim()
    ticks = [n * 10**k for k in range(1, 6) for n in (1, 3) if low <= n * 10**k <= high]
    ax.set_yticks(ticks, [_short(tick) for tick in ticks])
    ax.minorticks_off()


def _by_rule(
    cells: Sequence[Mapping[str, Any]],
) -> list[tuple[str, list[float], list[Mapping[str, Any]]]]:
    """Each rule with its effects and cells in their order; the gate's own last, to lie on top."""
    order = sorted(
        cells, key=lambda c: (c["rule"] == "production", c["rule"], c["effect_in_margins"])
    )
    lines = [(rule, list(group)) for rule, group in groupby(order, key=lambda c: str(c["rule"]))]
    return [(rule, [cell["effect_in_margins"] for cell in line], line) for rule, line in lines]


def _line(ax: "Axes", style: Style, x: list[float], y: list[float]) -> None:
    own = style is _STYLES["production"]
    thick, size, above = (2.0, 5.5, 3) if own else (1.1, 5, 2)
    ax.plot(x, y, ls=style.line, lw=thick, marker=style.marker, ms=size, mew=0, zorder=above,
            color=COLOURS[style.colour], clip_on=False)  # fmt: skip


def _plain_axes(ax: "Axes", title: str, effects: list[float]) -> None:
    ax.set_title(title, loc="left", size=SMALL + 1, color=COLOURS["ink"], pad=6)
    ax.set_xlim(*_reach(effects))
    ax.set_xticks(effects, [_effect(effect) for effect in effects])
    ax.set_xlabel("true effect, in margins", size=SMALL, color=COLOURS["muted"], labelpad=2)
    ax.tick_params(length=0, colors=COLOURS["ink"], labelsize=SMALL)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        ax.spines[side].set_color(COLOURS["muted"])


def _reach(effects: list[float]) -> tuple[float, float]:
    room = max((max(effects) - min(effects)) * 0.04, 0.2)
    return min(effects) - room, max(effects) + room


def _effect(effect: float) -> str:
    return "½" if effect == 0.5 else f"{effect:g}".replace("-", "\N{MINUS SIGN}")  # noqa: PLR2004


def _short(requests: int) -> str:
    return f"{requests // 1000:,}k" if requests >= 1000 else f"{requests}"  # noqa: PLR2004
