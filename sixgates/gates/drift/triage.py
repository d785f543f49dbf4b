"""Is the feed broken, or has the world moved?

Counts show most ways in which a feed breaks. Where they show that a feature is far from all that
training saw, some of its values get a closer look: a unit or two columns that were exchanged leave
a distribution that training knows, in the wrong place. A moved world leaves none of these signs.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sixgates.gates.card import level_key
from sixgates.gates.drift.look import Fault, Finding
from sixgates.gates.drift.units import CONVERSIONS
from sixgates.gates.profile.counts import FeatureProfile, Profile
from sixgates.gates.profile.distance import ks
from sixgates.gates.profile.groups import Window

_FEWEST = 3
"""Training windows below which nothing is known of the usual volume."""
_COLLAPSE = 1 / 3
"""Share of the smallest usual window that a volume must fall below."""
_CROWDED = 1.25
"""How many times the largest usual window a window must hold to be searched for duplicates."""
_REPEATED = 0.15
"""Share of a crowded window's rows that must repeat others."""
_BURST = 0.1
"""Rise over the largest usual share of nulls, or of unseen levels, that is a burst."""
_UNKNOWN = 0.5
"""Share of rows with unseen levels at which a feature says nothing any more."""
_MANY_LEVELS = 10
"""Unseen levels, among the rows of a closer look, that are no new product or region."""
_FAR = 0.3
"""Kolmogorov-Smirnov distance from which a closer look is worth its while."""
_NEAR = 0.08
"""The same, within which two distributions are taken for one."""
_STUCK = 0.5
"""Largest share that one group of a feature ever had, below which it can be stuck in it."""
_CHANCE = 5.0
"""Standard deviations beyond which a share is no chance."""
_ROWS = 50
"""Rows below which windows may be equal by chance."""

Floats = NDArray[np.float64]


def schema_signs(schema: pl.Schema, profile: Profile) -> tuple[Finding, ...]:
    """Name features that are absent, or that hold something other than numbers now."""
    absent = tuple(f.name for f in profile.features if f.name not in schema)
    if absent:
        said = f"columns {', '.join(absent)} are absent"
        return (Finding(Fault.SCHEMA, absent, said),)
    kinds = {name: schema[name] for name in profile.numeric}
    fits = (pl.Boolean, pl.Null)
    wrong = tuple(n for n, kind in kinds.items() if not (kind.is_numeric() or kind in fits))
    if not wrong:
        return ()
    said = ", ".join(f"{name} holds {kinds[name]}" for name in wrong)
    return (Finding(Fault.SCHEMA, wrong, f"{said}, where numbers are due"),)


def is_crowded(rows: int, usual: Sequence[Window]) -> bool:
    """Whether a window holds so many rows that its duplicates must be counted."""
    return len(usual) >= _FEWEST and rows > _CROWDED * max(w.rows for w in usual)


def volume_signs(rows: int, usual: Sequence[Window], distinct: int | None) -> tuple[Finding, ...]:
    """Judge the number of rows.

    Args:
        rows: In the window.
        usual: Windows to compare with, at the same place of the season.
        distinct: Different rows among them, counted where the window is crowded.
    """
    if not rows:
        return (Finding(Fault.VOLUME, (), "not one row has come"),)
    if len(usual) < _FEWEST:
        return ()
    least = min(w.rows for w in usual)
    if rows < _COLLAPSE * least - _CHANCE * math.sqrt(least):
        said = f"{rows:,} rows have come, at least {least:,} are usual"
        return (Finding(Fault.VOLUME, (), said),)
    if distinct is not None and rows - distinct >= _REPEATED * rows:
        said = f"{rows - distinct:,} of {rows:,} rows repeat others to the last column"
        return (Finding(Fault.DUPLICATES, (), said),)
    return ()


def count_signs(
    now: Window, usual: Sequence[Window], earlier: Sequence[Window], profile: Profile
) -> tuple[Finding, ...]:
    """Find what the counts of a window by group show.

    Args:
        now: The window.
        usual: Windows of the training.
        earlier: All windows before it, which it may repeat.
        profile: Of the training; names the features.
    """
    return (*_replay(now, earlier), *_stuck(now, usual, profile), *_nulls(now, usual, profile))


