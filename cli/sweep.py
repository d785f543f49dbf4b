"""Play seeded worlds through the gates: how often is each rule wrong, and how soon right?"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from cli.measured import Progress, figures_table, require_place, table, tell
from cli.say import stdout

if TYPE_CHECKING:
    from simulation.sweep.rules import Limits

_MEANS = ("mean_requests", "median_requests")


def sweep(
    worlds: int,
    seed: int,
    *,
    project: str | None = None,
    scenarios: Sequence[str] = (),
    effects: Sequence[float] = (),
    data: Path | None = None,
    report: Path | None = None,
) -> dict[str, Any]:
    """Return the cells and figures, and write the page; progress goes to standard error.

    Args:
        worlds: Seeded worlds a cell.
        seed: The same seed gives the same cells, on however many cores.
        project: Whose margin and error rates to play; None takes 0.02, 0.05 and 0.05.
        scenarios: Worlds to play. With none, all of them, and gates 4 and 6, speed and memory
            besides.
        effects: True effects in margins; none takes the full table's.
        data: Folder of real data sets; None plays no real pairs.
        report: Where to write a page.

    Raises:
        ConfigurationError: An unknown scenario or project, nothing that can be played, a folder
            without data, or one for the page that does not exist.
    """
    from simulation.sweep.plan import EFFECTS, TOLD
    from simulation.sweep.pool import cores
    from simulation.sweep.rules import Limits
    from simulation.sweep.table import Wanted, play_sweep, sweep_of

    if report is not None:
        require_place(report)
    limits = _limits_of(project) if project else Limits()
    planned = sweep_of(Wanted(worlds, seed, scenarios, effects or EFFECTS, limits, data))
    for sentence in planned.left_out:
        tell(f"left out: {sentence}")
    swept = play_sweep(planned, processes=cores(), told=Progress(len(planned)).told)
    found = {
        "worlds": worlds,
        "seed": seed,
        "project": project,
        "limits": asdict(limits),
        "scenarios": {cell.world: TOLD[cell.world] for cell in swept.cells},
        "cells": [asdict(cell) for cell in swept.cells],
        "real_pairs": [asdict(pairs) for pairs in swept.real_pairs],
        "figures": [asdict(figure) for figure in swept.figures],
        "left_out": list(planned.left_out),
    }
    if report is not None:
        from sixgates.adapters.sweep_page import write_sweep

        write_sweep(report, found)
        tell(f"the page is {report}")
    return found


def show_sweep(found: dict[str, Any]) -> None:
    """Print the cells as one table, the real pairs as another, and the figures as a third."""
    stdout.print(_cells(found))
    if found["real_pairs"]:
        stdout.print(_real_pairs(found["real_pairs"]))
    if found["figures"]:
        stdout.print(figures_table(found["figures"]))


def _limits_of(project: str) -> "Limits":
    from simulation.sweep.rules import Limits
    from sixgates.adapters.project_files import load_project

    loaded = load_project(project)
    policy = loaded.policies.canary
    return Limits(policy.margin / loaded.loss_clip, policy.alpha, policy.beta)


def _cells(found: dict[str, Any]) -> Table:
    title = f"{found['worlds']:,} worlds a cell, seed {found['seed']}"
    shown = table(title, "world, effect", "promote", "roll back", "neither", "requests", "Wald",
                   "canary", "harmed")  # fmt: skip
    last = None
    for cell in found["cells"]:
        place = f"{cell['world']}, {cell['effect_in_margins']:g} m"
        if place != last:
            shown.add_row(f"[bold]{place}[/]")
        wald = cell["wald_requests"]
        shown.add_row(
            f"  {cell['rule']}", f"{cell['p_promote']:.3f}",
            f"{cell['p_rollback']:.3f}", f"{cell['p_undecided']:.3f}",
            f"{cell['mean_requests']:,.0f}", "" if wald is None else f"{wald:,.0f}",
            f"{cell['canary_requests']:,.0f}", f"{cell['harmed']:,.0f}",
        )  # fmt: skip
        last = place
    return shown


def _real_pairs(found: list[dict[str, Any]]) -> Table:
    shown = table("Requests to the verdict on real pairs", "data", "pairs", "median", "two arms",
                   "median", "no verdict")  # fmt: skip
    for pairs in found:
        ways = pairs["paired"], pairs["two_arms"]
        numbers = [f"{way[name]:,.0f}" for way in ways for name in _MEANS]
        neither = " / ".join(f"{way['p_undecided']:.0%}" for way in ways)
        shown.add_row(pairs["data"], *numbers, neither)
    return shown
