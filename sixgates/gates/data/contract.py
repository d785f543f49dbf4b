"""The user's Pandera contract, asked without being applied.

Coercion, defaults, added columns and dropped rows stay switched off, so that no row changes or
vanishes on the way. The table's columns and types go through Pandera's validation, whose depth is
set here. Each check of the rows is asked by itself, by Pandera's own call: its result then bears
its own name, says which rows it refuses, and cannot crash the report of another (pandera 0.35 does
where their failure cases differ in type). A validation of the whole takes twice as long.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors
from polars.exceptions import PanicException

from sixgates.gates.card import Task
from sixgates.gates.project import Project

_RANGES = {
    "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to", "in_range",
}  # fmt: skip
"""Pandera's own checks that hold for a column where they do for its ends."""
_OF_STRINGS = {
    "isin", "notin", "equal_to", "not_equal_to", "str_length", "str_matches", "str_contains",
    "str_startswith", "str_endswith",
}  # fmt: skip
"""Its own that hold for a column of strings where they do for each that is there."""
_LOOKED_AT = 1_000
_FEW = 500
"""Different strings among the first `_LOOKED_AT`, up to which finding all of them is quick."""


class RuleError(Exception):
    """A rule that cannot say which rows it refuses; the message is one sentence."""


def table_problems(df: pl.DataFrame, project: Project) -> list[str]:
    """Name what is wrong with the table as a whole: columns that are missing or of a wrong type."""
    contract = project.contract
    columns = {
        name: pa.Column(_wanted_type(c, name, project), nullable=True, required=c.required,
                        regex=c.regex)
        for name, c in contract.columns.items()
    }  # fmt: skip
    structure = pa.DataFrameSchema(
        columns,
        dtype=contract.dtype,
        strict=contract.strict is True,
        ordered=contract.ordered,
    )
    problems = [_schema_problem(error) for error in _errors(structure, df)]
    return problems or _role_problems(df, project)


Repeated = Mapping[tuple[str, ...], pl.Series]
"""Which rows agree in some columns with another one, by these columns."""


def row_rules(
    df: pl.DataFrame, project: Project, repeated: Repeated | None = None
) -> Iterator[tuple[str, pl.Series]]:
    """Yield each rule of the contract that refuses rows by name, with True for those rows.

    A missing label breaks none of them: whether it should be known is not the contract's to say. A
    check that only warns (`raise_warning`) refuses nothing.

    Args:
        df: The rows, all of them or a part, with null in place of NaN.
        project: Names contract and roles.
        repeated: Of a part, which of its rows agree with another of any part, for each of
            `unique_columns`. None: these are all rows.

    Raises:
        RuleError: a check failed or broke without saying which rows are to blame, or judges the
            table as a whole where only a part is there.
    """
    late = {project.roles.label, project.roles.label_time}
    for name, column in _columns(project.contract, df):
        for rule, refused in _column_rules(column, df, name, repeated, optional=name in late):
            yield f"{name}: {rule}", refused
    for check in project.contract.checks:
        name = f"frame: {check.error or check.name}"
        if (failed := _refused(check, df, None, name, part=repeated is not None)) is not None:
            yield name, failed
    for subset in _unique_sets(project.contract):
        again = _again(df, subset, repeated)
        if again.any():
            yield f"frame: unique({', '.join(subset)})", again


def unique_columns(df: pl.DataFrame, project: Project) -> list[tuple[str, ...]]:
    """Return the columns in which no two rows of a table may agree, by the contract."""
    single = [(name,) for name, column in _columns(project.contract, df) if column.unique]
    return list(dict.fromkeys([*single, *map(tuple, _unique_sets(project.contract))]))


def _again(df: pl.DataFrame, names: Sequence[str], repeated: Repeated | None) -> pl.Series:
    return df.select(names).is_duplicated() if repeated is None else repeated[tuple(names)]


def _columns(contract: pa.DataFrameSchema, df: pl.DataFrame) -> Iterator[tuple[str, pa.Column]]:
    """Yield the columns of the frame that the contract speaks of; a name of its own goes first."""
    for name, column in contract.columns.items():
        if not column.regex:
            found = [name] if name in df.columns else []
        else:
            matching = [c for c in df.columns if re.fullmatch(name, c)]
            found = [c for c in matching if c not in contract.columns]
        yield from ((c, column) for c in found)


def _column_rules(
    column: pa.Column, df: pl.DataFrame, name: str, repeated: Repeated | None, *, optional: bool
) -> Iterator[tuple[str, pl.Series]]:
    values = df[name]
    missing = values.is_null()
    counts = ~missing if optional else None
    if not (column.nullable or optional) and missing.any():
        yield "not_nullable", missing
    shortened = [_shortened(check) for check in column.checks]
    found = {shorten: shorten(values) for shorten in {*shortened} if shorten}
    for check, shorten in zip(column.checks, shortened, strict=True):
        rule = check.error or check.name or "check"
        few = found[shorten] if shorten else None
        if few is not None and _refused(check, few, name, rule) is None:
            continue
        refused = _refused(check, df, name, f"{name}: {rule}", part=repeated is not None)
        if refused is not None:
            yield rule, refused if counts is None else refused & counts
    if column.unique and (repeated is not None or values.n_unique() < len(values)):
        again = _again(df, [name], repeated)
        if again.any():
            yield "unique", again if counts is None else again & counts


