"""Play seeded lives through the watch: how long until a false alert, how long until a true one?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table

from cli.measured import Progress, figures_table, table
from cli.say import stdout


def sweep_watch(runs: int, seed: int, *, worlds: Sequence[str] = ()) -> dict[str, Any]:
    """Return run lengths, delays and figures; progress goes to standard error.

    Args:
        runs: Quiet lives a world, and a quarter as many for each shift.
        seed: The same seed gives the same table, on however many cores.
        worlds: Those to play; none means all.

    Raises:
        ConfigurationError: An unknown world.
    """
    from simulation.sweep.pool import cores
    from simulation.sweep.watch.lives import LIVE
    from simulation.sweep.watch.table import plan_watch, play_watch
    from simulation.sweep.watch.worlds import TOLD

    planned = plan_watch(runs, seed, worlds)
    progress = Progress(len(planned.tasks))
    swept = play_watch(planned, processes=cores(), told=progress.told)
    return {
        "runs": runs,
        "windows": LIVE,
        "seed": seed,
        "worlds": {name: TOLD[name] for name in planned.quiet},
        "quiet": [asdict(found) for found in swept.quiet],
        "delays": [asdict(delay) for delay in swept.delays],
        "figures": [asdict(figure) for figure in swept.figures],
    }


def show_sweep_watch(found: dict[str, Any]) -> None:
    """Print the run lengths as one table, the delays as another, and the figures as a third."""
    stdout.print(_quiet(found))
    stdout.print(_delays(found["delays"]))
    stdout.print(figures_table(found["figures"]))


def _quiet(found: dict[str, Any]) -> Table:
    title = f"Quiet lives: {found['runs']:,} a world, {found['windows']} windows at most"
    shown = table(title, "world", "floors", "alerts", "windows", "to an alert", "95 % bounds")
    for row in found["quiet"]:
        high = "" if row["high"] is None else f"{row['high']:,.0f}"
        least = "" if row["alerts"] else "> "
        shown.add_row(
            row["world"], row["floors"], f"{row['alerts']:,}", f"{row['windows']:,}",
            f"{least}{row['run_length']:,.0f}", f"{row['low']:,.0f} to {high}",
        )  # fmt: skip
    return shown


def _delays(rows: Sequence[dict[str, Any]]) -> Table:
    shown = table("Windows from a shift of three features to the alert", "world", "index", "after",
                  "median", "quarter", "unseen", "early", "lives")  # fmt: skip
    for row in rows:
        median, quarter = (
            "> 20" if row[k] is None else f"{row[k]:g}" for k in ("median", "quarter")
        )
        shown.add_row(
            row["world"], f"{row['stability_index']:g}", str(row["quiet_before"]), median, quarter,
            str(row["unseen"]), str(row["early"]), str(row["lives"]),
        )  # fmt: skip
    return shown
