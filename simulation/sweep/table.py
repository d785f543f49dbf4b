"""The whole sweep: every cell, the real pairs and the figures, on all cores."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from simulation.sweep.figures import (
    GATE_4_CLUSTERS,
    Figure,
    delay_figure,
    figures_of_cells,
    figures_of_real_pairs,
    gate_4_figure,
    memory_figure,
    period_run_length_figure,
    run_length_figure,
    speed_figure,
)
from simulation.sweep.plan import EFFECTS, plan
from simulation.sweep.pool import Task, play
from simulation.sweep.real_pairs import RealPairs, found_in, play_real
from simulation.sweep.rules import Limits
from simulation.sweep.runs import Cell, cells_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to sweep."""

    worlds: int
    """Seeded worlds a cell."""
    seed: int
    """The same seed gives the same table, on however many cores."""
    scenarios: Sequence[str] = ()
    """Worlds to play. With none, all of them, and gates 4 and 6, speed and memory besides."""
    effects: Sequence[float] = EFFECTS
    """True effects in margins."""
    limits: Limits = field(default_factory=Limits)
    data: Path | None = None
    """Folder of real data sets; None plays no real pairs."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Every task of a sweep, before it is played."""

    real: tuple[Task, ...]
    cells: tuple[Task, ...]
    gates: tuple[Task, ...]
    alone: tuple[Task, ...]
    """What is measured last, while nothing else runs."""
    limits: Limits
    left_out: tuple[str, ...]
    """One sentence about each thing that cannot be played."""

    def __len__(self) -> int:
        """Count the tasks."""
        return len(self.real) + len(self.cells) + len(self.gates) + len(self.alone)


@dataclass(frozen=True, slots=True)
class Swept:
    """What was measured."""

    cells: tuple[Cell, ...]
    real_pairs: tuple[RealPairs, ...]
    figures: tuple[Figure, ...]


def sweep_of(wanted: Wanted) -> Sweep:
    """Plan a sweep.

    Raises:
        ConfigurationError: An unknown scenario, nothing that can be played, a folder without data.
    """
    limits, seed, worlds = wanted.limits, wanted.seed, wanted.worlds
    chosen = plan(wanted.scenarios, wanted.effects, limits)
    present, absent = found_in(wanted.data) if wanted.data else ([], [])
    everything = not wanted.scenarios
    return Sweep(
        real=tuple(
            Task(f"real pairs of {name}", play_real, (wanted.data, name, worlds, seed, limits))
            for name in present
        ),
        cells=tuple(
            Task(f"{name}, effect {effect:g} m", cells_of, (name, effect, worlds, seed, limits))
            for name, effect in chosen.cells
        ),
        gates=_gates(worlds, seed, limits) if everything else (),
        alone=_alone(seed, limits) if everything else (),
        limits=limits,
        left_out=(
            *chosen.left_out,
            *(f"real pairs of {name}: there is no {name}.parquet in {wanted.data}; put it there"
              for name in absent),
        ),
    )  # fmt: skip


def play_sweep(planned: Sweep, *, processes: int, told: Callable[[Task], None]) -> Swept:
    """Play every task. Closed at once when interrupted: no process outlives the call.

    Args:
        planned: From `sweep_of`.
        processes: How many play at a time.
        told: Called about each task that ended.
    """
    together = [*planned.cells, *planned.gates, *planned.real]
    with closing(play(together, processes=processes, told=told)) as results:
        cells = tuple(cell for some in islice(results, len(planned.cells)) for cell in some)
        gates = list(islice(results, len(planned.gates)))
        real = tuple(results)
    figures = [*figures_of_cells(cells, planned.limits), *gates, *figures_of_real_pairs(real)]
    with closing(play(planned.alone, processes=1, told=told)) as results:
        figures += results
    return Swept(cells, real, tuple(figures))


def _gates(worlds: int, seed: int, limits: Limits) -> tuple[Task, ...]:
    return (
        *(Task(f"gate 4, {clusters} x {rows}", gate_4_figure, (clusters, rows, seed, limits))
          for clusters, rows in GATE_4_CLUSTERS),
        Task("gate 6, run length", run_length_figure, (seed, worlds)),
        Task("gate 6, run length by period", period_run_length_figure, (seed, worlds)),
        Task("gate 6, delay", delay_figure, (seed, worlds)),
    )  # fmt: skip


def _alone(seed: int, limits: Limits) -> tuple[Task, ...]:
    return (
        Task("speed", speed_figure, (seed, limits)),
        Task("memory", memory_figure, (seed, limits)),
    )