def _shortened(check: pa.Check) -> Callable[[pl.Series], pl.DataFrame | None] | None:
    """Return what finds the few values that a column passes by; None but for Pandera's own."""
    name = check.name or ""
    shorten = _ends if name in _RANGES else _strings if name in _OF_STRINGS else None
    if shorten is None:
        return None
    try:
        own = getattr(pa.Check, name)(**(check.statistics or {}))
    except (TypeError, ValueError, re.error):  # a check of the user's that bears the same name
        return None
    return shorten if check == own else None


def _ends(values: pl.Series) -> pl.DataFrame | None:
    """Return the least and the largest value, which are quick to find."""
    if values.dtype.is_numeric():
        return pl.Series(values.name, [values.min(), values.max()], values.dtype).to_frame()
    column = values.to_frame()  # Python cannot hold each value: times of the year 56971
    return pl.concat([column.min(), column.max()])


def _strings(values: pl.Series) -> pl.DataFrame | None:
    """Return the different strings, None among them; None where they are no strings, or many."""
    if values.dtype != pl.String or values.head(_LOOKED_AT).n_unique() > _FEW:
        return None
    return values.unique().to_frame()


def _unique_sets(contract: pa.DataFrameSchema) -> list[list[str]]:
    # Pandera stops at the first of several sets that has duplicates, so all are asked here.
    unique = contract.unique or []
    return [unique] if all(isinstance(u, str) for u in unique) and unique else list(unique)


def _refused(
    check: pa.Check, df: pl.DataFrame, column: str | None, name: str, *, part: bool = False
) -> pl.Series | None:
    """Return True for the rows that fail a check, or None where none does."""
    if check.raise_warning:
        return None
    try:
        passed: pl.Series = check(df.lazy(), column).check_output.collect().to_series()
    except (Exception, PanicException) as exc:  # a user's check may raise anything
        raise RuleError(f"rule {name!r} could not run: {_first_line(exc)}") from exc
    if part and len(passed) != df.height:
        raise RuleError(
            f"rule {name!r} judges the table as a whole, of which Dask shows it one part: let it"
            " judge each row, or set SIXGATES_ENGINE=local"
        )
    if passed.all():
        return None
    if len(passed) != df.height:
        raise RuleError(f"rule {name!r} failed for the table as a whole")
    return ~passed


def _errors(schema: pa.DataFrameSchema, df: pl.DataFrame) -> list[SchemaError]:
    # Set here, because PANDERA_VALIDATION_ENABLED=false in the environment would let all pass.
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            schema.validate(df, lazy=True)
        except SchemaErrors as exc:
            return list(exc.schema_errors)
    return []


def _wanted_type(column: pa.Column, name: str, project: Project) -> Any:  # noqa: ANN401 - Pandera's
    """Return the type that a column must have, after the times with a role are naive UTC."""
    is_time = name in {project.roles.event_time, project.roles.label_time}
    if is_time and column.dtype is not None and isinstance(column.dtype.type, pl.Datetime):
        return pl.Datetime("us")
    return column.dtype


def _schema_problem(error: SchemaError) -> str:
    found = error.failure_cases
    match error.reason_code:
        case SchemaErrorReason.WRONG_DATATYPE:
            return f"column {error.column_name!r} is {found}, the contract wants {_wanted(error)}"
        case SchemaErrorReason.COLUMN_NOT_IN_DATAFRAME:
            return f"column {found!r} is missing"
        case SchemaErrorReason.COLUMN_NOT_IN_SCHEMA:
            return f"column {found!r} is not in the contract, which is strict"
        case _:
            return _first_line(error)


def _wanted(error: SchemaError) -> str:
    return str(getattr(error.schema, "dtype", None))


def _role_problems(df: pl.DataFrame, project: Project) -> list[str]:
    """Name columns whose type does not fit their role, whatever the contract says of them."""
    roles = project.roles
    numbers = set(roles.numeric)
    if project.task is not Task.MULTICLASS:
        numbers.add(roles.label)
    times = {name for name in (roles.event_time, roles.label_time) if name}
    entity = {roles.entity} if roles.entity else set()
    problems = []
    for name in sorted({roles.label, *times, *entity, *roles.features, *roles.segments}):
        if name not in df.columns:
            problems.append(f"column {name!r} is missing")
            continue
        dtype = df[name].dtype
        plain = dtype.is_float() or dtype.is_integer() or dtype == pl.Boolean
        if name in numbers and not plain:
            problems.append(f"column {name!r} is {dtype}, its role wants numbers")
        if name in times and not isinstance(dtype, pl.Datetime):
            problems.append(f"column {name!r} is {dtype}, its role wants a datetime")
        # Bytes are no text to a model, while requests bring text.
        if name not in numbers | times and (
            dtype.is_nested() or (dtype == pl.Binary and name not in entity)
        ):
            problems.append(f"column {name!r} is {dtype}, its role wants one plain value")
    return problems


def _first_line(what: object) -> str:
    return str(what).strip().split("\n", 1)[0]
