"""How far is one distribution from another, from their counts alone?

Each figure is over the numbers, or the levels, of one feature; nulls, NaN and unseen levels are
shares of their own, and take part in the stability index only. All are NaN where there is nothing
to compare.
"""

import math
from collections.abc import Callable

import numpy as np

from sixgates.gates.profile.counts import FeatureProfile, Profile, require_same_grid
from sixgates.gates.profile.groups import Counts, by_group


def psi(reference: Profile, current: Profile) -> dict[str, float]:
    """Bias-corrected population stability index of each feature.

    `sum (p - q) log(p / q) - (k - 1) (1/n + 1/m)`, at least 0, over `k` groups: numeric cells put
    together so that each holds about a twentieth of the reference, levels, unseen ones, nulls and
    NaN. Half a row is added to each group that either side has seen, so that an empty one stays
    finite. Without the correction a window of 200 rows shows about 0.1 though nothing moved.

    Raises:
        ContractError: The profiles are on two grids.

    >>> from sixgates.gates.profile.count import profile_frame
    >>> import polars as pl
    >>> year = profile_frame(pl.DataFrame({"x": range(1000)}), ["x"], [])
    >>> psi(year, year)
    {'x': 0.0}
    """
    return _by_group(_stability, reference, current)


def ks(reference: Profile, current: Profile) -> dict[str, float]:
    """Kolmogorov-Smirnov distance of each numeric feature, 0 to 1; NaN for the others.

    Raises:
        ContractError: The profiles are on two grids.
    """
    return _of_each(_ks, reference, current)


def wasserstein(reference: Profile, current: Profile) -> dict[str, float]:
    """Wasserstein distance of each numeric feature in standard deviations of the reference.

    What lies beyond the grid counts as lying at its end: a lower bound there. NaN for categorical
    features, and where the reference has one value only.

    Raises:
        ContractError: The profiles are on two grids.
    """
    return _of_each(_wasserstein, reference, current)


def jensen_shannon(reference: Profile, current: Profile) -> dict[str, float]:
    """Jensen-Shannon distance of each feature, to the base 2, 0 to 1, over the groups of `psi`.

    Raises:
        ContractError: The profiles are on two grids.
    """
    return _by_group(_jensen_shannon, reference, current)


def null_share(profile: Profile) -> dict[str, float]:
    """Share of rows in which a feature is null or NaN; NaN without rows."""
    return {f.name: _share(f.nulls + f.nans, profile.rows) for f in profile.features}


def unseen_share(profile: Profile) -> dict[str, float]:
    """Share of rows with a level, or a number beyond the ends, that the grid did not know."""
    return {
        f.name: _share(f.counts[-1] + (f.counts[0] if f.levels is None else 0), profile.rows)
        for f in profile.features
    }


def _of_each(
    figure: Callable[[FeatureProfile, FeatureProfile], float], reference: Profile, current: Profile
) -> dict[str, float]:
    require_same_grid(reference, current)
    return {a.name: figure(a, b) for a, b in zip(reference.features, current.features, strict=True)}


def stability(a: Counts, b: Counts) -> Counts:
    """Return the stability index of `psi` along the last axis, below 0 too where nothing moved.

    Args:
        a: Counts by group, of shape (..., groups).
        b: The same of what it is compared with.
    """
    n, m = a.sum(axis=-1), b.sum(axis=-1)
    seen = (a + b) > 0
    k = seen.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = (a + 0.5) / (n + k / 2)[..., None]
        q = (b + 0.5) / (m + k / 2)[..., None]
        raw = np.where(seen, (p - q) * np.log(p / q), 0.0).sum(axis=-1)
        found: Counts = raw - (k - 1) * (1 / n + 1 / m)
    return np.where((n > 0) & (m > 0), found, math.nan)


def _stability(a: Counts, b: Counts) -> float:
    index = float(stability(a, b))
    return index if math.isnan(index) else max(0.0, index)


def _by_group(
    figure: Callable[[Counts, Counts], float], reference: Profile, current: Profile
) -> dict[str, float]:
    names = [feature.name for feature in reference.features]
    sides = zip(by_group(reference, reference), by_group(current, reference), strict=True)
    return dict(zip(names, (figure(a, b) for a, b in sides), strict=True))


def _ks(a: FeatureProfile, b: FeatureProfile) -> float:
    if a.levels is not None:
        return math.nan
    return float(np.abs(_cumulated(a) - _cumulated(b)).max())


def _wasserstein(a: FeatureProfile, b: FeatureProfile) -> float:
    if a.grid is None:
        return math.nan
    edges = a.grid.edges()
    middles = np.concatenate([edges[:1], (edges[:-1] + edges[1:]) / 2, edges[-1:]])
    shares = _shares(a.known)
    mean = float((shares * middles).sum())
    deviation = math.sqrt(max(0.0, float((shares * (middles - mean) ** 2).sum())))
    if not deviation:
        return math.nan
    gaps = np.abs(_cumulated(a) - _cumulated(b))[:-1]
    return float((gaps * np.diff(middles)).sum()) / deviation


def _jensen_shannon(a: Counts, b: Counts) -> float:
    p, q = _shares(a), _shares(b)
    middle = (p + q) / 2
    divergence = sum(
        float((side[side > 0] * np.log2(side[side > 0] / middle[side > 0])).sum()) / 2
        for side in (p, q)
    )
    return math.sqrt(max(0.0, divergence)) if math.isfinite(divergence) else math.nan


def _cumulated(feature: FeatureProfile) -> Counts:
    return np.cumsum(_shares(feature.known))


def _shares(counts: Counts) -> Counts:
    total = counts.sum()
    return counts / total if total else np.full(counts.shape, math.nan)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
