"""The sweep of the watch: every world, quiet and with shifts, on all cores, and its figures."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from simulation.sweep.figures import Figure
from simulation.sweep.pool import Task, play
from simulation.sweep.watch.alerts import DEFAULT
from simulation.sweep.watch.lives import (
    AFTER,
    Delay,
    Quietness,
    Shift,
    delay_of,
    moved_lives,
    quiet_lives,
    quietness_of,
)
from simulation.sweep.watch.worlds import WORLDS
from sixgates.gates.errors import ConfigurationError

_STABILITY = (0.25, 0.5)
_QUIET_BEFORE = (20, 0)
_SLOWEST = 4
"""Windows that a median delay may be."""
_BLOCK = 10
"""Lives a task."""


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """The tasks of a sweep, before they are played."""

    quiet: dict[str, list[Task]]
    shifts: dict[Shift, list[Task]]

    @property
    def tasks(self) -> list[Task]:
        """All of them, the quiet lives first."""
        return [task for some in (*self.quiet.values(), *self.shifts.values()) for task in some]


@dataclass(frozen=True, slots=True)
class WatchSweep:
    """What was measured."""

    quiet: tuple[Quietness, ...]
    delays: tuple[Delay, ...]
    figures: tuple[Figure, ...]


def plan_watch(runs: int, seed: int, worlds: Sequence[str] = ()) -> WatchPlan:
    """Plan a sweep.

    Args:
        runs: Quiet lives a world, and a quarter as many for each shift.
        seed: The same seed gives the same table, on however many cores.
        worlds: Those to play; none means all.

    Raises:
        ConfigurationError: A world of an unknown name.
    """
    if unknown := [name for name in worlds if name not in WORLDS]:
        raise ConfigurationError(
            f"no world is called {unknown[0]!r}: choose from {', '.join(WORLDS)}"
        )
    names = list(dict.fromkeys(worlds or WORLDS))
    shifts = [
        Shift(n, index, quiet) for n in names for index in _STABILITY for quiet in _QUIET_BEFORE
    ]
    return WatchPlan(
        {
            name: [
                Task(f"{name}, quiet", quiet_lives, (name, some, seed)) for some in _blocks(runs)
            ]
            for name in names
        },
        {
            shift: [
                Task(f"{shift.world}, a shift", moved_lives, (shift, some, seed))
                for some in _blocks(-(-runs // 4))
            ]
            for shift in shifts
        },
    )


def play_watch(planned: WatchPlan, *, processes: int, told: Callable[[Task], None]) -> WatchSweep:
    """Play every task. Closed at once when interrupted: no process outlives the call.

    Args:
        planned: From `plan_watch`.
        processes: How many play at a time.
        told: Called about each task that ended.
    """
    with closing(play(planned.tasks, processes=processes, told=told)) as results:
        quiet = [
            found
            for name, tasks in planned.quiet.items()
            for found in quietness_of(name, list(islice(results, len(tasks))))
        ]
        delays = [
            delay_of(shift, [first for some in islice(results, len(tasks)) for first in some])
            for shift, tasks in planned.shifts.items()
        ]
    # Where ranks alone need longer than that, the history was too short to promise anything.
    promised = [delay for delay in delays if delay.needed <= _SLOWEST]
    figures = (*map(_run_length_figure, quiet), *map(_delay_figure, promised))
    return WatchSweep(tuple(quiet), tuple(delays), figures)


def _run_length_figure(found: Quietness) -> Figure:
    stated, floors = DEFAULT.run_length, "" if found.floors == "default" else ", no floors"
    return Figure(
        f"windows to a false alert, {found.world}{floors}",
        found.run_length, stated, found.run_length >= stated, found.low, found.high,
    )  # fmt: skip


def _delay_figure(found: Delay) -> Figure:
    when = f"after {found.quiet_before}" if found.quiet_before else "at once"
    name = f"windows to the alert, {found.world}, {found.stability_index:g} {when}"
    seen = found.median is not None and found.median <= _SLOWEST
    return Figure(name, AFTER + 1 if found.median is None else found.median, _SLOWEST, seen)


def _blocks(lives: int) -> list[range]:
    return [range(start, min(start + _BLOCK, lives)) for start in range(0, lives, _BLOCK)]
