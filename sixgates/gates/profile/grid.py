"""How the values of a numeric feature are divided: thousands of cells of one width.

One width, because a value's cell is then found by arithmetic, for whole columns at the speed of
memory; thousands, because sums over them are then as good as exact. Where values spread over
orders of magnitude the width is one of their exponents: cells have one width on the bits of a
float32, which grow with the number and nearly as its logarithm.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.errors import ContractError

CELLS = 4_096
"""Cells of a grid at most, without the two beyond its ends."""

_LOPSIDED = 2.0
"""How many times fuller the fullest linear cell must be for the other scale to be taken."""
_LARGEST = float(np.finfo(np.float32).max)
_HUGE = 1e300
"""Beyond it the arithmetic of cells could overflow."""
_WHOLE = 2.0**22
"""Below it halves are exact in float32, too."""
_RARE = 1e-4
"""Share of the different values at either end that may lie beyond the grid."""
_MANY = 1_000
"""Different values of which one at either end may."""
_ROUNDING = 2.0**-22
_LEAST = 1e-30
_MAGNITUDE = np.int32(0x7FFFFFFF)


class Scale(StrEnum):
    """On what the cells have one width."""

    LINEAR = "linear"
    """The values."""
    BITS = "bits"
    """The order of their float32, which is that of the values."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Neighbouring cells; place 0 is what lies below them, place `cells + 1` above.

    >>> grid = Grid(Scale.LINEAR, first=0.0, width=0.5, cells=2)
    >>> grid.places(np.array([-0.1, 0.0, 0.6, 1.0])).tolist()
    [0, 1, 2, 3]
    """

    scale: Scale
    first: float
    """Where the first cell begins, on the scale."""
    width: float
    """Of each cell, on the scale."""
    cells: int

    def __post_init__(self) -> None:
        """Refuse a grid that could not be used.

        Raises:
            ContractError: its numbers are not finite, or there is no cell.
        """
        if not (math.isfinite(self.first) and 0 < self.width < math.inf and self.cells >= 1):
            raise ContractError(f"{self} is no grid: retrain the model")

    def places(self, values: NDArray[np.floating]) -> NDArray[np.intp]:
        """Return the place of each value; NaN is placed below, for its counter to take out."""
        if self.scale is Scale.BITS:
            found = _ordered(values).astype(np.float64)
        elif values.dtype == np.float32 and abs(self.first) + self.width * self.cells < _LARGEST:
            found = values
        else:
            found = values.astype(np.float64)
        kind = found.dtype.type
        with np.errstate(over="ignore"):  # to infinity, which is beyond
            found = found - kind(self.first - self.width)
            found *= kind(1 / self.width)
        # Half a cell beyond the ends, so that rounding cannot bring them back in. `fmax` and
        # `fmin` take the number where the other is NaN.
        np.fmax(found, kind(0.5), out=found)
        np.fmin(found, kind(self.cells + 1.5), out=found)
        return found.astype(np.intp)

    def edges(self) -> NDArray[np.float64]:
        """Return where the cells begin and the last one ends, in units of the feature."""
        on_scale = self.first + self.width * np.arange(self.cells + 1)
        return on_scale if self.scale is Scale.LINEAR else _values(on_scale)


def grid_of(sample: NDArray[np.floating]) -> Grid:
    """Choose the grid of a feature from some of its values.

    Whole numbers get a cell each where there are not too many.

    Args:
        sample: Values from all over the training data; what is not finite, or as good as
            infinite, is left out.

    >>> grid_of(np.array([3.0, 1.0, 2.0])).edges().tolist()
    [0.5, 1.5, 2.5, 3.5]
    """
    values = np.unique(sample[np.abs(sample) < _HUGE]).astype(np.float64)
    if not values.size:
        return Grid(Scale.LINEAR, 0.0, 1.0, 1)
    low, high = float(values[0]), float(values[-1])
    largest = max(-low, high)
    if high - low < CELLS and largest < _WHOLE and np.array_equal(values, np.rint(values)):
        return Grid(Scale.LINEAR, low - 0.5, 1.0, round(high - low) + 1)
    # The ends are cut off where a few values, such as one that stands for "missing", are far away.
    rare = round(_RARE * values.size) or int(values.size > _MANY)
    candidates = [_linear(low, high), _linear(float(values[rare]), float(values[-1 - rare]))]
    if largest <= _LARGEST:
        ends = _ordered(values[[0, -1]])
        candidates.append(_on_bits(float(ends[0]), float(ends[1])))
    best = candidates[0]
    for other in candidates[1:]:
        if _fullest(best, values) > _LOPSIDED * _fullest(other, values):
            best = other
    return best


def _linear(low: float, high: float) -> Grid:
    # Wider by what rounding in float32 may move a value: the ends of training are not beyond it.
    spare = max(abs(low), abs(high)) * _ROUNDING + _LEAST
    width = ((high - low) * (1 + _ROUNDING) + 2 * spare) / CELLS
    return Grid(Scale.LINEAR, low - spare, width, CELLS)


def _on_bits(low: float, high: float) -> Grid:
    return Grid(Scale.BITS, low - 0.25, (high - low + 0.5) / CELLS, CELLS)


def _fullest(grid: Grid, values: NDArray[np.float64]) -> int:
    """Count the different values in the fullest cell: equal ones no grid divides."""
    return int(np.bincount(grid.places(values)).max())


def _ordered(values: NDArray[np.floating]) -> NDArray[np.int32]:
    """Return whole numbers in the order of the values."""
    with np.errstate(over="ignore"):  # to infinity, which is beyond every grid, as NaN is below
        bits = np.fmax(values, -np.inf).astype(np.float32).view(np.int32)
    # A float's sign is apart from its size; the size of negative ones must count downwards.
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits) if (bits < 0).any() else bits


def _values(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    bits = np.rint(np.clip(ordered, -(2.0**31), 2.0**31 - 1)).astype(np.int32)
    return np.where(bits < 0, bits ^ _MAGNITUDE, bits).view(np.float32).astype(np.float64)
