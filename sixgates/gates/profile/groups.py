"""Counts by group: some twenty numbers a feature, enough to compare many windows with each other.

The groups are put together from the cells of the training profile, so that each holds about as many
of its rows; a cell that holds much stays alone. Levels are groups already. What is beyond the grid
or unseen, nulls and NaN come last, a group each.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.profile.counts import FeatureProfile, Profile, require_same_grid

_GROUPS = 20
"""Of the numbers of a feature."""

Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """What the inputs looked like for a while."""

    start: datetime
    """Event time, naive UTC; the window begins after it."""
    end: datetime
    rows: int
    counts: tuple[tuple[int, ...], ...]
    """A feature each, by group."""


def by_group(profile: Profile, reference: Profile) -> list[Counts]:
    """Return the counts of each feature, by the groups of the reference.

    Raises:
        ContractError: the profiles are on two grids.
    """
    require_same_grid(profile, reference)
    return [
        _together(feature.cells, _starts(like))
        for feature, like in zip(profile.features, reference.features, strict=True)
    ]


def window_of(profile: Profile, reference: Profile, start: datetime, end: datetime) -> Window:
    """Return what a profile says of a window, by the groups of the reference."""
    counts = (tuple(map(int, c)) for c in by_group(profile, reference))
    return Window(start, end, profile.rows, tuple(counts))


def edges_of(reference: FeatureProfile) -> Counts:
    """Return where the groups of a numeric feature begin and the last one ends, in its units.

    What is below the first or above the last are groups of their own. Empty for a categorical
    feature, whose levels are groups.
    """
    starts = _starts(reference)
    if reference.grid is None or starts is None:
        return np.empty(0)
    return reference.grid.edges()[[*starts, reference.grid.cells]]


def _starts(reference: FeatureProfile) -> NDArray[np.intp] | None:
    """Return where the groups of the cells begin, None where the cells are groups already."""
    if reference.levels is not None:
        return None
    inside = reference.known[1:-1]
    if not (total := inside.sum()):
        return np.array([0])
    # By the middle of its own mass: so a cell that holds much stays alone.
    groups = np.floor((np.cumsum(inside) - inside / 2) / total * _GROUPS)
    return np.flatnonzero(np.diff(groups, prepend=-1.0))


def _together(cells: Counts, starts: NDArray[np.intp] | None) -> Counts:
    if starts is None:
        return cells
    below, inside, beyond = cells[:1], cells[1:-3], cells[-3:]
    return np.concatenate([below, np.add.reduceat(inside, starts), beyond])
