"""Break the feeds of seeded tables, and move their worlds: is one told from the other?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from cli.measured import Progress, figures_table, table
from cli.say import stdout


def sweep_triage(tables: int, seed: int) -> dict[str, Any]:
    """Return the confusion matrix and its figures; progress goes to standard error.

    Args:
        tables: How many are drawn; everything befalls each of them once.
        seed: The same seed gives the same matrix, on however many cores.
    """
    from simulation.sweep.pool import cores
    from simulation.sweep.triage.table import plan_triage, play_triage

    planned = plan_triage(tables, seed)
    progress = Progress(len(planned))
    swept = play_triage(planned, processes=cores(), told=progress.told)
    return {
        "tables": tables,
        "seed": seed,
        "matrix": [asdict(row) for row in swept.matrix],
        "figures": [asdict(figure) for figure in swept.figures],
        "wrong": [asdict(episode) for episode in swept.wrong],
    }


def show_sweep_triage(found: dict[str, Any]) -> None:
    """Print the confusion matrix as one table, the figures as another, then what went wrong."""
    stdout.print(_matrix(found))
    stdout.print(figures_table(found["figures"]))
    if found["wrong"]:
        stdout.print(_wrong(found["wrong"]))


def _matrix(found: dict[str, Any]) -> Table:
    title = f"{found['tables']:,} tables, seed {found['seed']}"
    shown = table(title, "what happened", "episodes", "named", "other fault", "retrain", "nothing")
    for row in found["matrix"]:
        counts = (row[name] for name in ("episodes", "named", "other", "asks", "nothing"))
        shown.add_row(row["kind"], *(f"{count:,}" for count in counts))
    return shown


def _wrong(episodes: Sequence[dict[str, Any]]) -> Table:
    shown = table("Sent to the wrong place", "table", "shape", "what happened", "called")
    for episode in episodes:
        shown.add_row(
            str(episode["table"]), episode["shape"], episode["kind"], ", ".join(episode["called"])
        )
    return shown
