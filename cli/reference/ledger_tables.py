"""The ledger's tables and what its entries and routes record, from the code that writes them."""

from datetime import datetime

from sqlalchemy import Table, UniqueConstraint

from cli.reference.markdown import code, paragraph, said_of, sentence, table
from sixgates.ledger import tables
from sixgates.ledger.entry import Kind
from sixgates.ledger.route import Step

_KINDS = {str: "text", int: "integer", float: "number", datetime: "time"}


def tables_section() -> str:
    """Return every table with its columns."""
    said = said_of(tables)
    parts = []
    for name, found in vars(tables).items():
        if isinstance(found, Table) and found.name in tables.metadata.tables:
            parts += [f"### `{found.name}`", paragraph(said[name]), _columns(found)]
    return "\n\n".join(parts)


def kinds_section() -> str:
    """Return what an entry may record, and what a route may be the step of."""
    kinds, steps = said_of(Kind), said_of(Step)
    return "\n\n".join(
        [
            "### Kinds of entries",
            table(["kind", "records"], [(code(k), sentence(kinds[k.name])) for k in Kind]),
            "### Steps of a route",
            table(["step", "means"], [(code(s), sentence(steps[s.name])) for s in Step]),
        ]
    )


def _columns(found: Table) -> str:
    unique = [
        " with ".join(code(c.name) for c in constraint.columns)
        for constraint in sorted(found.constraints, key=lambda c: str(c.name))
        if isinstance(constraint, UniqueConstraint)
    ]
    rows = [
        (
            code(c.name),
            _KINDS[c.type.python_type] + (" or null" if c.nullable else ""),
            f"{c.doc or ''}{' (key)' if c.primary_key else ''}",
        )
        for c in found.columns
    ]
    told = f"\n\nUnique: {'; '.join(unique)}." if unique else ""
    return table(["column", "type", "meaning"], rows) + told
