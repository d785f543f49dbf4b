"""Is the feed broken, or has the world moved?

Counts show most ways in which a feed breaks. Where they show that a feature is far from all that
training saw, some of its values get a closer look: see `likeness.py`. A moved world leaves none of
these signs.
"""

import math
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import polars as pl

from sixgates.gates.card import level_key
from sixgates.gates.drift.likeness import swap_signs, unit_signs
from sixgates.gates.drift.look import Fault, Finding
from sixgates.gates.profile.counts import FeatureProfile, Profile
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
"""Rise of the share of unseen levels at which a feature says nothing any more."""
_MANY_LEVELS = 10
"""Unseen levels that may not all be new products or regions; as many as are known will do."""
_TWO = 2
_STUCK = 0.6
"""Largest share that one group of a feature ever had, below which it can be stuck in it."""
_LASTING = 7
"""Windows in a row over which a feature can be stuck: what lasts longer is how the world is."""
_CHANCE = 5.0
"""Standard deviations beyond which a share is no chance."""
_UNSTEADY = 3.0
"""Standard deviations below its limit from which on a volume has collapsed."""
_ROWS = 50
"""Rows below which windows may be equal by chance."""


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
    if rows < _COLLAPSE * least - _UNSTEADY * math.sqrt(_COLLAPSE * least):
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
    return (
        *_replay(now, usual, earlier),
        *_stuck(now, usual, earlier[: 1 - _LASTING], profile),
        *_nulls(now, usual, profile),
    )


def closer_signs(
    now: Profile,
    reference: Profile,
    usual: Sequence[Window],
    some: pl.DataFrame,
    calendar: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Look at the values of features that are far from what training saw.

    Args:
        now: Profile of the window.
        reference: That of the training.
        usual: Windows of the training.
        some: Rows of the window, as many as one likes to look at.
        calendar: Features that say when a row came: a new month is an unseen level.
    """
    swaps = tuple(swap_signs(now, reference, some))
    swapped = {name for found in swaps for name in found.features}
    return (
        *_strange_levels(now, reference, usual, some, {*swapped, *calendar}),
        *(sign for sign in unit_signs(now, reference, some) if sign.features[0] not in swapped),
        *swaps,
    )


def _replay(now: Window, usual: Sequence[Window], earlier: Sequence[Window]) -> Iterator[Finding]:
    """Find an earlier window with the same counts, where no two of the training have the same.

    The counts of a panel, of one row for each store a day, say, are the same by nature.
    """
    known = [window.counts for window in usual if _is_telling(window)]
    if not _is_telling(now) or len(set(known)) < len(known):
        return
    for window in earlier:
        if window.counts == now.counts:
            said = f"the {now.rows:,} rows look like those of the window to {window.end} once more"
            yield Finding(Fault.STALE, (), said)
            return


def _is_telling(window: Window) -> bool:
    """Say whether another window can hardly have the same counts by chance."""
    return window.rows >= _ROWS and max(len(np.flatnonzero(c)) for c in window.counts) >= _FEWEST


def _stuck(
    now: Window, usual: Sequence[Window], before: Sequence[Window], profile: Profile
) -> Iterator[Finding]:
    """Find features that hold one group of values alone, though none had most rows before.

    Of two values one may end at any time, as an old tariff does.
    """
    if now.rows < _ROWS or not usual:
        return
    past = (*usual, *(w for w in before if w.rows >= _ROWS))
    stuck = tuple(
        feature.name
        for i, feature in enumerate(profile.features)
        if max(_known(now.counts[i], feature), default=0) == now.rows
        and np.count_nonzero(feature.counts) > _TWO
        and max(max(w.counts[i]) / w.rows for w in past) < _STUCK
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
        if share >= most + _least_rise(most, now.rows):
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
    now: Profile,
    reference: Profile,
    usual: Sequence[Window],
    some: pl.DataFrame,
    others: Collection[str],
) -> Iterator[Finding]:
    """Find features with unseen levels; `others` are left out."""
    found, said = [], []
    for i, known in enumerate(reference.features):
        if known.levels is None or known.name in others:
            continue
        share = now.features[i].counts[-1] / max(1, now.rows)
        shares = [w.counts[i][-3] / max(1, w.rows) for w in usual]
        most = max(shares, default=known.counts[-1] / max(1, reference.rows))
        least = most + _least_rise(most, now.rows)
        if share < least:
            continue
        unseen = _unseen(some[known.name], known.levels)
        # One new level is a new product or region: the rest must be a burst without it.
        rest = share - max(unseen.values(), default=0) / max(1, some.height)
        several = rest >= least and len(unseen) >= _several(known.levels)
        if share >= most + _UNKNOWN or several or _respelt(unseen, known.levels):
            found.append(known.name)
            shown = ", ".join(sorted(unseen)[:3])
            said.append(f"{known.name} holds unknown levels in {share:.0%} of rows ({shown})")
    if found:
        yield Finding(Fault.CATEGORIES, tuple(found), "; ".join(said))


def _unseen(column: pl.Series, levels: Sequence[str]) -> dict[str, int]:
    """Count the rows of each level that is not among the known ones."""
    counts = {level_key(value): n for value, n in column.value_counts().iter_rows()}
    return {key: n for key, n in counts.items() if key is not None and key not in levels}


def _several(levels: Sequence[str]) -> int:
    """Return how many unseen levels at once are no new products or regions."""
    return min(_MANY_LEVELS, max(_TWO, len(levels)))


def _respelt(unseen: Collection[str], levels: Sequence[str]) -> bool:
    """Say whether an unseen level is a known one in other letters, or with space about it."""
    known = {level.strip().casefold() for level in levels}
    return any(level.strip().casefold() in known for level in unseen)


def _least_rise(most: float, rows: int) -> float:
    """Return the rise over the largest usual share from which on it is a burst."""
    return max(_BURST, _CHANCE * math.sqrt(max(most, 1 / rows) / rows))
