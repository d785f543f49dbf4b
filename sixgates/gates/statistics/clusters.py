"""Which rows go together, and how sure a mean over them is.

Rows of one entity, or of one period, are alike: their errors do not cancel as independent ones do.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from scipy.special import stdtrit

from sixgates.gates.errors import ContractError
from sixgates.gates.project import Project
from sixgates.gates.timesplit import naive_utc


@dataclass(frozen=True, slots=True)
class ClusterBound:
    """A mean with its cluster-robust error."""

    mean: float
    se: float
    """Infinite below two clusters."""
    upper: float
    """One-sided upper bound of the mean at level 1 - alpha."""
    clusters: int


def holdout_clusters(df: pl.DataFrame, project: Project) -> np.ndarray:
    """Return a code per row: the entity, or the period of its event time where there is none.

    Rows without an entity are one cluster, which can only widen the bound.
    """
    if project.roles.entity is not None:
        codes = df[project.roles.entity].rank("dense").fill_null(0)
        return codes.cast(pl.Int64).to_numpy()
    at = naive_utc(df, project.roles.event_time) - datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC
    period = project.period // timedelta(microseconds=1)
    return (at.dt.total_microseconds() // period).to_numpy()


def cluster_bound(differences: np.ndarray, clusters: np.ndarray, alpha: float) -> ClusterBound:
    """Bound the mean of differences whose rows go together in clusters.

    With G clusters g over n rows and the mean d of all rows,

        se = sqrt( G/(G-1) * sum_g ( sum_{i in g} (d_i - d) )^2 ) / n
        upper = d + t_{1-alpha, G-1} * se

    (Liang & Zeger, Biometrika 73, 1986, with the small-sample factor.) Use 30 clusters or more.

    >>> import numpy as np
    >>> bound = cluster_bound(np.array([0.0, 0, 1, 1]), np.array(["a", "a", "b", "b"]), 0.05)
    >>> bound.mean, bound.se, round(bound.upper, 4), bound.clusters
    (0.5, 0.5, 3.6569, 2)

    Raises:
        ContractError: there is not one cluster per difference, or there are no rows.
    """
    n = len(differences)
    if len(clusters) != n or n == 0:
        raise ContractError(f"{n} differences met {len(clusters)} cluster codes; give one each")
    _, codes = np.unique(clusters, return_inverse=True)
    count = int(codes.max()) + 1
    mean = float(differences.mean())
    if count < 2:  # noqa: PLR2004 - one cluster shows no spread
        return ClusterBound(mean, math.inf, math.inf, count)
    sums = np.bincount(codes, weights=differences - mean)
    se = math.sqrt(count / (count - 1) * float(sums @ sums)) / n
    return ClusterBound(mean, se, mean + t_quantile(alpha, count) * se, count)


def t_quantile(alpha: float, clusters: int) -> float:
    """Return the point of the t distribution of so many clusters that alpha lies beyond."""
    return float(stdtrit(clusters - 1, 1 - alpha))
