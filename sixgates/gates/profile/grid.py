"""How the values of a numeric feature are divided: thousands of cells of one width.

One width, because a value's cell is then found by arithmetic, for whole columns at the speed of
memory; thousands, because sums over them are then as good as exact. Where values spread over
orders of magnitude the width is one of their exponents: a cell is then what has its leading bits in
common as a float32, and these grow with the number, nearly as its logarithm.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.errors import ContractError

CELLS = 4_096
"""Cells of a grid at most, without the two beyond its ends."""

_LOPSIDED = 2.0
"""How many times fuller the fullest linear cell must be for the other scale to be taken."""
_LARGEST = 2.0**126
"""Beyond it float32 may not hold a grid and a cell more at either end."""
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
_LEAST_SHIFT = 1
"""So that below a grid that begins at 0 there is a number which is not -0.0."""
_INFINITE = 0x7F800000
"""Infinity in the order of the values."""


_Float = TypeVar("_Float", bound=np.floating)


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
            ContractError: its numbers are not finite, there is no cell or are too many, or a cell
                is not what has its leading bits in common.
        """
        usable = math.isfinite(self.first) and 0 < self.width < math.inf and _holds(self)
        if not (usable and 1 <= self.cells <= CELLS):
            raise ContractError(f"{self} is no grid: retrain the model")

    def places(self, values: NDArray[np.floating]) -> NDArray[np.int16]:
        """Return the place of each value; NaN is placed below, for its counter to take out."""
        return _by_bits(self, values) if self.scale is Scale.BITS else _by_value(self, values)

    def edges(self) -> NDArray[np.float64]:
        """Return where the cells begin and the last one ends, in units of the feature."""
        on_scale = self.first + self.width * np.arange(self.cells + 1, dtype=np.float64)
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
    sample = sample.astype(np.float64, copy=False)
    values = np.unique(sample[np.abs(sample) < _HUGE])
    if not values.size:
        return Grid(Scale.LINEAR, 0.0, 1.0, 1)
    low, high = float(values[0]), float(values[-1])
    largest = max(-low, high)
    if high - low < CELLS and largest < _WHOLE and np.array_equal(values, np.rint(values)):
        return Grid(Scale.LINEAR, low - 0.5, 1.0, round(high - low) + 1)
    # The ends are cut off where a few values, such as one that stands for "missing", are far away.
    rare = round(_RARE * values.size) or int(values.size > _MANY)
    candidates = [_linear(low, high), _linear(float(values[rare]), float(values[-1 - rare]))]
    if largest < _LARGEST:
        candidates.append(_on_bits(values[[0, -1]]))
    best, fullest = candidates[0], _fullest(candidates[0], values)
    for other in candidates[1:]:
        if fullest > _LOPSIDED * (less := _fullest(other, values)):
            best, fullest = other, less
    return best


def _linear(low: float, high: float) -> Grid:
    # Wider by what rounding in float32 may move a value: the ends of training are not beyond it.
    spare = max(abs(low), abs(high)) * _ROUNDING + _LEAST
    width = ((high - low) * (1 + _ROUNDING) + 2 * spare) / CELLS
    return Grid(Scale.LINEAR, low - spare, width, CELLS)


def _on_bits(ends: NDArray[np.float64]) -> Grid:
    low, high = map(int, _ordered(ends.astype(np.float32), negative=True))
    shift = _LEAST_SHIFT
    while (cells := (high >> shift) - (low >> shift) + 1) > CELLS:
        shift += 1
    return Grid(Scale.BITS, float(low >> shift << shift), 2.0**shift, cells)


def _fullest(grid: Grid, values: NDArray[np.float64]) -> int:
    """Count the different values, in order, in the fullest cell: equal ones no grid divides."""
    return int(np.diff(np.searchsorted(values, grid.edges())).max())


def _by_value(grid: Grid, values: NDArray[np.floating]) -> NDArray[np.int16]:
    narrow = values.dtype == np.float32 and _fits(grid)
    kind = np.float32 if narrow else np.float64
    with np.errstate(over="ignore"):  # to infinity, which is beyond
        found: NDArray[np.floating] = np.subtract(values, kind(grid.first - grid.width), dtype=kind)
        found *= kind(1 / grid.width)
    # Half a cell beyond the ends, so that rounding cannot bring them back in.
    return _clipped(found, kind(0.5), kind(grid.cells + 1.5), out=found).astype(np.int16)


def _by_bits(grid: Grid, values: NDArray[np.floating]) -> NDArray[np.int16]:
    below, beyond = _outside(grid)
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32, copy=False)
    kept = _clipped(narrow, below, beyond)
    shift = np.int32(_shift(grid))
    found = _ordered(kept, negative=grid.first <= 0) >> shift
    found -= np.int32(int(grid.first) >> shift) - np.int32(1)
    return found.astype(np.int16)


def _clipped(
    values: NDArray[_Float], low: _Float, high: _Float, out: NDArray[_Float] | None = None
) -> NDArray[_Float]:
    """Return values between two others, NaN as the lower one.

    `np.fmax` and `np.fmin` would do so by themselves, at four times the cost.
    """
    clipped = np.clip(values, low, high, out=out)
    if np.isnan(clipped.min(initial=high)):
        clipped[np.isnan(clipped)] = low
    return clipped


def _shift(grid: Grid) -> int:
    """Return how many bits the numbers of a cell differ in."""
    return math.frexp(grid.width)[1] - 1


def _holds(grid: Grid) -> bool:
    """Whether the cells are what has its leading bits in common, where they should be."""
    if grid.scale is Scale.LINEAR:
        return True
    aligned = grid.width == 2.0 ** _shift(grid) and (grid.first / grid.width).is_integer()
    low, high = grid.first - grid.width, grid.first + grid.width * (grid.cells + 1)
    return aligned and _shift(grid) >= _LEAST_SHIFT and low > -_INFINITE and high < _INFINITE


def _fits(grid: Grid) -> bool:
    """Whether float32 can hold the ends of the grid."""
    return abs(grid.first) + grid.width * grid.cells < _LARGEST


@cache
def _outside(grid: Grid) -> tuple[np.float32, np.float32]:
    """Return a value of the place below the grid, and one of that above."""
    ends = [grid.first - grid.width, grid.first + grid.width * grid.cells]
    below, beyond = _values(np.array(ends)).astype(np.float32)
    return below, beyond


def _ordered(values: NDArray[np.float32], *, negative: bool) -> NDArray[np.int32]:
    """Return whole numbers in the order of the values.

    Args:
        values: Numbers.
        negative: Whether some may be below 0, or -0.0, which is to be 0.
    """
    if not negative:
        return values.view(np.int32)
    # A float's sign is apart from its size; the size of negative ones must count downwards.
    bits: NDArray[np.int32] = (values + np.float32(0)).view(np.int32)
    return bits ^ ((bits >> 31) & _MAGNITUDE)


def _values(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    bits = ordered.astype(np.int64).astype(np.int32)
    return (bits ^ ((bits >> 31) & _MAGNITUDE)).view(np.float32).astype(np.float64)
