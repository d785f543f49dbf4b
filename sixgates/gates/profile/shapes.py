"""How the features that moved furthest are spread, then and now: shares of rows, for a picture."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sixgates.gates.errors import ContractError
from sixgates.gates.profile.counts import FeatureProfile, Profile
from sixgates.gates.profile.distance import stability
from sixgates.gates.profile.groups import Counts, by_group, edges_of

_LEVELS = 8
"""Levels that are told apart; the others are one."""


class Outside(NamedTuple):
    """Rows that no group of values holds."""

    what: str
    reference: float
    """Share of all rows, 0 to 1."""
    window: float


@dataclass(frozen=True, slots=True)
class Shape:
    """One feature on both sides."""

    feature: str
    index: float
    """Bias-corrected stability index, at least 0: how far the window is from the reference."""
    edges: tuple[float, ...]
    """Where the groups of a number begin, and the last one ends; empty for a categorical one."""
    levels: tuple[str, ...]
    """Of a categorical feature, a group each; empty for a number."""
    reference: tuple[float, ...]
    """Share of all rows in each group, 0 to 1."""
    window: tuple[float, ...]
    outside: tuple[Outside, ...]
    """Only what either side has."""


def shapes(
    reference: Profile,
    window: Sequence[Sequence[int]],
    *,
    first: Collection[str],
    without: Collection[str],
    most: int,
) -> list[Shape]:
    """Return the features that moved furthest, furthest first.

    Args:
        reference: Of the training data.
        window: Counts of each feature, by the groups of the reference.
        first: Features that come before all others, as those which an alert names.
        without: Features that are left out, as those that tell the time.
        most: So many at most.

    Raises:
        ContractError: the window has other features or groups than the reference.
    """
    usual = by_group(reference, reference)
    if [len(counts) for counts in window] != [len(counts) for counts in usual]:
        raise ContractError("the counts of a window are not by the groups of this reference")
    sides = zip(reference.features, usual, map(np.array, window), strict=True)
    found = [_shape(*side) for side in sides if side[0].name not in without]
    known = [shape for shape in found if np.isfinite(shape.index)]
    return sorted(known, key=lambda s: (s.feature not in first, -s.index))[:most]


def _shape(feature: FeatureProfile, usual: Counts, now: Counts) -> Shape:
    index = float(np.maximum(stability(usual, now), 0.0))
    a, b = (counts / max(1.0, counts.sum()) for counts in (usual, now))
    edges, levels = tuple(map(float, edges_of(feature))), feature.levels or ()
    if feature.levels is None:
        inside = slice(1, -3)
        rest = {"below the range": 0, "above the range": -3, "null": -2, "NaN": -1}
        a_in, b_in = a[inside], b[inside]
    else:
        levels, a_in, b_in = _largest(levels, a[:-3], b[:-3])
        rest = {"never seen": -3, "null": -2}
    outside = tuple(
        Outside(what, float(a[i]), float(b[i])) for what, i in rest.items() if a[i] + b[i] > 0
    )
    return Shape(
        feature.name, index, edges, levels, tuple(map(float, a_in)), tuple(map(float, b_in)),
        outside,
    )  # fmt: skip


def _largest(
    levels: tuple[str, ...], a: Counts, b: Counts
) -> tuple[tuple[str, ...], Counts, Counts]:
    """Return the levels that either side has most of, and what is left as one."""
    if len(levels) <= _LEVELS:
        return levels, a, b
    order = np.argsort(-np.maximum(a, b), kind="stable")
    kept, others = np.sort(order[:_LEVELS]), order[_LEVELS:]
    names = (*(levels[i] for i in kept), f"{len(others)} others")
    return names, np.append(a[kept], a[others].sum()), np.append(b[kept], b[others].sum())
