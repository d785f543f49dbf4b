"""The sweep of triage: many tables, a confusion matrix, and the two figures that it must keep."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from scipy.stats import beta as beta_law

from simulation.sweep.figures import Figure
from simulation.sweep.pool import Task, play
from simulation.sweep.triage.episodes import Episode, episodes_of
from simulation.sweep.triage.kinds import BROKEN, MOVED, QUIET, UNTELLABLE

TO_RETRAIN, TO_OWNER = 0.01, 0.05
"""Share of broken feeds that may ask for a retrain, and of moved worlds that may be called broken.
"""
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the confusion matrix: all episodes of a kind, each in one column."""

    kind: str
    broken: bool
    episodes: int
    named: int
    """Called broken by the right name before any alert asked for a retrain, among other names too.
    """
    other: int
    """Called broken, by other names alone."""
    asks: int
    """A retrain was asked for before the feed was called broken, or it never was."""
    nothing: int
    """Neither."""
    by: dict[str, int]
    """How often each name was given."""


@dataclass(frozen=True, slots=True)
class TriageSweep:
    """What was measured."""

    matrix: tuple[Row, ...]
    figures: tuple[Figure, ...]
    wrong: tuple[Episode, ...]
    """Broken feeds that asked for a retrain, and moved worlds that were called broken."""


def plan_triage(tables: int, seed: int) -> list[Task]:
    """Plan a sweep.

    Args:
        tables: How many are drawn; everything befalls each of them once.
        seed: The same seed gives the same matrix, on however many cores.
    """
    return [Task(f"table {n}", episodes_of, (n, seed)) for n in range(tables)]


def play_triage(
    planned: Sequence[Task], *, processes: int, told: Callable[[Task], None]
) -> TriageSweep:
    """Play every task. Closed at once when interrupted: no process outlives the call.

    Args:
        planned: From `plan_triage`.
        processes: How many play at a time.
        told: Called about each task that ended.
    """
    with closing(play(planned, processes=processes, told=told)) as results:
        episodes = [episode for some in results for episode in some]
    kinds = (*BROKEN, *UNTELLABLE, *MOVED, *QUIET)
    matrix = tuple(_row(kind, [e for e in episodes if e.kind == kind]) for kind in map(str, kinds))
    broken = [e for e in episodes if e.kind in BROKEN]
    moved = [e for e in episodes if e.kind in MOVED]
    mistaken = [e for e in broken if _asks_first(e)], [e for e in moved if e.called]
    figures = (
        _share("broken feeds sent to retrain", len(mistaken[0]), len(broken), TO_RETRAIN),
        _share("moved worlds sent to the data's owner", len(mistaken[1]), len(moved), TO_OWNER),
    )
    return TriageSweep(matrix, figures, (*mistaken[0], *mistaken[1]))


def upper_bound(hits: int, n: int) -> float:
    """One-sided 95 % bound of a share (Clopper & Pearson, Biometrika 1934); 1 without episodes.

    >>> round(upper_bound(0, 1000), 4)
    0.003
    """
    return float(beta_law.ppf(_LEVEL, hits + 1, n - hits)) if hits < n else 1.0


def _row(kind: str, episodes: Sequence[Episode]) -> Row:
    broken = kind in BROKEN or kind in UNTELLABLE
    # A moved world that is ever called broken is sent to the wrong place, whatever came before.
    called = [e for e in episodes if e.called and not (broken and _asks_first(e))]
    rest = [e for e in episodes if e not in called]
    asks = sum(e.asked_after is not None for e in rest)
    named = sum(kind in e.called for e in called)
    names = [name for e in called for name in e.called]
    return Row(
        kind, broken, len(episodes), named, len(called) - named, asks, len(rest) - asks,
        {name: names.count(name) for name in sorted(set(names))},
    )  # fmt: skip


def _asks_first(episode: Episode) -> bool:
    asked, called = episode.asked_after, episode.called_after
    return asked is not None and (called is None or asked < called)


def _share(name: str, hits: int, n: int, bound: float) -> Figure:
    value = hits / n if n else 1.0
    return Figure(name, value, bound, value <= bound, None, upper_bound(hits, n))
