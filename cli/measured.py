"""What every sweep shows: how far it is, and its figures."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from cli.say import stderr
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.verdict import numbers

if TYPE_CHECKING:
    from simulation.sweep.pool import Task


class Progress:
    """Says after each task how many are done, and how long the rest may take."""

    def __init__(self, total: int) -> None:
        """Start the clock."""
        self.total, self.done, self.began = total, 0, time.monotonic()

    def told(self, task: "Task") -> None:
        """Say that a task is done."""
        self.done += 1
        left = (time.monotonic() - self.began) / self.done * (self.total - self.done)
        tell(f"{self.done} of {self.total}: {task.name} (about {_span(left)} left)")


def require_place(report: Path) -> None:
    """Refuse a place where no page can be written, before anything is measured.

    Raises:
        ConfigurationError: it is no file in a folder that exists.
        OSError: it may not be written, or not there.
    """
    if not report.parent.is_dir() or report.is_dir():
        raise ConfigurationError(
            f"--report {report} is no file in a folder that exists: make it, or name another"
        )
    is_new = not report.exists()
    report.open("a").close()
    if is_new:
        report.unlink()


def figures_table(found: Sequence[dict[str, Any]]) -> Table:
    """Show each figure with its bound, and whether it keeps it."""
    shown = table("Figures", "figure", "value", "bound", "")
    shown.columns[0].no_wrap = False
    for figure in found:
        mark = "[green]kept[/]" if figure["ok"] else "[red]missed[/]"
        name = escape(figure["name"])
        shown.add_row(name, *numbers(figure["value"], figure["bound"]), mark)
    return shown


def table(title: str, first: str, *others: str) -> Table:
    """Begin a table that fits 80 columns."""
    begun = Table(title=title, box=SIMPLE, show_edge=False, padding=0)
    begun.add_column(first, no_wrap=True)
    for name in others:
        begun.add_column(name, justify="right", no_wrap=True)
    return begun


def tell(sentence: str) -> None:
    """Say a sentence on standard error."""
    stderr.print(escape(sentence), highlight=False, soft_wrap=True)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"  # noqa: PLR2004
