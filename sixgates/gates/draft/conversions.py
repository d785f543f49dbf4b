"""Columns that a project can use once they are of another type, and how to convert them."""

from dataclasses import dataclass

import polars as pl

from sixgates.gates.draft.comments import quoted
from sixgates.gates.draft.table import words

_YES = {"yes", "y", "true", "t"}
_NO = {"no", "n", "false", "f"}
_TIME = {"ts", "at", "time", "timestamp", "date", "datetime", "day", "when"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """One column in another type."""

    name: str
    expression: pl.Expr
    code: str
    """The same expression as Python."""
    why: str


def conversions_of(rows: pl.DataFrame) -> list[Conversion]:
    """Return what should be converted: dates, texts that are times, decimals."""
    found = (_conversion(rows[name]) for name in rows.columns)
    return [conversion for conversion in found if conversion is not None]


def yes_or_no(label: pl.Series) -> Conversion | None:
    """Return how a label of yes and no becomes 1 and 0; None where it is no such text."""
    yes = _yes(label) if label.dtype == pl.String else None
    if yes is None:
        return None
    name, code = label.name, f"pl.col({quoted(label.name)}) == {quoted(yes)}"
    return Conversion(
        name, (pl.col(name) == yes).cast(pl.Int8), f"({code}).cast(pl.Int8)",
        f"{name} is {quoted(yes)} or not, and becomes 1 or 0",
    )  # fmt: skip


def _conversion(values: pl.Series) -> Conversion | None:
    name, column, code = values.name, pl.col(values.name), f"pl.col({quoted(values.name)})"
    if values.dtype == pl.Date:
        return Conversion(
            name, column.cast(pl.Datetime("us")), f'{code}.cast(pl.Datetime("us"))',
            f"{name} is a date, and a time is needed: midnight UTC",
        )  # fmt: skip
    if values.dtype.is_decimal():
        return Conversion(
            name, column.cast(pl.Float64), f"{code}.cast(pl.Float64)",
            f"{name} is a decimal, and a model takes floating point",
        )  # fmt: skip
    if values.dtype == pl.String and _TIME & set(words(name)):
        return _time(values)
    return None


def _time(values: pl.Series) -> Conversion | None:
    """Return how texts read as times, with a zone or without; None where some do not for sure."""
    known, name = values.drop_nulls(), values.name
    for zone, code in ((None, ""), ("UTC", ', time_zone="UTC"')):
        try:
            read = known.str.to_datetime(time_unit="us", time_zone=zone)
        except pl.exceptions.PolarsError:
            continue
        if read.dtype == pl.Datetime("us", zone) and not read.is_empty():
            if _day_or_month(known, read):
                return None
            return Conversion(
                name, pl.col(name).str.to_datetime(time_unit="us", time_zone=zone),
                f'pl.col({quoted(name)}).str.to_datetime(time_unit="us"{code})',
                f"{name} is text that reads as a time",
            )  # fmt: skip
    return None


def _day_or_month(known: pl.Series, read: pl.Series) -> bool:
    """Whether each text may be read day first or month first: months would be taken for days."""
    year_last = known.str.contains(r"^\s*\d{1,2}[/-]").all()
    return bool(year_last and (read.dt.day() <= 12).all())  # noqa: PLR2004 - months


def _yes(values: pl.Series) -> str | None:
    """Return the text that means yes, where there are but two and the other means no."""
    texts = values.drop_nulls().unique().to_list()
    if len(texts) != 2:  # noqa: PLR2004 - yes and no
        return None
    means = {text.strip().lower(): text for text in texts}
    yes, no = means.keys() & _YES, means.keys() & _NO
    return means[yes.pop()] if yes and no else None
