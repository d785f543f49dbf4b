"""Sums over clusters that add up, and the error of any mean over them.

What `cluster_bound` computes from rows, computed from what parts of the rows were reduced to.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.statistics.clusters import ClusterBound, t_quantile

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClusterMoments:
    """Several figures of the same rows, and how their cluster sums vary together."""

    n: int
    """Rows."""
    clusters: int
    means: Floats
    """Of each figure over all rows, of shape (figures,)."""
    gram: Floats
    """Sum over clusters of `s s'`, of shape (figures, figures); `s` is the sum over the rows of a
    cluster of each figure less its mean."""

    def only(self, places: Sequence[int]) -> "ClusterMoments":
        """Return the moments of some of the figures."""
        chosen = np.asarray(places)
        return ClusterMoments(
            self.n, self.clusters, self.means[chosen], self.gram[np.ix_(chosen, chosen)]
        )

    def bound(self, weights: Sequence[float], alpha: float) -> ClusterBound:
        """Bound the mean of a weighted sum of the figures, as `cluster_bound` does.

        >>> from sixgates.gates.statistics.clusters import cluster_bound
        >>> losses, base = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.5, 0.5, 0.5, 0.9])
        >>> clusters = np.array([1, 1, 2, 2])
        >>> moments = moments_of_rows(np.column_stack([losses, base]), clusters)
        >>> found = moments.bound([1.0, -2.0], 0.05)
        >>> same = cluster_bound(losses - 2 * base, clusters, 0.05)
        >>> bool(np.allclose([found.mean, found.se], [same.mean, same.se]))
        True
        """
        c = np.asarray(weights, dtype=np.float64)
        mean, groups = float(c @ self.means), self.clusters
        if groups < 2:  # noqa: PLR2004 - one cluster shows no spread
            return ClusterBound(mean, math.inf, math.inf, groups)
        spread = max(0.0, float(c @ self.gram @ c))
        se = math.sqrt(groups / (groups - 1) * spread) / self.n
        return ClusterBound(mean, se, mean + t_quantile(alpha, groups) * se, groups)


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows, clusters and sums of some of the clusters; no cluster is in two of them."""

    n: int
    clusters: int
    totals: Floats
    """Of each figure, of shape (figures,)."""

    def __add__(self, other: "Sums") -> "Sums":
        """Put two together."""
        return Sums(self.n + other.n, self.clusters + other.clusters, self.totals + other.totals)

    @property
    def means(self) -> Floats:
        """Of each figure over all rows."""
        return self.totals / self.n


def gram_of(sums: Floats, rows: NDArray[np.int64], means: Floats) -> Floats:
    """Return what some clusters add to `ClusterMoments.gram`.

    Args:
        sums: Of each cluster, of shape (clusters, figures).
        rows: Of each cluster.
        means: Over the rows of all clusters, whoever holds them.
    """
    off = sums - rows[:, None] * means
    return np.asarray(off.T @ off)


def moments_of_rows(figures: Floats, clusters: NDArray[np.generic]) -> ClusterMoments:
    """Return the moments of rows that are all here.

    Args:
        figures: Of shape (n, figures).
        clusters: Any codes that can be compared, of shape (n,).
    """
    _, codes = np.unique(clusters, return_inverse=True)
    rows = np.bincount(codes).astype(np.int64)
    sums = np.column_stack([np.bincount(codes, weights=column) for column in figures.T])
    means = figures.mean(axis=0)
    gram = gram_of(sums.astype(np.float64), rows, means)
    return ClusterMoments(len(figures), len(rows), means, gram)