def closer_signs(
    now: Profile, reference: Profile, some: pl.DataFrame, calendar: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Look at the values of features that are far from what training saw.

    Args:
        now: Profile of the window.
        reference: That of the training.
        some: Rows of the window, as many as one likes to look at.
        calendar: Features that say when a row came: a new month is an unseen level.
    """
    return (
        *_strange_levels(now, reference, some, calendar),
        *_units(now, reference, some),
        *_swaps(now, reference, some),
    )


def _replay(now: Window, earlier: Sequence[Window]) -> Iterator[Finding]:
    if now.rows < _ROWS or max(len(np.flatnonzero(c)) for c in now.counts) < _FEWEST:
        return
    for window in earlier:
        if window.counts == now.counts:
            said = f"the {now.rows:,} rows look like those of the window to {window.end} once more"
            yield Finding(Fault.STALE, (), said)
            return


def _stuck(now: Window, usual: Sequence[Window], profile: Profile) -> Iterator[Finding]:
    if now.rows < _ROWS or not usual:
        return
    stuck = tuple(
        feature.name
        for i, feature in enumerate(profile.features)
        if max(_known(now.counts[i], feature), default=0) == now.rows
        and max(max(w.counts[i]) / w.rows for w in usual) < _STUCK
    )
    if stuck:
        said = f"{', '.join(stuck)} did not change over {now.rows:,} rows"
        yield Finding(Fault.STALE, stuck, said)


def _known(counts: Sequence[int], feature: FeatureProfile) -> Sequence[int]:
    """Return the groups of values that training saw: many others may share the last ones."""
    return counts[1:-3] if feature.levels is None else counts[:-3]


def _nulls(now: Window, usual: Sequence[Window], profile: Profile) -> Iterator[Finding]:
    found = {}
    for i, feature in enumerate(profile.features):
        share = _missing(now, i)
        most = max((_missing(w, i) for w in usual), default=0.0)
        chance = _CHANCE * math.sqrt(max(most, 1 / now.rows) / now.rows)
        if share >= most + max(_BURST, chance):
            found[feature.name] = (share, most)
    if found:
        said = ", ".join(
            f"{name} {share:.0%} (at most {most:.0%} were usual)"
            for name, (share, most) in found.items()
        )
        yield Finding(Fault.NULLS, tuple(found), f"missing values: {said}")


def _missing(window: Window, feature: int) -> float:
    return sum(window.counts[feature][-2:]) / max(1, window.rows)


def _strange_levels(
    now: Profile, reference: Profile, some: pl.DataFrame, calendar: Sequence[str]
) -> Iterator[Finding]:
    swapped = {name for pair in _swapped_levels(now, reference, some) for name in pair}
    found, said = [], []
    for feature, known in zip(now.features, reference.features, strict=True):
        if known.levels is None or feature.name in {*swapped, *calendar}:
            continue
        share = feature.counts[-1] / max(1, now.rows)
        if share < known.counts[-1] / max(1, reference.rows) + _BURST:
            continue
        unseen = _keys(some[feature.name]) - set(known.levels)
        if share >= _UNKNOWN or len(unseen) >= _MANY_LEVELS:
            found.append(feature.name)
            shown = ", ".join(sorted(unseen)[:3])
            said.append(f"{feature.name} holds unknown levels in {share:.0%} of rows ({shown})")
    if found:
        yield Finding(Fault.CATEGORIES, tuple(found), "; ".join(said))


def _units(now: Profile, reference: Profile, some: pl.DataFrame) -> Iterator[Finding]:
    swapped = {name for pair in _swapped_numbers(now, reference, some) for name in pair}
    for name in _far(now, reference):
        if name in swapped:
            continue
        known, values = _feature(reference, name), _values(some, name)
        fits = {
            unit: _distance((values - offset) / factor, known)
            for unit, (factor, offset) in CONVERSIONS.items()
        }
        unit = min(fits, key=lambda u: fits[u])
        if fits[unit] <= _near(len(values)):
            said = f"{name} looks as in training, but for its unit: {unit}"
            yield Finding(Fault.UNIT, (name,), said)


def _swaps(now: Profile, reference: Profile, some: pl.DataFrame) -> Iterator[Finding]:
    pairs = [*_swapped_numbers(now, reference, some), *_swapped_levels(now, reference, some)]
    for a, b in pairs:
        yield Finding(Fault.SWAP, (a, b), f"{a} looks as {b} did in training, and {b} as {a}")


def _swapped_numbers(now: Profile, reference: Profile, some: pl.DataFrame) -> list[tuple[str, str]]:
    return [
        (a, b)
        for a, b in combinations(_far(now, reference), 2)
        if _distance(_values(some, a), _feature(reference, b)) <= _near(some.height)
        and _distance(_values(some, b), _feature(reference, a)) <= _near(some.height)
    ]


def _swapped_levels(now: Profile, reference: Profile, some: pl.DataFrame) -> list[tuple[str, str]]:
    unknown = [
        f.name for f in now.features
        if f.levels is not None and f.counts[-1] >= _UNKNOWN * max(1, now.rows)
    ]  # fmt: skip
    levels = {name: set(_feature(reference, name).levels or ()) for name in unknown}
    return [
        (a, b)
        for a, b in combinations(unknown, 2)
        if _keys(some[a]) <= levels[b] and _keys(some[b]) <= levels[a]
    ]


def _far(now: Profile, reference: Profile) -> list[str]:
    return [name for name, distance in ks(reference, now).items() if distance >= _FAR]


def _feature(profile: Profile, name: str) -> FeatureProfile:
    return next(f for f in profile.features if f.name == name)


def _values(some: pl.DataFrame, name: str) -> Floats:
    found: Floats = some[name].cast(pl.Float64).drop_nulls().drop_nans().to_numpy()
    return found


def _keys(column: pl.Series) -> set[str]:
    return {key for value in column.unique() if (key := level_key(value)) is not None}


def _distance(values: Floats, known: FeatureProfile) -> float:
    """Return the Kolmogorov-Smirnov distance of values from a feature of the training."""
    if known.grid is None or not len(values):
        return 1.0
    counts = np.bincount(known.grid.places(values), minlength=len(known.counts))
    usual = np.cumsum(known.counts) / max(1, sum(known.counts))
    return float(np.abs(np.cumsum(counts) / len(values) - usual).max())


def _near(rows: int) -> float:
    # 1.63 / sqrt(n) is exceeded by one sample of a hundred from the same distribution.
    return max(_NEAR, 1.63 / math.sqrt(max(1, rows)))
