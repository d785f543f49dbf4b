"""Play seeded worlds through the gates: how often is each rule wrong, and how soon right?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.say import stderr, stdout
from sixgates.gates.errors import ConfigurationError


def sweep(
    worlds: int, seed: int, names: Sequence[str], effects: Sequence[float] | None
) -> dict[str, Any]:
    """Return the cells and figures; progress goes to standard error.

    Args:
        worlds: Seeded worlds a cell.
        seed: The same seed gives the same cells.
        names: Worlds to play. With none, all of them, and gates 4 and 6 and the speed besides.
        effects: True effects in margins; None takes the full table's.
    """
    from simulation.sweep_figures import figures_of_cells, figures_of_gates
    from simulation.sweep_runs import EFFECTS, Cell
    from simulation.sweep_runs import sweep as play

    chosen = tuple(effects or EFFECTS)
    # Beyond these the bad rate would leave [0, 1] somewhere in the worlds.
    if beyond := [e for e in chosen if not -2 <= e <= 20]:  # noqa: PLR2004
        raise ConfigurationError(f"--effect {beyond[0]} is out of range: give -2 to 20 margins")
    cells: list[Cell] = []
    for cell in play(worlds, seed, names, chosen):
        if not cells or (cells[-1].world, cells[-1].effect) != (cell.world, cell.effect):
            stderr.print(f"{cell.world}, effect {cell.effect_in_margins:g} m", highlight=False)
        cells.append(cell)
    figures = list(figures_of_cells(cells))
    if not names:
        figures += figures_of_gates(seed, worlds)
    return {
        "worlds": worlds,
        "seed": seed,
        "cells": [asdict(cell) for cell in cells],
        "figures": [asdict(figure) for figure in figures],
    }


def show_sweep(found: dict[str, Any]) -> None:
    """Print the cells as one table, and the figures as another."""
    table = Table(title=f"{found['worlds']:,} worlds a cell, seed {found['seed']}")
    for column in ("world", "effect", "rule"):
        table.add_column(column, no_wrap=True)
    for column in ("promote", "roll back", "neither", "requests", "Wald"):
        table.add_column(column, justify="right")
    last = None
    for cell in found["cells"]:
        place = cell["world"], f"{cell['effect_in_margins']:g} m"
        wald = cell["wald_requests"]
        table.add_row(
            *(place if place != last else ("", "")), cell["rule"], f"{cell['p_promote']:.3f}",
            f"{cell['p_rollback']:.3f}", f"{cell['p_undecided']:.3f}",
            f"{cell['mean_requests']:,.0f}", "" if wald is None else f"{wald:,.0f}",
        )  # fmt: skip
        last = place
    stdout.print(table)
    kept = Table(title="Figures")
    for column, side in (("figure", "left"), ("value", "right"), ("bound", "right"), ("", "left")):
        kept.add_column(column, justify=side)  # type: ignore[arg-type]
    for figure in found["figures"]:
        mark = "[green]kept[/]" if figure["ok"] else "[red]missed[/]"
        kept.add_row(escape(figure["name"]), f"{figure['value']:.4g}", f"{figure['bound']:g}", mark)
    stdout.print(kept)
