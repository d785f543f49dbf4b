"""Figures as a table that a person reads."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from bench.figures import Figure

_SMALL, _TEN, _HUNDRED = 0.1, 10, 100


def table_of(figures: Sequence[Figure]) -> Table:
    """Return one line a figure, in the order given."""
    table = Table(show_lines=False, pad_edge=False, box=None, header_style="bold")
    table.add_column("figure", ratio=5)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("must be", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("how", ratio=7, style="dim")
    for figure in figures:
        table.add_row(
            escape(figure.name),
            said(figure),
            _bound(figure),
            _judged(figure),
            escape(figure.note),
        )
    return table


def said(figure: Figure) -> str:
    """Write a figure's value; a dash where there is none."""
    return "-" if figure.value is None else written(figure.value, figure.unit)


def written(value: float, unit: str) -> str:
    """Write a value with two or three digits that count, and its unit."""
    size = float(abs(value))
    if 0 < size < _SMALL:
        return f"{value:.2g}{unit}"
    digits = 0 if size >= _HUNDRED or size.is_integer() else 1 if size >= _TEN else 2
    return f"{value:,.{digits}f}{unit}"


def _bound(figure: Figure) -> str:
    if figure.bound is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {written(figure.bound, figure.unit)}"


def _judged(figure: Figure) -> str:
    if not figure.ok:
        return "[bold red]no[/]"
    return "" if figure.bound is None else "[green]yes[/]"
