"""The types that a contract names, for sources that know fewer: folder names and databases."""

import polars as pl

from sixgates.gates.project import Project


def contract_types(project: Project) -> dict[str, pl.DataType]:
    """Return the type of each column for which the contract names one; nested ones are left out."""
    named = ((n, c.dtype.type) for n, c in project.contract.columns.items() if c.dtype is not None)
    return {
        name: kind() if isinstance(kind, type) else kind
        for name, kind in named
        if not kind.is_nested()
    }


def from_text(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Read text as a type; what is not of that type makes Polars raise when it is collected."""
    if isinstance(kind, pl.Date):
        return column.str.to_date()
    if isinstance(kind, pl.Datetime):
        return column.str.to_datetime(time_unit=kind.time_unit, time_zone=kind.time_zone)
    if isinstance(kind, pl.Boolean):
        words = {"true": True, "false": False, None: None}
        return column.str.to_lowercase().replace_strict(words, return_dtype=pl.Boolean)
    return column.cast(kind)
