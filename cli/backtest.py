"""Play retraining policies on a project's own history, and say which to choose."""

import time
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.measured import require_place, table, tell
from cli.say import stdout

_EVERY_SECONDS = 5.0


class _Progress:
    """Says now and then how far the history is walked."""

    def __init__(self) -> None:
        self.began = self.said = time.monotonic()

    def __call__(self, played: int, periods: int, fits: int) -> None:
        now = time.monotonic()
        if now - self.said < _EVERY_SECONDS and played < periods:
            return
        self.said = now
        left = (now - self.began) / played * (periods - played)
        tell(f"{played} of {periods} periods, {fits} models trained (about {left:.0f} s left)")


def backtested(project: str, data: str | None, report: Path | None = None) -> dict[str, Any]:
    """Return what came of every policy, and write the page; progress goes to standard error.

    Args:
        project: Name or path of the project file.
        data: Address of the history; None takes the project's own source.
        report: Where to write a page.

    Raises:
        ConfigurationError: an unknown project, a history that cannot be played, or a folder for
            the page that does not exist.
    """
    from simulation.backtest.backtest import backtest
    from sixgates.adapters.project_files import load_project

    if report is not None:
        require_place(report)
    found = backtest(load_project(project), data, _Progress())
    if report is not None:
        from sixgates.adapters.backtest_page import write_backtest

        write_backtest(report, found)
        tell(f"the page is {report.resolve().as_uri()}")
    return found


def show_backtest(found: dict[str, Any]) -> None:
    """Print a row a policy, and the recommendation.

    However long a figure is, a row fits 80 columns: regret, a bound, has two digits for that.
    """
    stdout.print(_policies(found))
    stdout.print(f"[bold]Recommended:[/] {escape(found['recommendation'])}", soft_wrap=True)


def _policies(found: dict[str, Any]) -> Table:
    title = f"{found['project']}: {found['played']:,} of {found['rows']:,} rows played"
    shown = table(
        title, "policy", "gates", "loss", found["metric"], "worst", "runs", "refused", "back",
        "sec", "regret",
    )  # fmt: skip
    for row in found["policies"]:
        gates = "" if row["policy"] == "never" else "on" if row["gates"] else "off"
        shown.add_row(
            row["policy"], gates, f"{row['mean_loss']:.4g}", f"{row['metric']:.4g}",
            f"{row['worst_window']:.4g}", str(row["retrains"]), str(row["refused"]),
            str(row["rolled_back"]), f"{row['train_seconds']:.0f}", f"{row['regret']:.2g}",
        )  # fmt: skip
    return shown
