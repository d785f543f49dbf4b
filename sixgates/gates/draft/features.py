"""What the other columns are for: who a row is about, numbers, categories, and leftovers."""

from dataclasses import dataclass

import polars as pl
import polars.selectors as cs

from sixgates.gates.draft.guess import Guess
from sixgates.gates.draft.label import known_alike
from sixgates.gates.draft.table import Table, is_number, is_text, words
from sixgates.gates.policy import ValidationPolicy
from sixgates.gates.verdict import numbers

_SOMEBODY = (
    "customer", "user", "client", "member", "account", "subscriber", "patient", "person",
    "applicant", "borrower", "employee", "player", "student", "driver", "household", "merchant",
    "device", "machine", "sensor", "vehicle", "card", "store", "site", "station", "id",
)  # fmt: skip
"""Words of an entity, the most telling first."""
_NAMES = {
    "code", "type", "kind", "category", "class", "region", "zone", "zip", "postcode", "country",
    "state", "segment", "group", "product", "channel", "brand", "weekday", "week", "season",
    "station", "store", "site", "id", "status", "model", "version",
}  # fmt: skip
"""Words of columns whose whole numbers are names of things."""
_MOST_LEVELS = 200
"""Categories with more levels have too few rows each to be learned from."""
_ROW = {"id", "row", "key", "index", "uuid", "guid", "hash", "number", "no", "nr"}
_DENSE = 10
"""Different numbers are names where they are no further apart on average."""
_FEW_LEVELS = 12
_LEAST_ENTITIES = 30
"""As many clusters gate 4 asks for by default."""
_REPEATED = 0.999
"""At most this share of an entity's values may be different ones."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Columns by what they are for. A guess without a reason is one that hardly needs a look."""

    numeric: tuple[Guess, ...]
    categorical: tuple[Guess, ...]
    ignored: tuple[Guess, ...]
    unusable: tuple[Guess, ...]
    """Columns of a type that no role takes: they are left out of the contract."""


def guess_entity(rows: pl.DataFrame, taken: set[str]) -> Guess | None:
    """Return the column that says who a row is about: some come again, and its name says so."""

    def rank(name: str) -> int:
        said = words(name)
        return min((_SOMEBODY.index(word) for word in said if word in _SOMEBODY), default=-1)

    found = {
        name: rows[name].n_unique()
        for name in rows.select(cs.string() | cs.integer()).columns
        if name not in taken and rank(name) >= 0 and not rows[name].null_count()
    }
    able = {n: d for n, d in found.items() if _LEAST_ENTITIES <= d <= _REPEATED * rows.height}
    if not able:
        return None
    best = min(able, key=lambda name: (rank(name), -able[name]))
    others = [name for name in able if name != best]
    also = f". So could {', '.join(others)}" if others else ""
    return Guess(
        best, f"{able[best]:,} different in {rows.height:,} rows, so some come again{also}"
    )


def guess_parts(table: Table, label: str | None, taken: set[str]) -> Parts:
    """Divide the columns that have no other role.

    Args:
        table: Rows in the order of event time, where there is one.
        label: Its column, where it was found.
        taken: Columns that have a role already.
    """
    numeric: list[Guess] = []
    categorical: list[Guess] = []
    ignored: list[Guess] = []
    unusable: list[Guess] = []
    for name in table.rows.columns:
        values = table.rows[name]
        if name in taken:
            continue
        if not is_number(values.dtype) and not is_text(values.dtype) and not _is_time(values):
            unusable.append(Guess(name, f"A {values.dtype.base_type()} is no number and no text"))
        elif why := _why_ignored(table, name, label):
            ignored.append(Guess(name, why))
        elif is_text(values.dtype):
            categorical.append(Guess(name, ""))
        elif _names_things(values):
            categorical.append(Guess(name, "Whole numbers that seem to name things"))
        else:
            numeric.append(Guess(name, _doubt(values)))
    return Parts(tuple(numeric), tuple(categorical), tuple(ignored), tuple(unusable))


def _why_ignored(table: Table, name: str, label: str | None) -> str:
    """Say why a column should be no feature; empty where it may be one."""
    most = ValidationPolicy().max_null_share
    if _is_time(table.rows[name]):
        return "A second time: make a number of it in the source, such as the days between"
    if label is not None and known_alike(table.rows, name, label):
        return f"Empty where {label} is: it is known no sooner, and would give the answer away"
    if (share := table.null_share(name)) > most:
        empty, limit = numbers(100 * share, 100 * most)
        return f"{empty}% of it is empty, and gate 1 refuses more than {limit}%"
    return _teaches_nothing(table, name)


def _teaches_nothing(table: Table, name: str) -> str:
    values = table.rows[name]
    known = values.drop_nulls()
    distinct = known.n_unique()
    if distinct <= 1:
        rare = len(set(table.ends.get(name, ()))) > 1  # another value is there, but not in these
        return "" if rare else "The same in all rows that were looked at"
    if distinct == known.len() and _is_row_name(table, values):
        return "Different in every row: the name of a row"
    if _only_places_in_time(values):
        return "It only goes on with time, so no model can have learned its newest values"
    names = is_text(values.dtype) or (values.dtype.is_integer() and "id" in words(name))
    if names and distinct > _MOST_LEVELS:
        return f"It names {distinct:,} different things, too many to learn from"
    return ""


def _is_row_name(table: Table, values: pl.Series) -> bool:
    """Whether values that are all different name rows: texts, or numbers close to each other."""
    if not values.dtype.is_integer():
        return is_text(values.dtype)
    low, high = table.range_of(values.name) or (0, 0)
    return bool(_ROW & set(words(values.name))) or high - low < _DENSE * table.total


def _only_places_in_time(values: pl.Series) -> bool:
    """Whether numbers never fall from row to row, or each text is one stretch of rows."""
    if values.null_count():
        return False
    if is_number(values.dtype):
        return bool(values.is_sorted())
    changes = int((values != values.shift()).sum())
    return changes + 1 == values.n_unique()


def _is_time(values: pl.Series) -> bool:
    return isinstance(values.dtype, pl.Datetime)


def _names_things(values: pl.Series) -> bool:
    if not values.dtype.is_integer() or not _NAMES & set(words(values.name)):
        return False
    return values.n_unique() <= _MOST_LEVELS


def _doubt(values: pl.Series) -> str:
    """Say where whole numbers are so few that they may be names."""
    known = values.drop_nulls()
    distinct = known.n_unique()
    if values.dtype.is_integer() and distinct == known.len():
        return "Different in every row: a quantity, or the name of a row?"
    if not values.dtype.is_integer() or not 2 < distinct <= _FEW_LEVELS:  # noqa: PLR2004 - 0 and 1
        return ""
    return f"{distinct} whole numbers: a quantity, or names of things?"
