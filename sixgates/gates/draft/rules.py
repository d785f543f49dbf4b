"""What the contract may ask of a column, judged by the values that were seen."""

from math import ceil, floor, log10
from typing import NamedTuple

import polars as pl

from sixgates.gates.draft.comments import quoted
from sixgates.gates.draft.table import Table, is_number, is_text

_LISTED = 20
"""Categories with at most so many levels are listed one by one."""
_OFTEN = 5
"""Each of them must be seen so often: else others may have been missed."""
_CODES = 31
"""Whole numbers without a gap, at most so many, each seen in one row of a thousand."""
_DIGITS = 2
_LARGEST = 9e18
"""Whole numbers up to it fit in 64 bits."""
_LARGEST_FLOAT = 1e300
_LONG = 1e12
"""Numbers from here on are written by their exponent."""


class Rule(NamedTuple):
    """One check of a column."""

    code: str
    """As Python; empty where nothing is asked."""
    note: str
    """What was seen, where the check allows more; empty where there is nothing to say."""


def rule_of(table: Table, name: str) -> Rule:
    """Return what a value of a column may be, for a person to look at."""
    values = table.rows[name].drop_nulls()
    if values.dtype == pl.Boolean or values.is_empty():
        return Rule("", "")
    if is_text(values.dtype):
        return _texts(values)
    if is_number(values.dtype):
        return _numbers(table, name, values)
    return Rule("", "")


def _texts(values: pl.Series) -> Rule:
    counts = _counted(values.cast(pl.String))
    if counts.height <= _LISTED and (counts["rows"] >= _OFTEN).all():
        levels = ", ".join(quoted(level) for level in sorted(counts["value"]))
        return Rule(f"pa.Check.isin([{levels}])", "")
    some = values.dtype == pl.String and values.str.len_chars().min()
    return Rule("pa.Check.str_length(min_value=1)" if some else "", "")


def _numbers(table: Table, name: str, values: pl.Series) -> Rule:
    ends = table.range_of(name)
    if ends is None:
        return Rule("", "no finite number")
    whole = values.dtype.is_integer()
    if max(map(abs, ends)) >= (_LARGEST if whole else _LARGEST_FLOAT):
        return Rule("", "no range, for the numbers are too large")
    low, high = _widened(*ends, whole=whole, exact=whole and _are_codes(values, *ends))
    code = f"pa.Check.in_range({_number(low, whole=whole)}, {_number(high, whole=whole)})"
    seen = " to ".join(_number(end, whole=whole).replace("_", ",") for end in ends)
    return Rule(code, "" if (low, high) == ends else f"seen: {seen}")


def _are_codes(values: pl.Series, low: float, high: float) -> bool:
    counts = _counted(values)["rows"]
    if counts.len() != high - low + 1 or counts.len() > _CODES:
        return False
    return bool((counts >= max(1, values.len() // 1_000)).all())


def _counted(values: pl.Series) -> pl.DataFrame:
    """Return each value and its rows; a column may have any name, the counts' own too."""
    return values.rename("value").value_counts(name="rows")


def _widened(low: float, high: float, *, whole: bool, exact: bool) -> tuple[float, float]:
    """Add half of the range at both ends, to two digits, but never across 0; shares stay so."""
    if exact:
        return low, high
    if low >= 0 and high <= 1 and not whole:
        return 0.0, 1.0
    room = (high - low) / 2
    least = max(0.0, low - room) if low >= 0 else low - room
    most = min(0.0, high + room) if high <= 0 else high + room
    least, most = _round(least, up=False), _round(most, up=True)
    return (max(-_LARGEST, least), min(_LARGEST, most)) if whole else (least, most)


def _round(value: float, *, up: bool) -> float:
    if value == 0:
        return 0.0
    unit = 10.0 ** (floor(log10(abs(value))) + 1 - _DIGITS)
    steps = ceil(value / unit) if up else floor(value / unit)
    return float(f"{steps * unit:.12g}")


def _number(value: float, *, whole: bool) -> str:
    if whole:
        return f"{int(value):_}"
    text = f"{value:.4g}"
    return f"{float(text):_.0f}" if "e+" in text and abs(value) < _LONG else text
