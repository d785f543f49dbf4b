"""The value at a place of an order, found by counting: no process sees more than its own part.

Each round counts the values between two ends in as many cells as one partial may hold, and goes on
within the cell that holds the place. After six rounds at most the value is exact.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sixgates.adapters.engine.cluster import Cluster

if TYPE_CHECKING:
    from distributed import Future

_CELLS = 2**12
_SIGN = np.uint64(1 << 63)

Ordered = NDArray[np.uint64]
"""Numbers in the order of the values they stand for."""


def order_of_integers(values: NDArray[np.int64]) -> Ordered:
    """Return numbers in the order of some whole numbers."""
    return values.view(np.uint64) ^ _SIGN


def integer_of(ordered: int) -> int:
    """Return the whole number that stands at a place of the order."""
    return ordered - (1 << 63)


def order_of_floats(values: NDArray[np.float64]) -> Ordered:
    """Return numbers in the order of some floats; NaN must not be among them."""
    bits = (values + 0.0).view(np.uint64)  # -0.0 is 0.0
    return np.where(bits >= _SIGN, ~bits, bits | _SIGN)


def float_of(ordered: int) -> float:
    """Return the float that stands at a place of the order."""
    sign = 1 << 63
    bits = ordered ^ sign if ordered >= sign else ordered ^ ((1 << 64) - 1)
    return float(np.array(bits, dtype=np.uint64).view(np.float64))


def count_of(cluster: Cluster, parts: "Sequence[Future]") -> int:
    """Return how many values there are in all parts, each an `Ordered` on a worker."""
    return sum(cluster.gather(cluster.each(len, parts)))


def at_places(cluster: Cluster, parts: "Sequence[Future]", places: Sequence[int]) -> list[int]:
    """Return the values at some places, from 0, of all parts put in order together.

    Args:
        cluster: Where the parts are.
        parts: One at least, each an `Ordered` on a worker.
        places: Each below the number of all values.
    """
    low, high = cluster.merged(_wider, cluster.each(_ends, parts))
    return [_at(cluster, parts, place, int(low), int(high)) for place in places]


def count_below(cluster: Cluster, parts: "Sequence[Future]", value: int) -> int:
    """Return how many values are less than one."""
    return sum(cluster.gather(cluster.each(_below, parts, value)))


def _at(cluster: Cluster, parts: "Sequence[Future]", place: int, low: int, high: int) -> int:
    while low < high:
        width = -(-(high - low + 1) // _CELLS)
        counts = cluster.merged(np.add, cluster.each(_counts, parts, low, high, width))
        ends = np.cumsum(counts)
        cell = int(np.searchsorted(ends, place, side="right"))
        place -= int(ends[cell - 1]) if cell else 0
        low += cell * width
        high = min(high, low + width - 1)
    return low


def _ends(values: Ordered) -> tuple[int, int]:
    if not len(values):
        return (1 << 64) - 1, 0
    return int(values.min()), int(values.max())


def _wider(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    return min(a[0], b[0]), max(a[1], b[1])


def _counts(values: Ordered, low: int, high: int, width: int) -> NDArray[np.int64]:
    inside = values[(values >= np.uint64(low)) & (values <= np.uint64(high))]
    cells = (inside - np.uint64(low)) // np.uint64(width)
    return np.bincount(cells.astype(np.int64), minlength=-(-(high - low + 1) // width))


def _below(values: Ordered, value: int) -> int:
    return int(np.count_nonzero(values < np.uint64(value)))
