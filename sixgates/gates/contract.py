"""The user's Pandera contract, asked one rule at a time.

The contract is compared, never applied: coercion, defaults, added columns and dropped rows stay
switched off, so that no row changes or vanishes on the way. Each rule goes through Pandera alone:
its result then bears its own name, and a check that answers for the whole frame cannot crash the
report of the others (pandera 0.35 does where their failure cases differ in type).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandera.polars as pa
import polars as pl
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from sixgates.gates.card import Task
from sixgates.gates.project import Project

_OUTPUT = "check_output"


class RuleError(Exception):
    """A rule that cannot say which rows it refuses; the message is one sentence."""


def table_problems(df: pl.DataFrame, project: Project) -> list[str]:
    """Name what is wrong with the table as a whole: columns that are missing or of a wrong type."""
    contract = project.contract
    columns = {
        name: pa.Column(c.dtype, nullable=True, required=c.required, regex=c.regex)
        for name, c in contract.columns.items()
    }
    structure = pa.DataFrameSchema(
        columns,
        dtype=contract.dtype,
        strict=contract.strict is True,
        ordered=contract.ordered,
    )
    problems = [_schema_problem(error) for error in _errors(structure, df)]
    return problems or _role_problems(df, project)


def row_rules(df: pl.DataFrame, project: Project) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each rule of the contract by name, with True for the rows that it refuses.

    A missing label breaks none of them: whether it should be known is not the contract's to say.

    Raises:
        RuleError: a check failed or broke without saying which rows are to blame.
    """
    late = {project.roles.label, project.roles.label_time}
    for column, schema in _column_rules(project.contract, late):
        name, single = schema
        refused = _refused(single, df, name)
        if refused is not None:
            exempt = df[column].is_null().to_numpy() if column in late else False
            yield name, refused & ~np.asarray(exempt)
    for check in project.contract.checks:
        name = f"frame: {check.error or check.name}"
        refused = _refused(pa.DataFrameSchema(checks=[check]), df, name)
        if refused is not None:
            yield name, refused
    for subset in _unique_sets(project.contract):
        repeated = df.select(subset).is_duplicated().to_numpy()
        yield f"frame: unique({', '.join(subset)})", repeated


def _column_rules(
    contract: pa.DataFrameSchema, late: set[str | None]
) -> Iterator[tuple[str, tuple[str, pa.DataFrameSchema]]]:
    for name, column in contract.columns.items():
        alone: dict[str, dict[str, Any]] = {}
        if not column.nullable and name not in late:
            alone["not_nullable"] = {"nullable": False}
        for check in column.checks:
            alone[check.error or check.name or "check"] = {"checks": [check]}
        if column.unique:
            alone["unique"] = {"unique": True}
        for rule, options in alone.items():
            single = pa.Column(
                **{"nullable": True, **options}, required=column.required, regex=column.regex
            )
            yield name, (f"{name}: {rule}", pa.DataFrameSchema({name: single}))


def _unique_sets(contract: pa.DataFrameSchema) -> list[list[str]]:
    # Pandera stops at the first of several sets that has duplicates, so all are asked here.
    unique = contract.unique or []
    return [unique] if all(isinstance(u, str) for u in unique) and unique else list(unique)


def _refused(schema: pa.DataFrameSchema, df: pl.DataFrame, name: str) -> np.ndarray | None:
    """Return True for the rows that fail a schema of one rule, or None where none does."""
    try:
        errors = _errors(schema, df)
    except pl.exceptions.PolarsError as exc:
        raise RuleError(f"rule {name!r} could not be reported: {_first_line(exc)}") from exc
    passed = np.ones(df.height, dtype=bool)
    for error in errors:
        if error.reason_code is SchemaErrorReason.CHECK_ERROR:
            raise RuleError(f"rule {name!r} could not run: {_first_line(error.failure_cases)}")
        output = error.check_output
        if output is None or output.height != df.height:
            raise RuleError(f"rule {name!r} failed for the table as a whole")
        passed &= output[_OUTPUT].fill_null(value=False).to_numpy()
    return ~passed if errors else None


def _errors(schema: pa.DataFrameSchema, df: pl.DataFrame) -> list[SchemaError]:
    # Set here, because PANDERA_VALIDATION_ENABLED=false in the environment would let all pass.
    with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        try:
            schema.validate(df, lazy=True)
        except SchemaErrors as exc:
            return list(exc.schema_errors)
    return []


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
    return problems


def _first_line(what: object) -> str:
    return str(what).strip().split("\n", 1)[0]
