"""Times beyond the years that Python knows: a wrong unit makes the year 56971 of 2025."""

from datetime import date

import polars as pl

_EPOCH = date(1970, 1, 1)
# A year less at both ends, so that no time zone leads beyond them.
_DAYS = [(end - _EPOCH).days for end in (date(2, 1, 1), date(9998, 12, 31))]
_A_DAY = {"days": 1, "ms": 86_400_000, "us": 86_400_000_000}


def has_far_times(column: pl.Series) -> bool:
    """Whether Python cannot hold each value of a column, for one is a time too far away."""
    return _unit(column) in _A_DAY and bool(_far(column).any())


def near_times(column: pl.Series) -> pl.Series:
    """Return the times of a column that Python can hold."""
    far = _far(column)
    return column.filter(~far) if far.any() else column


def values_or_counts(column: pl.Series) -> list[object]:
    """Return the values of a column, and text in place of a time that Python cannot hold.

    It says how the time is counted: not even Polars can write each of them as a date.
    """
    if not has_far_times(column):
        return column.to_list()
    far, unit = _far(column), _unit(column)
    near = column.to_frame().select(pl.when(~far).then(pl.all())).to_series().to_list()
    counts = column.to_physical()
    return [
        f"{counts[place]} {unit} since 1970" if is_far else value
        for place, (value, is_far) in enumerate(zip(near, far, strict=True))
    ]


def _far(column: pl.Series) -> pl.Series:
    unit = _unit(column)
    if unit not in _A_DAY:  # no times, or in nanoseconds, which lead to the year 2262
        return pl.repeat(value=False, n=len(column), eager=True)
    low, high = (days * _A_DAY[unit] for days in _DAYS)
    return ~column.to_physical().is_between(low, high).fill_null(value=True)


def _unit(column: pl.Series) -> str:
    kind = column.dtype
    return kind.time_unit if isinstance(kind, pl.Datetime) else "days" if kind == pl.Date else ""
